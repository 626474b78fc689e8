"""TensorFlow itself reads what labkit writes, and computes the same: for every op of the sample table that is also
TensorFlow's. Needs a Python with TensorFlow: `.venv-tf` (`make bench-tf` makes it), or LABKIT_TENSORFLOW_PYTHON.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.graphdef.signatures import signature
from tests.ops.every_call import all_samples, smallest_call

ORACLE = Path(os.environ.get("LABKIT_TENSORFLOW_PYTHON", str(Path(__file__).parents[2] / ".venv-tf/bin/python")))
DIFFERS = {
    "PyFunc": "a Python function cannot be written",
    "PyFuncStateless": "likewise",
    "RandomGamma": "labkit draws gammas with JAX's method",
    "ImageSummary": "the same picture in other PNG bytes",
    "SparseApplyMomentum-2": "TensorFlow refuses a negative index, which labkit ignores",
    "SparseApplyAdagrad-2": "likewise",
    "Betainc": "TensorFlow takes three tensors of one shape, labkit any that broadcast",
    "SparseToDense-3": "TensorFlow refuses indices that are out of order",
}
CANNOT = (
    "is not in the list of allowed values", "No OpKernel was registered", "only supports", "supports NHWC",
    "has been removed in version", "Expecting 1 or 2 input", "Shape must be rank",
)  # fmt: skip
"""What TensorFlow's CPU does not compute, and labkit does."""


@pytest.mark.skipif(not ORACLE.exists(), reason=f"there is no TensorFlow to compare with: {ORACLE}")
def test_tensorflow_computes_what_labkit_computes(tmp_path: Path) -> None:
    """Each op in a file of its own: TensorFlow imports it and gives labkit's values."""
    written = 0
    for name, sample in all_samples():
        call = smallest_call(sample)
        with tf.Graph().as_default() as graph:
            node, tensors, feeds = call.place()
            tf.global_variables_initializer()
        kind = name.rpartition("-")[0]
        strings = any(array.dtype == object for array in call.arrays) or any(t.dtype is tf.string for t in node.outputs)
        if strings or {kind, name} & set(DIFFERS) or signature(node.type) is None or not node.outputs:
            continue
        if signature(node.node_def.op) is None:
            continue  # labkit's own variant, which is not TensorFlow's op
        fetched = [node.outputs[0], *(tensors[i] for i in node.kind.writes[1:])] if node.kind.writes else node.outputs
        with tf.Session(graph=graph) as sess:
            sess.run("init")
            values = sess.run(list(fetched), feeds)
        (tmp_path / f"{name}.pb").write_bytes(graph.as_graph_def().SerializeToString())
        arrays: dict[str, Any] = {f"feed {t.name}": value for t, value in feeds.items()}
        arrays |= {f"value {t.name}": np.asarray(v) for t, v in zip(fetched, values, strict=True)}
        np.savez(tmp_path / f"{name}.npz", **arrays)
        written += 1
    script = Path(__file__).with_name("run_in_tensorflow.py")
    done = subprocess.run([str(ORACLE), str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    problems: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    real = {name: why for name, why in problems.items() if not any(text in why for text in CANNOT)}
    assert real == {}
    assert len(problems) < 0.1 * written
