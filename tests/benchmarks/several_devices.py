"""A training step with a layer on each of several CPU devices, against the plan for one device, side by side.

Runs in a process of its own with four devices. On one machine's cores nothing is gained: the layers of one step wait
for each other, and each device more is one more program to start and one more pair of transfers. The figure says what
that costs: what a cluster would have to win back.
"""

from __future__ import annotations

import os
import subprocess
import sys

_COUNTS = (1, 2, 4)


def several_devices() -> None:
    """Steps a second of a net of four layers on 1, 2 and 4 devices, and the ratio to the single-device plan."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    command = [sys.executable, "-m", "tests.benchmarks.several_devices"]
    subprocess.run(command, env=os.environ | {"XLA_FLAGS": flags}, check=True)


def _measure() -> None:
    import numpy as np

    import labkit as tf
    from tests.benchmarks.sidebyside import compare

    rng = np.random.default_rng(0)
    images = rng.random((100, 784), np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 100)]

    class Net:
        """784-256-128-64-10, the layers dealt to so many devices in turn; 0 asks for no device at all."""

        def __init__(self, devices: int) -> None:
            with tf.Graph().as_default() as graph:
                tf.set_random_seed(1)
                self.x, self.y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
                hidden = self.x
                for i, units in enumerate((256, 128, 64, 10)):
                    with tf.device(f"/cpu:{i * devices // 4}" if devices else None):
                        hidden = tf.layers.dense(hidden, units, tf.nn.relu if units > 10 else None)
                with tf.device(f"/cpu:{devices - 1}" if devices else None):
                    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.y, logits=hidden))
                trains = tf.train.GradientDescentOptimizer(0.1)
                self.step = trains.minimize(loss, colocate_gradients_with_ops=True)
                initial = tf.global_variables_initializer()
            self.session = tf.Session(graph=graph)
            self.session.run(initial)

        def run(self, steps: int) -> None:
            """So many steps, each waited for."""
            for _ in range(steps):
                self.session.run(self.step, {self.x: images, self.y: labels})
                if "weights" not in self.__dict__:
                    self.weights = next(name for name in self.session._store if name.endswith("kernel"))
                self.session._store[self.weights].block_until_ready()

    for count in _COUNTS:
        ours, theirs = Net(count), Net(0)
        ratio = compare(lambda net=ours: net.run(20), lambda net=theirs: net.run(20), blocks=21, steps=20)
        plan = list(ours.session._prepared.values())[1].plan
        sent = len(getattr(plan, "transfers", ()))
        title = f"MLP step on {count} CPU device(s) / one plan, {sent} transfers"
        print(ratio.line(title, "shown") + f"; {1 / ratio.ours_seconds:.0f} steps/s")


if __name__ == "__main__":
    _measure()
