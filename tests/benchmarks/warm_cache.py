"""What compiled code that was brought along saves a learner: the first compiled cell of notebook 03, cold and warm.

Both are learners who never ran it, each in a home folder of their own, begun by `binder/start` as on Binder and on a
hub. The warm one finds a seed, which `binder/warm` made of the notebook up to there, as `binder/postBuild` makes it of
the whole, and gets a private copy; the cold one finds none. What is compared is the processor time of the kernel in
that cell, all threads together: thirty in a room share its processors, so that, not the clock, is what each waits for.

Beside it stands what the cell costs with nothing to compile: the same cell run again in the same kernel.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient

from labkit.datasets import mnist

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "03_mnist_from_scratch.ipynb"
FIRST_COMPILED = "sess.run(train_step"
"""The first cell that runs a session holds it."""
LEARNERS = 5  # of each kind


def warm_cache() -> None:
    """Cold and warm learners by turns."""
    notebook = _up_to_the_first_compiled_cell()
    with tempfile.TemporaryDirectory() as scratch:
        seed = Path(scratch, "seed")
        short = Path(scratch, NOTEBOOK.name)
        nbformat.write(notebook, short)
        subprocess.run([ROOT / "binder" / "warm", seed, short], env=_paths(), check=True)
        entries = [path for path in seed.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in entries)
        print(f"{'the seed, made by binder/warm: entries, kB':<62} {len(entries):6d}, {size / 1e3:.0f}")
        times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for number in range(2 * LEARNERS):
            warm = bool(number % 2)
            home = Path(scratch, f"learner{number}")
            home.mkdir()
            environment = _started(home, seed if warm else Path(scratch, "none"))
            own = Path(environment["JAX_COMPILATION_CACHE_DIR"])
            if not own.is_relative_to(home) or any(own.iterdir()) != warm:
                raise RuntimeError(f"{own} is not what a learner should begin with")
            times[warm].append(_run(notebook, environment))
    cold, warm_ = (statistics.median(first for first, _ in times[kind]) for kind in (False, True))
    again = statistics.median(second for kind in times.values() for _, second in kind)
    ratio = statistics.median(w[0] / c[0] for c, w in zip(times[False], times[True], strict=True))
    print(f"{'first compiled cell of notebook 03, CPU seconds, cold':<62} {cold:6.2f}")
    print(f"{'  warm, by a private copy of the seed':<62} {warm_:6.2f}")
    print(f"{'  run again: what is not compiling':<62} {again:6.2f}")
    print(f"{'  warm / cold':<62} {ratio:6.3f}  wanted <= 0.5")


def _up_to_the_first_compiled_cell() -> Any:
    """The notebook up to that cell, and that cell once more."""
    notebook = nbformat.read(NOTEBOOK, 4)
    last = next(place for place, cell in enumerate(notebook.cells) if FIRST_COMPILED in cell.source)
    again = nbformat.from_dict(dict(notebook.cells[last], id="again"))
    notebook.cells = [*(cell for cell in notebook.cells[: last + 1] if cell.cell_type == "code"), again]
    return notebook


def _paths() -> dict[str, str]:
    """The environment with this Python's programs first, and without a cache of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "LABKIT_SEED"))}
    return environment | data_of_here() | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def data_of_here() -> dict[str, str]:
    """The environment with which a learner in another home folder reads the digits that are here."""
    where = mnist.find()
    return {"LABKIT_NO_DOWNLOAD": "1"} | ({} if where is None else {"LABKIT_DATA": str(where)})


def _started(home: Path, seed: Path) -> dict[str, str]:
    """What the server of a learner sees, when `binder/start` has begun it."""
    start = _paths() | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "LABKIT_SEED": str(seed)}
    shown = subprocess.run(
        [ROOT / "binder" / "start", "env", "-0"], env=start, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)


def _run(notebook: Any, environment: dict[str, str]) -> tuple[float, float]:
    """CPU seconds of the kernel in the last two cells."""
    spent: list[float] = []

    def before(**_: Any) -> None:
        spent.append(-_cpu(client))

    def after(**_: Any) -> None:
        spent[-1] += _cpu(client)

    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            nbformat.from_dict(notebook), timeout=600, resources={"metadata": {"path": folder}},
            on_cell_execute=before, on_cell_executed=after,
        )  # fmt: skip
        client.execute(env=environment | {"LABKIT_PROGRESS": ""})
    return spent[-2], spent[-1]


def _cpu(client: NotebookClient) -> float:
    """Of the kernel so far."""
    assert client.km is not None
    times = psutil.Process(client.km.provisioner.pid).cpu_times()
    return times.user + times.system
