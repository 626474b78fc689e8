"""Makes the files of `tests/golden/graphs/`: graphs that TensorFlow wrote, and what TensorFlow computes with labkit's.

Run with a Python that has TensorFlow: `.venv-tf/bin/python tests/graphdef/make_goldens.py`, after
`.venv/bin/python -m tests.graphdef.programs` has written labkit's graphs (`labkit_*.pb`) there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

FOLDER = Path(__file__).parents[1] / "golden" / "graphs"


def main() -> None:
    import numpy as np
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.disable_resource_variables()
    rng = np.random.default_rng(0)
    results: dict[str, Any] = {}

    def weights(*shape: int) -> Any:
        return tf.constant((rng.standard_normal(shape) * 0.3).astype(np.float32))

    def keep(name: str, graph: Any, feeds: dict[str, Any], fetches: list[str], init: str = "") -> None:
        """Writes the graph, and what it computes."""
        data = graph.as_graph_def().SerializeToString()
        (FOLDER / f"{name}.pb").write_bytes(data)
        run(name, data, feeds, fetches, init)

    def run(name: str, data: bytes, feeds: dict[str, Any], fetches: list[str], init: str) -> None:
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.import_graph_def(tf.GraphDef.FromString(data), name="")
            if init:
                sess.run(init)
            values = sess.run(fetches, {key: np.array(value, np.float32) for key, value in feeds.items()})
        results[name] = {
            "init": init, "feeds": feeds,
            "values": {f: np.asarray(v).tolist() for f, v in zip(fetches, values, strict=True)},
        }  # fmt: skip

    images = rng.random((2, 8, 8, 1)).round(3).tolist()
    rows = rng.standard_normal((3, 4)).round(3).tolist()

    with tf.Graph().as_default() as graph:  # a frozen network
        x = tf.placeholder(tf.float32, [None, 8, 8, 1], name="x")
        h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, weights(3, 3, 1, 4), [1, 1, 1, 1], "SAME"), weights(4)))
        h = tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
        h, _, _ = tf.nn.fused_batch_norm(h, weights(4), weights(4), weights(4), tf.abs(weights(4)), is_training=False)
        h = tf.nn.depthwise_conv2d(h, weights(2, 2, 4, 1), [1, 1, 1, 1], "SAME")
        h = tf.nn.avg_pool(tf.concat([h, tf.nn.leaky_relu(h)], 3), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        h = tf.reshape(h, [tf.shape(h)[0], -1])
        h = tf.nn.elu(tf.nn.lrn(tf.reshape(h, [-1, 2, 2, 8]), 2))
        logits = tf.matmul(tf.reshape(h, [-1, 32]), weights(32, 10)) + weights(10)
        tf.nn.softmax(logits, name="softmax")
        tf.argmax(logits, 1, name="label")
        tf.nn.top_k(logits, 2, name="best")
    keep("frozen_conv", graph, {"x:0": images}, ["softmax:0", "label:0", "best:0", "best:1"])

    with tf.Graph().as_default() as graph:  # variables, a seed, an assignment, control inputs
        tf.set_random_seed(7)
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        with tf.device("/device:CPU:0"):
            w = tf.Variable(tf.truncated_normal([4, 3], stddev=0.5, seed=3), name="w")
        b = tf.Variable(tf.zeros([3]), name="b")
        with tf.colocate_with(b.op), tf.control_dependencies([tf.assign_add(b, [1.0, 2.0, 3.0])]):
            y = tf.identity(tf.tanh(tf.matmul(x, w) + b.read_value()), name="y")
        tf.nn.softmax_cross_entropy_with_logits(labels=tf.nn.softmax(y), logits=y, name="loss")
        tf.global_variables_initializer()
    keep("variables", graph, {"x:0": rows}, ["y:0", "w:0"], "init")

    tf.enable_control_flow_v2()
    tf.enable_resource_variables()
    with tf.Graph().as_default() as graph:  # loops and branches as functions, resource variables
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.Variable(np.full([4, 2], 0.5, np.float32), name="w")
        total = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.matmul(x, w) * 2.0, lambda: tf.matmul(x, w) - 1.0)
        tf.identity(total, name="chosen")
        end = tf.while_loop(
            lambda i, v: i < 5, lambda i, v: (i + 1, v * 0.5 + tf.reduce_mean(x)), (0, tf.constant(1.0))
        )
        tf.identity(end[1], name="end")
        tf.global_variables_initializer()
    keep("functions", graph, {"x:0": rows}, ["chosen:0", "end:0"], "init")

    for path in sorted(FOLDER.glob("labkit_*.pb")):
        program = json.loads(path.with_suffix(".json").read_text())
        run(path.stem, path.read_bytes(), program["feeds"], program["fetches"], program["init"])
    how = "tensorflow-cpu 2.21 on an x86-64 CPU: .venv-tf/bin/python tests/graphdef/make_goldens.py"
    (FOLDER / "values.json").write_text(json.dumps({"made by": how, "graphs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
