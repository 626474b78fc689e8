"""Published points beside simulated ones: how far off the simulation is, and why.

Every simulated point says how it was made, and belongs to one of these:

    input         a published figure that the simulation starts from: the rate of one GPU
    within, miss  nearer than allowed (10 %; 20 % for slides), or not
    undetermined  what was published does not say enough for a simulation; the overhead that it implies is all there is

Besides, a point says when it rests on something else than hardware and network figures of the published run:
`fit` names what was fitted to the points themselves, `assumed` what the source leaves open.

Example:
    >>> found = compare("inception/k80/64")
    >>> print(found)
    Inception v3, K80, 64 GPUs: published 1,783 images/s, simulated 1,782 images/s (-0.1 %): within
    >>> compare("slides/rankbrain/500").verdict
    'undetermined'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labkit.cluster import device_kind, link_kind
from labkit.cluster.links import LinkKind
from labkit.parallel.communication import TRANSPORTS, ParameterServers
from labkit.parallel.published import (
    K40_INCEPTION_IMAGES_A_SECOND,
    POINTS,
    WEIGHTS_BYTES,
    Published,
    implied_overhead,
    point,
)
from labkit.parallel.published_curves import (
    DENSE_SPEECH,
    dense_curve,
    gpu_curve,
    inception_curve,
    published_backup_curve,
)
from labkit.parallel.scaling import null_step_seconds, split_layers_seconds, waiting_factor
from labkit.parallel.translation import translation_seconds
from labkit.simulator.stragglers import SlowedSteps

Verdict = Literal["input", "within", "miss", "undetermined"]


@dataclass(frozen=True)
class Comparison:
    """A published point and the simulated one.

    Args:
        published: the point.
        simulated: in its unit; None if what was published does not determine one.
        how: the model, and the figures that went into it.
        most: the largest simulated value, if a range was published.
        given: True if the point is an input of the simulation.
        fit: what was fitted to published points of the same series, or "".
        assumed: what the source leaves open, and was assumed, or "".
        reason: why it is off, or undetermined; or "".
    """

    published: Published
    simulated: float | None
    how: str
    most: float | None = None
    given: bool = False
    fit: str = ""
    assumed: str = ""
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Simulated / published - 1; of ranges, between their middles."""
        if self.simulated is None:
            return None
        ours = (self.simulated + (self.simulated if self.most is None else self.most)) / 2
        there = self.published
        theirs = (there.value + (there.value if there.most is None else there.most)) / 2
        return ours / theirs - 1

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.given:
            return "input"
        difference = self.difference
        if difference is None:
            return "undetermined"
        return "within" if abs(difference) <= self.published.allowed else "miss"

    @property
    def simulated_speedup(self) -> float | None:
        """Times one replica; None where the published point is no speed-up, or nothing was simulated."""
        there = self.published
        if self.simulated is None or there.speedup is None:
            return None
        return self.simulated if there.unit == "x" else self.simulated / (there.one or np.nan)

    @property
    def implied(self) -> str:
        """Overhead / computing that the published speed-up implies, for a reader; "" if it was none."""
        there = self.published
        if there.overhead is None or there.replicas == 1 or there.key == "slides/hours":
            return ""
        text = f"{there.overhead:.2f}"
        if there.most is not None:
            text += f" to {implied_overhead(there.most, there.replicas):.2f}"
        return f"at most {text}" if there.at_least else text

    def __str__(self) -> str:
        there = self.published
        text = f"{there.title}: published {value_text(there.value, there.most, there.unit, there.at_least)}"
        if self.simulated is None:
            return f"{text}: {self.verdict}"
        ours = value_text(self.simulated, self.most, there.unit)
        return f"{text}, simulated {ours} ({100 * (self.difference or 0.0):+.1f} %): {self.verdict}"


def value_text(value: float, most: float | None, unit: str, at_least: bool = False) -> str:
    """A value with its unit, for a reader.

    Example:
        >>> value_text(1783.0, None, "images/s"), value_text(0.35, 0.6, "s"), value_text(12, None, "x", True)
        ('1,783 images/s', '0.35 to 0.6 s', '>12 x')
    """

    def number(x: float) -> str:
        return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"

    return f"{'>' if at_least else ''}{number(value)}{'' if most is None else f' to {number(most)}'} {unit}"


def compare(key: str) -> Comparison:
    """A published point beside the simulated one.

    Args:
        key: of the point, see `labkit.parallel.published`.

    Raises:
        ClusterError: if there is no such point.

    Example:
        >>> compare("inception/p100/8").verdict
        'within'
    """
    there = point(key)
    for prefix, model in _MODELS.items():
        if key.startswith(prefix):
            return model(there)
    raise AssertionError(key)  # a test asks for all of them


def compare_all(keys: Iterable[str] | None = None) -> list[Comparison]:
    """All of them, or those of some keys; about five seconds for all."""
    return [compare(key) for key in (POINTS if keys is None else keys)]


# Tables of GPUs


def _gpus(there: Published) -> Comparison:
    net = there.series.partition("/")[0]
    rate = float(gpu_curve(there.series, [there.replicas]).throughputs[0])
    k80 = there.series.endswith("k80")
    how = "simulated messages: ring over " + (
        "PCIe 3 x16, two GPUs a board; then parameter servers on the machines, 10 G Ethernet" if k80
        else "one NVLink 1 a neighbour (20 GB/s)"
    )  # fmt: skip
    how += f"; {WEIGHTS_BYTES[net] / 1e6:.0f} MB, nothing overlaps"
    assumed = "64 images a GPU" if not k80 else "a server on every machine" if there.replicas > 8 else ""
    if there.replicas == 1:
        return Comparison(there, rate, "the rate of one GPU is published", given=True)
    return Comparison(there, rate, how, assumed=assumed, reason=_SMOOTH if net == "resnet50" and k80 else "")


_SMOOTH = "equal GPUs that never wait for the slowest: the model has no jitter"


def _cifar(there: Published) -> Comparison:
    one = point("cifar10/k20m/1")
    if there.replicas == 1:
        return Comparison(there, one.value, "one GPU is published", one.most, given=True)
    n = there.replicas
    if there.most is None:
        simulated, most = (one.value + (one.most or one.value)) / 2 / n, None
    else:
        simulated, most = one.value / n, (one.most or one.value) / n
    reason = "2 GPUs are published as 2.9 times as fast as one (middles): no model of exchange does better than 2; "
    return Comparison(there, simulated, "formula: time of one GPU / n; the net is too small for its exchange to count",
                      most, reason=reason + "what made one GPU slow was not exchange")  # fmt: skip


# Model parallelism


def _translation(there: Published) -> Comparison:
    if there.replicas == 1:
        return Comparison(there, there.value, "the rate of one GPU is published", given=True)
    rate = (there.one or np.nan) * translation_seconds(1) / translation_seconds(8)
    return Comparison(
        there, rate, "simulated step of 500 ops: layers on four K40, the softmax on four more, PCIe 3 x16, peak rates",
        assumed="K40; sentences of 20 words",
        reason=f"neither the GPU nor the order of ops is published; 10 to 30 words give {_words(10)} to {_words(30)} "
        "times one GPU; GPUs are taken to reach the same part of their peak at every op",
    )  # fmt: skip


def _words(words: int) -> str:
    return f"{translation_seconds(1, words) / translation_seconds(8, words):.2f}"


def _distbelief(there: Published) -> Comparison:
    if there.at_least:
        return Comparison(
            there, None, "none", reason="sizes of layers and fields, machines and network are not in the summary; the "
            "value is a bound",
        )  # fmt: skip
    flops, moved, exchanges = DENSE_SPEECH
    curve = dense_curve(range(1, 65))
    rate, network = device_kind("server_cpu").rate("float32"), link_kind("ethernet_10g").bytes_per_second
    # 1 / s = 1 / n + c (n - 1) / n, c = moved rate / (flops bandwidth), without latencies
    ratio = (1 / 2.2 - 1 / 8) * 8 / 7 * flops / moved
    few, many = (
        split_layers_seconds(1, *DENSE_SPEECH, rate, "ethernet_10g", batch)
        / split_layers_seconds(8, *DENSE_SPEECH, rate, "ethernet_10g", batch)
        for batch in (16, 1024)
    )
    peak = there.key == "distbelief/peak/8"
    return Comparison(
        there,
        1.0 + int(curve.speedups.argmax()) if peak else curve.at(there.replicas),
        "formula: each layer split over the machines, all send their outputs to all",
        assumed=f"{device_kind('server_cpu').title} at its peak, 10 G Ethernet ({rate / network:,.0f} FLOPs a byte; "
        f"2.2 x implies {ratio:,.0f} and more), 128 examples a step: not the machines of 2012",
        reason=f"the size of a step, whose examples share the {exchanges} x (n - 1) latencies, is not in the summary: "
        f"16 to 1,024 examples give {few:.2f} to {many:.2f} x on 8 machines, and fewer of them an earlier peak",
    )


# The null step of OSDI 2016

NULL_BYTES_PER_SECOND = 1.8e9
"""Fitted to the four points of 100 MB and 1 GB."""


def _null(there: Published) -> Comparison:
    what, n, servers = there.series.rpartition("/")[2], there.replicas, 16
    if what == "sparse":
        return Comparison(
            there, None, "none",
            reason="a range for 1 to 100 workers, of calls and not of bytes: the cost follows the 32 rows, whatever "
            "the table's size",
        )  # fmt: skip
    call, rate = TRANSPORTS["rpc"]
    if what == "scalar":
        calls = 2 * max(n, servers)
        return Comparison(
            there, 1e3 * calls * call,
            f"formula: {calls} calls, one after the other, of {call * 1e6:.0f} us each (the transport rpc)",
            assumed="time of a call, which is software's and on no data sheet",
            reason=f"the point implies {1e3 * there.value / calls:.0f} us a call; the summary gives no time of a call",
        )  # fmt: skip
    size, scale = (100e6, 1e3) if what == "100MB" else (1e9, 1.0)
    link = LinkKind("fitted", "the fitted network", call, NULL_BYTES_PER_SECOND, "fitted to OSDI 2016, figure 7")
    seconds = null_step_seconds(n, servers, size, link)
    sheet = scale * ParameterServers(servers, "rpc").step_seconds(n, size, size)
    implied = 2 * size * max(1.0, n / servers) / (there.value / scale)
    return Comparison(
        there, scale * seconds, "simulated messages of all workers and servers over one switch",
        fit=f"bandwidth {NULL_BYTES_PER_SECOND / 1e9:g} GB/s, to these four points",
        reason=f"the network is not named: this point implies {implied / 1e9:.2f} GB/s, the four 1.36 to 2.04, so no "
        f"one bandwidth meets all; {rate * 8 / 1e9:.0f} G Ethernet by its data sheet gives "
        f"{value_text(sheet, None, there.unit)}",
    )  # fmt: skip


# Stragglers

_FIT = "SlowedSteps and 1 % a backup: five numbers chosen to meet three, so a check and no validation"


def _backup(there: Published) -> Comparison:
    what = there.key.rpartition("/")[2]
    if what == "hundred":
        model = SlowedSteps()
        mean = [waiting_factor(model, n, 100, 1000, n).mean for n in range(85, 101)]
        best = 85 + int(np.argmax(np.arange(85, 101) / np.array(mean)))
        return Comparison(
            there, float(best), "Monte Carlo: most gradients a second, n / E[n-th of 100]",
            fit="SlowedSteps, to 50 workers of another experiment",
            assumed="chosen by gradients a second; the paper chose by time to accuracy",
        )  # fmt: skip
    curve = published_backup_curve()
    step, gain = curve.steps[4], 100 * (float(curve.normalised[3]) - 1)
    sure = f"Monte Carlo, 25,000 steps a point; step at b = 4: {step.value:.4f} ({step.low:.4f} to {step.high:.4f})"
    if what == "seconds":
        return Comparison(
            there, there.value, "the time of an unhindered step follows from this point", given=True, fit=_FIT,
        )  # fmt: skip
    simulated = {"time": float(curve.best_time), "normalised": float(curve.best_normalised), "gain": gain}[what]
    return Comparison(there, simulated, sure, fit=_FIT)


def _median(there: Published) -> Comparison:
    model = SlowedSteps()
    waits = waiting_factor(model, 50, 50, 4000).quantile(0.5)
    alone = waiting_factor(model, 1, 1, 4000).quantile(0.5)
    return Comparison(
        there, 100 * (waits.value / alone.value - 1),
        f"Monte Carlo: median of the slowest of 50, {waits.value:.3f} ({waits.low:.3f} to {waits.high:.3f}), over that "
        "of one worker",
        fit="SlowedSteps, to the backup workers of the same paper",
        assumed="50 workers; an asynchronous step that waits for nothing",
        reason="the paper's gain of 9.5 % with 3 backups says that steps without them take 16 % longer than with them "
        "(1.095 x 53 / 50): the 10 % are of another run or of fewer workers, or the gain is of means with a long tail",
    )  # fmt: skip


# Slides, and the asynchronous run of OSDI 2016


_ASSUMED = "Inception v3 on K40 (9.5 images/s, 32 a batch), 16 parameter servers, 10 G Ethernet"


def _slide_inception(there: Published) -> Comparison:
    n = there.replicas
    few, many = (inception_curve([n], servers).at(n) for servers in (4, n))
    return Comparison(
        there, inception_curve([n]).at(n), "formula: compute + parameter servers, no overlap, no stragglers",
        assumed=_ASSUMED,
        reason=f"no conditions are published: 4 to {n} servers give {few:.0f} to {many:.0f} x, so that this is one of "
        "many answers",
    )  # fmt: skip


def _asynchronous(there: Published) -> Comparison:
    n, servers = there.replicas, 16
    way, size, batch = ParameterServers(servers, "rpc"), WEIGHTS_BYTES["inception"], 32.0
    cycle = batch / K40_INCEPTION_IMAGES_A_SECOND + way.pull_seconds(n, size) + way.push_seconds(n, size)
    rate = min(n / cycle, servers * TRANSPORTS["rpc"][1] / size) * batch
    return Comparison(
        there, rate, "formula: each worker reads, computes, sends; the servers' links are not full", assumed=_ASSUMED,
        reason=f"{there.value / n:.1f} images/s a worker are more than the {K40_INCEPTION_IMAGES_A_SECOND} that the "
        "README gives for one K40 alone: other GPUs or software; the rate of one worker is not in the summary",
    )  # fmt: skip


def _undetermined(there: Published) -> Comparison:
    size, rate = WEIGHTS_BYTES["inception"], TRANSPORTS["rpc"][1]
    reasons = {
        "rankbrain": "neither model nor machines are on the slide",
        "dense": "no model, machines or network on the slide; the range is that of nets with much and little computing "
        "for each weight",
        "sparse": f"no speed-up on the slide. With 16 servers on 10 G Ethernet 1,000 workers keep them busy for "
        f"{2 * size * 1000 / 16 / rate:.1f} s a step with the {size / 1e6:.0f} MB of a dense net, for "
        f"{1e3 * 2 * 32 * 1024 * 1000 / 16 / rate:.1f} ms with 32 rows of 1 KB",
        "hours": "the optimiser's dynamics decide it, not the time of a step: a synchronous step is the longer one",
    }
    name = there.key.split("/")[1]
    return Comparison(there, None, "none", reason=reasons[name])


_MODELS: dict[str, Callable[[Published], Comparison]] = {
    "inception/async": _asynchronous,
    "inception/": _gpus,
    "resnet": _gpus,
    "vgg16": _gpus,
    "cifar10": _cifar,
    "translation": _translation,
    "distbelief": _distbelief,
    "null": _null,
    "backup": _backup,
    "sync/median": _median,
    "slides/inception": _slide_inception,
    "slides/announced": _slide_inception,
    "slides/": _undetermined,
}
