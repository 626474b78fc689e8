"""How training scaled for others: published points, each with its source, its conditions and how well it is known.

    primary   read where it was first published: TensorFlow's own documentation, or the paper
    summary   of a paper, from a summary of it
    slide     on a slide or in an announcement only: no conditions, so no model can be held to it

Nothing here is computed but speed-ups, and the overhead that a speed-up implies: on n machines that do 1 / n of the
work each, a speed-up s means that a step takes n / s times as long as its computing; n / s - 1 is overhead.

Example:
    >>> sixty = point("inception/k80/64")
    >>> sixty.value, sixty.unit, round(sixty.speedup, 1), sixty.basis
    (1783.0, 'images/s', 60.0, 'primary')
    >>> print(sixty.source)
    TensorFlow, Benchmarks, May 2017: EC2 p2.8xlarge, synthetic data
    >>> round(implied_overhead(40, 50), 2), round(implied_overhead(300, 500), 2)
    (0.25, 0.67)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from labkit.cluster.errors import ClusterError, checked_count, checked_number

Basis = Literal["primary", "summary", "slide"]


@dataclass(frozen=True)
class Published:
    """A published point.

    Args:
        key: series and replicas, such as "inception/k80/64".
        title: for a reader.
        replicas: how many workers, GPUs or machines share the work.
        value: what was published; the least if it was a range.
        unit: of it: "images/s", "words/s", "s", "ms", "x" (a speed-up), "workers", "machines" or "%".
        source: where it was published.
        basis: "primary", "summary" or "slide".
        conditions: what was published of the machines and the model.
        most: the largest value, if a range was published.
        at_least: True if the value is a bound: "more than 12 x".
        one: the published value of a single replica, in the same unit, if there is one.
    """

    key: str
    title: str
    replicas: int
    value: float
    unit: str
    source: str
    basis: Basis
    conditions: str
    most: float | None = None
    at_least: bool = False
    one: float | None = None

    @property
    def series(self) -> str:
        """The points that make one curve share it."""
        return self.key.rpartition("/")[0]

    @property
    def speedup(self) -> float | None:
        """How many times as fast as one replica; None where that was not published. Of a range: its least value."""
        if self.unit == "x":
            return self.value
        if self.one is None or not self.unit.endswith("/s"):
            return None
        return self.value / self.one

    @property
    def overhead(self) -> float | None:
        """Overhead / computing that the speed-up implies; None if no speed-up was published."""
        return None if self.speedup is None else implied_overhead(self.speedup, self.replicas)

    @property
    def allowed(self) -> float:
        """How far off a simulation may be: 0.1 for a primary source or a summary of one, 0.2 for a slide."""
        return 0.2 if self.basis == "slide" else 0.1

    def __str__(self) -> str:
        bound = "more than " if self.at_least else ""
        most = "" if self.most is None else f" to {self.most:g}"
        return f"{self.title}: {bound}{self.value:,g}{most} {self.unit} ({self.source}; {self.basis})"


def implied_overhead(speedup: float, replicas: int) -> float:
    """Time that is not shared, for each second of a replica's computing: replicas / speed-up - 1.

    Args:
        speedup: how many times as fast as one.
        replicas: on how many.

    Raises:
        ClusterError: if the speed-up is not above zero or there is no replica.

    Example:
        >>> implied_overhead(10, 50), implied_overhead(40, 50)
        (4.0, 0.25)
    """
    return checked_count(replicas, "the number of replicas") / checked_number(speedup, "the speed-up", "times") - 1


_K80 = "TensorFlow, Benchmarks, May 2017: EC2 p2.8xlarge, synthetic data"
_DGX = "TensorFlow, Benchmarks, May 2017: NVIDIA DGX-1, synthetic data"
_OSDI = "M. Abadi et al., TensorFlow: a system for large-scale machine learning, OSDI 2016"
_CHEN = "J. Chen et al., Revisiting distributed synchronous SGD, 2016"
_DISTBELIEF = "J. Dean et al., Large scale distributed deep networks, NIPS 2012"
_SUTSKEVER = "I. Sutskever et al., Sequence to sequence learning with neural networks, 2014, section 3.5"
_CIFAR = "TensorFlow, tutorial Convolutional Neural Networks (CIFAR-10)"
_DEAN = "J. Dean, Large-scale deep learning with TensorFlow, slides, 2016"
_SLIDES = "slides on TensorFlow by K. Sato and J. Dean, 2016"


def _row(
    series: str, title: str, rates: Mapping[int, float], unit: str, source: str, conditions: str
) -> list[Published]:
    """The points of a row of a table, from one replica on."""
    return [
        Published(
            f"{series}/{n}", f"{title}, {n} GPU{'' if n == 1 else 's'}", n, rate, unit, source, "primary", conditions,
            one=rates[1],
        )
        for n, rate in rates.items()
    ]  # fmt: skip


def _null(what: str, title: str, one: float, hundred: float, unit: str) -> list[Published]:
    conditions = "a step that computes nothing, 16 parameter servers; a shared cluster, its network not named"
    return [
        Published(f"null/{what}/{n}", f"null step, {title}, {n} worker{'' if n == 1 else 's'}", n, value, unit,
                  f"{_OSDI}, figure 7", "summary", conditions)
        for n, value in ((1, one), (100, hundred))
    ]  # fmt: skip


_ALL: tuple[Published, ...] = (
    *_row("inception/k80", "Inception v3, K80", {1: 29.7, 8: 229.0, 16: 459.0, 32: 902.0, 64: 1783.0}, "images/s", _K80,
          "batch 64 a GPU, 95 MB of weights; 8 GPUs a machine"),
    *_row("resnet50/k80", "ResNet-50, K80", {1: 52.4, 8: 378.0, 16: 751.0, 32: 1388.0, 64: 2744.0}, "images/s", _K80,
          "batch 64 a GPU, 102 MB of weights; 8 GPUs a machine"),
    *_row("resnet152/k80", "ResNet-152, K80", {1: 19.4, 8: 146.0, 16: 291.0, 32: 565.0, 64: 981.0}, "images/s", _K80,
          "batch 32 a GPU, 241 MB of weights; 8 GPUs a machine"),
    *_row("inception/p100", "Inception v3, P100", {1: 142.0, 2: 284.0, 4: 569.0, 8: 1131.0}, "images/s", _DGX,
          "one machine of 8 P100"),
    *_row("resnet50/p100", "ResNet-50, P100", {1: 219.0, 2: 422.0, 4: 852.0, 8: 1734.0}, "images/s", _DGX,
          "one machine of 8 P100"),
    *_row("vgg16/p100", "VGG16, P100", {1: 154.0, 2: 295.0, 4: 584.0, 8: 1081.0}, "images/s", _DGX,
          "one machine of 8 P100"),
    *_row("translation/lstm", "translation, 4-layer LSTM", {1: 1700.0, 8: 6300.0}, "words/s", _SUTSKEVER,
          "batch 128, 1,000 cells a layer, a GPU a layer, the softmax of 80,000 words on four more; one machine"),
    Published("distbelief/dense/8", "DistBelief, dense speech net, 8 machines", 8, 2.2, "x", _DISTBELIEF, "summary",
              "42 M weights: 4 x 2,560 sigmoids, 8,192 outputs; slower on more than 8 machines"),
    Published("distbelief/peak/8", "machines at which that net is fastest", 8, 8.0, "machines", _DISTBELIEF, "summary",
              "42 M weights: 4 x 2,560 sigmoids, 8,192 outputs; slower on more than 8 machines"),
    Published("distbelief/local/81", "DistBelief, locally connected, 81 machines", 81, 12.0, "x", _DISTBELIEF,
              "summary", "1.7 billion weights, locally connected", at_least=True),
    *_null("scalar", "a scalar", 1.8, 8.8, "ms"),
    *_null("100MB", "100 MB", 147.0, 613.0, "ms"),
    *_null("1GB", "1 GB", 1.01, 7.16, "s"),
    Published("null/sparse/100", "null step, 32 rows of 1 or 16 GB", 100, 5.0, "ms",
              f"{_OSDI}, figure 7", "summary", "1 to 100 workers, 16 parameter servers; the same for 1 and 16 GB",
              most=20.0),
    Published("inception/async/200", "Inception v3, asynchronous, 200 workers", 200, 2300.0, "images/s", _OSDI,
              "summary", "asynchronous; rate of one worker and number of servers not in the summary"),
    Published("sync/median", "synchronous over asynchronous step, median", 50, 10.0, "%", f"{_OSDI}, section 6.3",
              "summary", "no backup workers; sharply worse above the 90th percentile; for how many workers is not in "
              "the summary"),
    Published("backup/time", "backups at which 50 workers are fastest", 50, 4.0, "workers",
              f"{_OSDI}, figure 8", "summary", "Inception v3, first 50 of 50 + b"),
    Published("backup/seconds", "that shortest step, 4 backups", 54, 1.93, "s", f"{_OSDI}, figure 8", "summary",
              "Inception v3, first 50 of 54"),
    Published("backup/normalised", "backups of the best speed-up a machine", 50, 3.0, "workers",
              f"{_OSDI}, figure 8", "summary", "t(0) / t(b) x 50 / (50 + b)"),
    Published("backup/gain", "that best speed-up a machine, 3 backups", 53, 9.5, "%", f"{_OSDI}, figure 8",
              "summary", "t(0) / t(3) x 50 / 53"),
    Published("backup/hundred", "how many of 100 machines to wait for", 100, 96.0, "workers", _CHEN, "summary",
              "96 and 4 backups; chosen by time to accuracy"),
    Published("cifar10/k20m/1", "CIFAR-10 net, 1 K20m", 1, 0.35, "s", _CIFAR, "primary", "batch 128 a GPU; s a batch",
              most=0.60),
    Published("cifar10/k20m/2", "CIFAR-10 net, 2 K20m", 2, 0.13, "s", _CIFAR, "primary", "batch 128 a GPU; s a batch",
              most=0.20),
    Published("cifar10/k20m/3", "CIFAR-10 net, 3 K20m", 3, 0.13, "s", _CIFAR, "primary", "batch 128 a GPU; s a batch",
              most=0.18),
    Published("cifar10/k20m/4", "CIFAR-10 net, 4 K20m", 4, 0.10, "s", _CIFAR, "primary", "batch 128 a GPU; s a batch"),
    Published("slides/inception/50", "Inception on ImageNet, 50 GPUs", 50, 40.0, "x", _SLIDES, "slide", "none"),
    Published("slides/rankbrain/500", "RankBrain, 500 nodes", 500, 300.0, "x", _SLIDES, "slide", "none"),
    Published("slides/dense/50", "dense models, 50 replicas", 50, 10.0, "x", _SLIDES, "slide", "none", most=40.0),
    Published("slides/sparse/1000", "sparse models: 1,000 replicas and more", 1000, 1000.0, "workers", _SLIDES, "slide",
              "none; replicas, not a speed-up", at_least=True),
    Published("slides/announced/100", "TensorFlow 0.8, 100 GPUs", 100, 56.0, "x",
              "announcement of TensorFlow 0.8, 2016", "slide", "none"),
    Published("slides/hours", "time to accuracy, sync + backups / async", 50, 0.8, "x", _DEAN,
              "slide", "40 h against 50 h; how many workers is not said"),
)  # fmt: skip

POINTS: Mapping[str, Published] = MappingProxyType({found.key: found for found in _ALL})
"""The published points by key."""

WEIGHTS_BYTES: Mapping[str, float] = MappingProxyType(
    {"inception": 95e6, "resnet50": 102e6, "resnet152": 241e6, "vgg16": 138e6 * 4}
)
"""Bytes of the weights of the nets in the tables. VGG16: 138 M weights (Simonyan and Zisserman, 2014, table 2)."""

K40_INCEPTION_IMAGES_A_SECOND = 9.5
"""Inception v3 on one K40. Source: the README of TensorFlow's Inception model."""


def point(key: str) -> Published:
    """The published point of that key.

    Raises:
        ClusterError: if there is none.

    Example:
        >>> print(point("slides/inception/50"))
        Inception on ImageNet, 50 GPUs: 40 x (slides on TensorFlow by K. Sato and J. Dean, 2016; slide)
    """
    if key not in POINTS:
        raise ClusterError(f"there is no published point {key!r}.", f"one of {', '.join(POINTS)}.")
    return POINTS[key]


def series(name: str) -> tuple[Published, ...]:
    """The points of one curve, such as "inception/k80", by replicas.

    Raises:
        ClusterError: if there are none.

    Example:
        >>> [(found.replicas, found.value) for found in series("inception/p100")]
        [(1, 142.0), (2, 284.0), (4, 569.0), (8, 1131.0)]
    """
    found = tuple(one for one in POINTS.values() if one.series == name)
    if not found:
        raise ClusterError(
            f"there is no published series {name!r}.",
            f"one of {', '.join(dict.fromkeys(one.series for one in POINTS.values()))}.",
        )
    return found
