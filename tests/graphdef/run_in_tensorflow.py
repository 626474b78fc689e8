"""Run by TensorFlow's Python: imports each graph of a folder and compares its values with those beside it.

Prints, as JSON, what is wrong with which.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def main() -> None:
    import numpy as np
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    problems: dict[str, str] = {}
    for path in sorted(Path(sys.argv[1]).glob("*.pb")):
        data = np.load(path.with_suffix(".npz"))
        feeds = {key[5:]: data[key] for key in data.files if key.startswith("feed ")}
        wanted = {key[6:]: data[key] for key in data.files if key.startswith("value ")}
        try:
            with tf.Graph().as_default(), tf.Session() as sess:
                tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
                sess.run("init")
                for (name, want), value in zip(wanted.items(), sess.run(list(wanted), feeds), strict=True):
                    assert np.asarray(value).dtype == want.dtype, f"{name}: {np.asarray(value).dtype}, not {want.dtype}"
                    np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-6, err_msg=name)
        except Exception as error:  # any failure of any kind is a finding about this op
            problems[path.stem] = f"{type(error).__name__}: {error}"[:2000]
    print(json.dumps(problems))


if __name__ == "__main__":
    main()
