"""What is measured: small programs of made-up sizes, watched op by op as any program of a learner's.

A probe is a training step (layers, a loss, gradients, an optimizer) or a chain of plain ops, fed with batches of an
unknown size as programs usually are. It runs in labkit's watched mode, in which each op runs alone and is timed
(`Session.watch`): so what is measured is what the twin shall predict. No probe has the sizes of a net that the twin is
tried on.

Other programs use the same processor, so nothing is measured once: the probes take turns, round after round. In its
turn a program is watched a few times, because after others it finds the caches full of theirs. What disturbs a run only
ever makes it longer, so of an op's times a low one is kept (`quiet`).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from labkit.calibration.errors import CalibrationError
from labkit.calibration.result import Calibration, fit
from labkit.costs import workload
from labkit.graph import Graph, Operation, Tensor
from labkit.ops.activations import relu
from labkit.ops.array import reshape
from labkit.ops.conv import conv2d
from labkit.ops.cross_entropy import softmax_cross_entropy_with_logits
from labkit.ops.elementwise_losses import l2_loss
from labkit.ops.exponential import exp, tanh
from labkit.ops.nn import dropout
from labkit.ops.pooling import max_pool
from labkit.ops.reduce import reduce_max, reduce_mean, reduce_sum
from labkit.ops.source import placeholder
from labkit.optimizers import GradientDescentOptimizer, MomentumOptimizer, Optimizer
from labkit.session import Session
from labkit.trace import Trace
from labkit.variables import Variable, global_variables, global_variables_initializer
from labkit.workload import Workload, WorkNode

Feeds = Mapping[Tensor, np.ndarray[Any, Any]]
Build = Callable[[], tuple[Tensor | Operation, Feeds]]
"""Builds a program in the default graph: what to fetch, and what to feed."""


_TURN_SECONDS = 0.25  # a program is watched this long, or _TURN times, whichever comes first; at least twice
_TURN = 12
_STEPS = 3  # whole steps in a turn


@dataclass
class Watched:
    """A program that is watched, again and again.

    Args:
        session: runs it; its variables are initialized.
        fetches: as for `Session.run`.
        feeds: as for `Session.run`.
        seconds: for each op the seconds that it took, run by run.
        steps: the seconds of a whole step, all ops compiled together, turn by turn.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [None, 20])
        >>> program = Watched(tf.Session(), tf.exp(x) + 1.0, {x: np.ones([10, 20], np.float32)})
        >>> program.turn()
        >>> sorted(program.seconds), len(program.steps)
        (['Exp', 'add', 'add/y'], 1)
    """

    session: Session
    fetches: Any
    feeds: Feeds
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    steps: list[float] = field(default_factory=list[float])

    def turn(self) -> None:
        """Watches a few steps and runs a few whole ones; notes how long they take. The first call also compiles."""
        if not self.seconds:
            self.watch()
            self.run(1)
        start = time.perf_counter()
        for number in range(_TURN):
            if number < 2 or time.perf_counter() - start < _TURN_SECONDS:
                for event in self.watch().events:
                    self.seconds.setdefault(event.node, []).append(event.duration_seconds)
        self.steps.append(self.run(_STEPS))

    def watch(self) -> Trace:
        """Watches a step; the values are let go."""
        _, trace = self.session.watch(self.fetches, self.feeds)
        trace.values.clear()
        return trace

    def run(self, times: int) -> float:
        """Runs whole steps; the seconds of one."""
        self._wait()
        start = time.perf_counter()
        for _ in range(times):
            self.session.run(self.fetches, self.feeds)
        self._wait()
        return (time.perf_counter() - start) / times

    def _wait(self) -> None:
        """Waits for updates that are still under way: whoever reads a variable waits for its value."""
        with self.session.graph.as_default():
            variables = global_variables()
        if variables:
            self.session.run(variables[-1])

    @cached_property
    def work(self) -> Workload:
        """The step as plain data."""
        shapes = {tensor: list(value.shape) for tensor, value in self.feeds.items()}
        with self.session.graph.as_default():
            return workload(self.fetches, shapes)

    @property
    def samples(self) -> list[tuple[WorkNode, float]]:
        """The ops that ran, with their times."""
        return [(node, quiet(self.seconds[node.name])) for node in self.work.nodes if node.name in self.seconds]

    @property
    def watched_seconds(self) -> float:
        """The time of a watched step: what its ops take, added up."""
        return sum(quiet(times) for times in self.seconds.values())

    @property
    def median_seconds(self) -> float:
        """Likewise with the median of each op's times: of a step that is disturbed as most are."""
        return sum(float(np.median(times)) for times in self.seconds.values())

    @property
    def whole_seconds(self) -> float:
        """The time of a whole step."""
        return quiet(self.steps)


def quiet(seconds: Sequence[float]) -> float:
    """The time of an op that little disturbs: the lower quartile of what was measured.

    Not the least: one lucky run should not count either.

    Example:
        >>> quiet([3.0, 1.0, 9.0, 2.0, 4.0])
        2.0
    """
    return float(np.quantile(np.asarray(seconds), 0.25))


def calibrate(rounds: int = 6, beside: Sequence[Watched] = ()) -> Calibration:
    """Measures this computer's processor and fits a model to it: about half a minute, most of it compiling.

    Args:
        rounds: how often each probe has its turn.
        beside: programs that take their turns between the probes, so that they meet the machine in the same mood. The
            fit does not look at them.

    Raises:
        CalibrationError: if there are no rounds.
    """
    if rounds < 1:
        raise CalibrationError(f"a calibration needs at least one round of measuring, not {rounds}.")
    programs = probes()
    for _ in range(rounds):
        for program in (*programs, *beside):
            program.turn()
    samples = [sample for program in programs for sample in program.samples]
    steps = [(program.work, program.whole_seconds) for program in programs]
    return fit(samples, steps, "this computer's CPU", _memory_bytes())


def _memory_bytes() -> float:
    """This computer's memory, where the system says; 8 GB else."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 8e9


def probes() -> list[Watched]:
    """The probes: from a few thousand numbers to a few million."""
    return [
        watched(build)
        for build in (
            lambda: layers(60, (300, 40, 12), GradientDescentOptimizer(0.1)),
            lambda: layers(130, (700, 150, 24), MomentumOptimizer(0.1, 0.9)),
            lambda: layers(200, (1000, 1000, 90), MomentumOptimizer(0.1, 0.9)),
            lambda: convolutions(30, 24, 3, (1, 12, 20)),
            lambda: convolutions(70, 20, 5, (3, 24, 40)),
            lambda: convolutions(150, 24, 5, (1, 40, 48)),
            *(lambda n=n: plain(n) for n in (500, 20_000, 300_000, 2_000_000)),
        )
    ]


def watched(build: Build) -> Watched:
    """A program in a graph and a session of its own.

    Args:
        build: builds the program in the default graph; returns what to fetch, and what to feed.
    """
    with Graph().as_default() as graph:
        fetches, feeds = build()
        start = global_variables_initializer()
        session = Session(graph=graph)
        session.run(start)
    return Watched(session, fetches, feeds)


def layers(batch: int, sizes: tuple[int, int, int], optimizer: Optimizer) -> tuple[Operation, Feeds]:
    """A training step of two layers with a softmax."""
    x, labels, feeds = _data([batch, sizes[0]], sizes[2])
    hidden = relu(x @ _weights(*sizes[:2]) + _biases(sizes[1]))
    return _train(hidden, labels, sizes[2], optimizer), feeds


def convolutions(batch: int, side: int, filter_side: int, channels: tuple[int, int, int]) -> tuple[Operation, Feeds]:
    """A training step of two convolutions, each with pooling, dropout, and a layer with a softmax."""
    x, labels, feeds = _data([batch, side * side * channels[0]], 14)
    image = reshape(x, [-1, side, side, channels[0]])
    for before, after in itertools.pairwise(channels):
        fits = conv2d(image, _weights(filter_side, filter_side, before, after), [1, 1, 1, 1], "SAME")
        image = max_pool(relu(fits + _biases(after)), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    width = (side // 4) ** 2 * channels[2]
    flat = dropout(reshape(image, [-1, width]), 0.6, seed=1)
    return _train(flat, labels, 14, GradientDescentOptimizer(0.01)), feeds


def plain(size: int) -> tuple[Tensor, Feeds]:
    """Element by element, and sums: what waits for memory."""
    x = placeholder(np.float32, [None, 20])
    rows = size // 20
    y = tanh(exp(x * 0.5) + x)
    sums = reduce_sum(reshape(relu(y - x), [-1, 10]), 0)
    return reduce_sum(sums) + reduce_max(y) + reduce_mean(reduce_sum(y * y, 1)), {
        x: np.random.default_rng(0).random((rows, 20), np.float32)
    }


def _data(shape: Sequence[int], classes: int) -> tuple[Tensor, Tensor, Feeds]:
    """Placeholders of an unknown batch size, and numbers to feed them."""
    rng = np.random.default_rng(0)
    x = placeholder(np.float32, [None, *shape[1:]])
    labels = placeholder(np.float32, [None, classes])
    one_hot = np.eye(classes, dtype=np.float32)[rng.integers(0, classes, shape[0])]
    return x, labels, {x: rng.random(tuple(shape), np.float32), labels: one_hot}


def _train(hidden: Tensor, labels: Tensor, classes: int, optimizer: Optimizer) -> Operation:
    """The last layer, the loss with a little weight decay, and the optimizer's step."""
    width = hidden.static_shape
    weights = _weights(int((width or (0,))[-1] or 0), classes)
    logits = hidden @ weights + _biases(classes)
    wrong = softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return optimizer.minimize(reduce_mean(wrong) + 1e-4 * l2_loss(weights))


def _weights(*shape: int) -> Variable:
    return Variable(0.05 * np.random.default_rng(1).standard_normal(shape, np.float32))


def _biases(size: int) -> Variable:
    return Variable(np.full([size], 0.1, np.float32))
