"""Where the tests, the doctests and the notebooks under test find MNIST, on computers that have it beside the project.

Downloads are off while testing, so that a run does not depend on the network; `make test` fetches MNIST beforehand
where it can.
"""

import os
import pathlib

_beside = pathlib.Path(__file__).resolve().parent.parent / "shared" / "data" / "mnist"
if _beside.is_dir():
    os.environ.setdefault("LABKIT_DATA", str(_beside))
os.environ.setdefault("LABKIT_NO_DOWNLOAD", "1")
