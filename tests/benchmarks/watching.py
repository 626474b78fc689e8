"""What it costs to watch a training: steps in a `TrainingView` against the plain loop that a learner would write.

Both fetch the loss with each step. The view records it, samples weights, histograms and gradients, and sends messages;
they are packed as for a kernel, and thrown away. A step's time is that between two calls of the feed function, so the
samples between two steps count.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from jupyter_client.session import Session as Wire

import labkit as tf
from tests.benchmarks import models

Steps = list[float]


class Watched:
    """A net, trained by a plain loop or in a view."""

    def __init__(self, build: Any) -> None:
        with tf.Graph().as_default():
            self.x, self.y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
            self.train = build(self.x, self.y)
            # The loss is what the gradients begin at: the last scalar of the forward pass.
            graph = self.train.graph
            scalars = [
                n.outputs[0] for n in graph.get_operations()
                if n.outputs and n.outputs[0].static_shape == () and not n.name.startswith("gradients")
                and n.type in ("Mean", "Add", "AddV2") and "Optimizer" not in n.name
            ]  # fmt: skip
            self.loss = scalars[-1]
            self.session = tf.Session()
            self.session.run(tf.global_variables_initializer())
        self.feeds = {self.x: models.IMAGES, self.y: models.LABELS}
        self.session.run([self.train, self.loss], self.feeds)  # compiled for both

    def plain(self, steps: int, in_thread: bool) -> Steps:
        """Seconds of each step of a loop."""
        times = [time.perf_counter()]

        def loop() -> None:
            for _ in range(steps):
                self.session.run([self.train, self.loss], self.feeds)
                times.append(time.perf_counter())

        if not in_thread:
            loop()
            return np.diff(times).tolist()
        thread = threading.Thread(target=loop)
        thread.start()
        thread.join()
        return np.diff(times).tolist()

    def viewed(self, steps: int, count: Callable[[int], None]) -> Steps:
        """Seconds of each step in a view; the first second, in which its looks are compiled, is left out."""
        import labkit_widgets as lw

        times: list[float] = []

        def feed(_step: int) -> dict[Any, Any]:
            times.append(time.perf_counter())
            return self.feeds

        wire = Wire()

        def send(content: Any, buffers: Any = None) -> None:
            wire.serialize(wire.msg("comm_msg", {"data": {"method": "custom", "content": content}}))
            count(sum(map(len, buffers or ())))

        view = lw.TrainingView(self.session, self.train, feed=feed, steps=steps, curves={"loss": self.loss})
        view.send = send  # what a kernel does before it hands the message to the network
        view.observe(lambda change: count(len(change["new"])), "snapshot")
        view.start()
        view.wait()
        view.close()
        return np.diff(times).tolist()[1:]


def watching() -> None:
    """Watched steps against plain ones, for the softmax and the convolutional step of notebook 03."""
    for name, build, block, blocks in (
        ("softmax", models.softmax_labkit, 4000, 21), ("convnet", models.convnet_labkit, 25, 11),
    ):  # fmt: skip
        net = Watched(build)
        messages: list[int] = []
        seconds = 0.0
        found: dict[str, list[float]] = {}
        for number in range(blocks):
            taken: dict[str, Steps] = {}
            for how in ("viewed", "loop", "thread")[:: 1 if number % 2 else -1]:
                if how == "viewed":
                    taken[how] = net.viewed(block, messages.append)
                else:
                    taken[how] = net.plain(block, in_thread=how == "thread")
            seconds += sum(taken["viewed"])
            for how, against in (("loop", "a loop"), ("thread", "a loop in a thread")):
                for which, mean in (("median", statistics.median), ("mean", statistics.fmean)):
                    ratio = mean(taken["viewed"]) / mean(taken[how])
                    found.setdefault(f"{which} step / {against}", []).append(ratio)
        for what, ratios in found.items():
            low, middle, high = (sorted(ratios)[len(ratios) * part // 4] for part in (1, 2, 3))
            print(f"{f'{name}: watched {what}':<62} {middle:6.3f}  [{low:.3f}, {high:.3f}]  wanted <= 1.05")
        rate, size = len(messages) / seconds, sum(messages) / seconds / 1e3
        print(f"{f'{name}: messages a second ({size:.0f} kB/s)':<62} {rate:6.1f}  wanted <= 20")


if __name__ == "__main__":
    watching()
