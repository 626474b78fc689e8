"""Graphs that labkit makes and TensorFlow runs: `python -m tests.graphdef.programs` writes them for `make_goldens.py`.

Each program returns the feeds, the fetches, and the name of the operation to run first ("" for none).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import labkit as tf

FOLDER = Path(__file__).parents[1] / "golden" / "graphs"

Program = tuple[dict[str, Any], list[str], str]


def ramp(*shape: int) -> Any:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def conv() -> Program:
    """A convolutional network with pooling, normalization and a softmax."""
    x = tf.placeholder(tf.float32, [None, 6, 6, 1], name="x")
    h = tf.nn.relu(tf.nn.conv2d(x, ramp(3, 3, 1, 4), [1, 1, 1, 1], "SAME") + ramp(4))
    h = tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    logits = tf.matmul(tf.reshape(tf.nn.lrn(h, 2), [-1, 36]), ramp(36, 5))
    tf.nn.softmax(logits, name="softmax")
    tf.reduce_mean(tf.square(h), [1, 2], name="mean")
    return {"x:0": ramp(2, 6, 6, 1).tolist()}, ["softmax:0", "mean:0"], ""


def training() -> Program:
    """Variables, an initializer with a seed, an assignment that a read waits for."""
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [4, 3], name="x")
    w = tf.Variable(tf.truncated_normal([3, 2], seed=5), name="w")
    y = tf.matmul(x, w, name="y")
    with tf.control_dependencies([tf.assign_sub(w, tf.matmul(x, tf.nn.l2_normalize(y, 1), transpose_a=True) * 0.1)]):
        tf.identity(w.read_value(), name="after")
    tf.global_variables_initializer()
    return {"x:0": ramp(4, 3).tolist()}, ["y:0", "after:0"], "init"


def control() -> Program:
    """A branch and a loop."""
    x = tf.placeholder(tf.float32, [3], name="x")
    tf.identity(tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: x - 1.0), name="chosen")
    _, total = tf.while_loop(
        lambda i, total: i < 4, lambda i, total: (i + 1, total + x * tf.cast(i, tf.float32)), (0, x)
    )
    tf.identity(total, name="total")
    return {"x:0": [0.5, -0.25, 1.0]}, ["chosen:0", "total:0"], ""


PROGRAMS: dict[str, Callable[[], Program]] = {"conv": conv, "training": training, "control": control}


def main() -> None:
    """Writes the graphs."""
    for name, program in PROGRAMS.items():
        with tf.Graph().as_default() as graph:
            feeds, fetches, init = program()
        (FOLDER / f"labkit_{name}.pb").write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))
        written = {"feeds": feeds, "fetches": fetches, "init": init}
        (FOLDER / f"labkit_{name}.json").write_text(json.dumps(written) + "\n")


if __name__ == "__main__":
    main()
