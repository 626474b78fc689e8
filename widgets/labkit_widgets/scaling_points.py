"""What `ScalingView` draws: published points with all that is known of them, and curves, as plain data.

For each panel a point has a place `[x, published, its upper end, simulated]`, with None where there is nothing; a point
without one stands in the table only.

Example:
    >>> (made,) = points(comparisons_of("inception/p100/8"))
    >>> made["title"], made["verdict"], [round(value, 2) for value in made["at"]["speed-up"] if value is not None]
    ('Inception v3, P100, 8 GPUs', 'within', [8.0, 7.96, 7.85])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from labkit.cluster import ClusterError
from labkit.parallel import POINTS, TRANSPORTS, Comparison, Curve, Published, compare
from labkit.parallel.comparison import value_text
from labkit.parallel.published import WEIGHTS_BYTES
from labkit.parallel.published_curves import published_backup_curve, series_curve
from labkit.parallel.scaling import BackupCurve
from labkit_widgets.cluster_scene import cut

PANELS = ("speed-up", "throughput", "efficiency", "step time", "backup workers", "time to target")
HEADLINES = (
    "inception/k80", "inception/p100", "translation/lstm", "distbelief/dense", "distbelief/local", "slides/inception",
    "slides/dense", "slides/announced", "slides/rankbrain", "slides/sparse", "backup",
)  # fmt: skip
"""The series that are shown at first."""

_NETS = {"inception": "Inception v3", "resnet50": "ResNet-50", "resnet152": "ResNet-152", "vgg16": "VGG16"}
_NETWORKS = {"local": "memory of one machine", "rpc": "10 G Ethernet, TCP", "rdma": "100 G InfiniBand"}
Times = Mapping[str, Sequence[tuple[int, float | None]]]


def comparisons_of(given: Any) -> list[Comparison]:
    """The points that a learner asks for.

    Args:
        given: None for all; names of points ("inception/k80/64"), of series ("inception/k80") or of what series begin
            with ("slides"); comparisons; one of these, or several.

    Raises:
        ClusterError: if there is no such point.
        TypeError: if something else is given.
    """
    if given is None:
        return [compare(key) for key in POINTS]
    several = [given] if isinstance(given, (str, Comparison, Published)) else given
    if isinstance(given, (Curve, BackupCurve)):
        raise TypeError("a curve of your own is no published point.\n  Try: lw.ScalingView(curve=...)")
    if not isinstance(several, Iterable):
        raise TypeError(
            f"ScalingView compares published points, not {cut(repr(given), 80)}.\n"
            "  Try: lw.ScalingView('inception/k80')"
        )
    found: dict[str, Comparison] = {}
    for one in cast("Iterable[Any]", several):
        if isinstance(one, Comparison):
            found[one.published.key] = one
        elif isinstance(one, Published):
            found[one.key] = compare(one.key)
        elif isinstance(one, str):
            found |= {key: compare(key) for key in _keys(one)}
        else:
            raise TypeError(
                f"{cut(repr(one), 80)} is no published point: those have names, such as 'inception/k80/64'; curves of "
                "your own are curve=..."
            )
    return list(found.values())


def _keys(name: str) -> list[str]:
    keys = [key for key in POINTS if key == name or key.startswith(name.rstrip("/") + "/")]
    if not keys:
        series = ", ".join(dict.fromkeys(point.series for point in POINTS.values()))
        raise ClusterError(f"there is no published point or series {name!r}.", f"one of {series}.")
    return keys


def curves_of(given: Any) -> tuple[list[Curve], list[BackupCurve]]:
    """The learner's curves.

    Raises:
        TypeError: if one is no curve.
    """
    several: list[Any] = [] if given is None else [given]
    if isinstance(given, (list, tuple)):
        several = list(cast("Iterable[Any]", given))
    wrong = next((one for one in several if not isinstance(one, (Curve, BackupCurve))), None)
    if wrong is not None:
        raise TypeError(
            f"{cut(repr(wrong), 80)} is no curve.\n"
            "  Try: tf.parallel.scaling_curve(compute_seconds, bytes, [1, 2, 4, 8])"
        )
    return (
        [one for one in several if isinstance(one, Curve)],
        [one for one in several if isinstance(one, BackupCurve)],
    )


def points(found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """All that the page says of each point."""
    return [_point(one) for one in found]


def _point(one: Comparison) -> dict[str, Any]:
    there = one.published
    simulated = None if one.simulated is None else value_text(one.simulated, one.most, there.unit)
    return {
        "key": there.key, "series": _series(there), "title": there.title, "x": there.replicas, "basis": there.basis,
        "bound": there.at_least, "at": _places(one), "source": there.source, "conditions": there.conditions,
        "published": value_text(there.value, there.most, there.unit, there.at_least), "simulated": simulated,
        "speedup": None if there.key in _RATIOS else _digits(there.speedup), "difference": _digits(one.difference),
        "verdict": one.verdict, "allowed": there.allowed, "how": one.how, "fit": one.fit, "assumed": one.assumed,
        "reason": one.reason, "implied": one.implied,
    }  # fmt: skip


_RATIOS = ("slides/hours",)
"""Published as so many times, and no speed-up: of one way of training over another."""


def _series(there: Published) -> str:
    return "null step" if there.series.startswith("null/") else there.series


def series_of(found: Sequence[Comparison]) -> list[dict[str, str]]:
    """The series of these points: names, and titles for a reader."""
    made: dict[str, str] = {}
    for one in found:
        name = _series(one.published)
        made.setdefault(name, _TITLES.get(name) or one.published.title.rpartition(", ")[0] or one.published.title)
    return [{"name": name, "title": title} for name, title in made.items()]


_TITLES = {
    "backup": "backup workers", "null step": "null step", "slides/sparse": "sparse models",
    "distbelief/peak": "DistBelief, where fastest", "sync/median": "sync over async step",
    "distbelief/dense": "DistBelief, dense", "distbelief/local": "DistBelief, local",
    "translation/lstm": "translation, LSTM",
}  # fmt: skip


def _places(one: Comparison) -> dict[str, list[float | None]]:
    there, x = one.published, float(one.published.replicas)
    at: dict[str, list[float | None]] = {}
    if there.speedup is not None and there.key not in _RATIOS:
        places = there.speedup, there.most if there.unit == "x" else None, one.simulated_speedup
        at["speed-up"] = [x, *map(_digits, places)]
        at["efficiency"] = [x, *(_digits(None if place is None else place / x) for place in places)]
    if there.unit.endswith("/s"):
        at["throughput"] = [x, *map(_digits, (there.value, there.most, one.simulated))]
    if there.unit in ("s", "ms") and not there.key.startswith("backup"):
        scale = 1e-3 if there.unit == "ms" else 1.0
        values = there.value, there.most, one.simulated
        at["step time"] = [x, *(_digits(None if value is None else value * scale) for value in values)]
    if there.key == "backup/gain":
        at["backup workers"] = [3.0, 1 + there.value / 100, None, 1 + (one.simulated or 0.0) / 100]
    elif there.key == "backup/time" and one.simulated is not None:
        steps = [step.value for step in published_backup_curve().steps]
        at["backup workers"] = [there.value, _digits(steps[4] / steps[0]), None, None]
    return at


def curves(found: Sequence[Comparison], own: Sequence[Curve]) -> list[dict[str, Any]]:
    """The simulated curves of the points' series, each once, and the learner's."""
    made: list[dict[str, Any]] = []
    for series in dict.fromkeys(one.published.series for one in found):
        curve = series_curve(series)
        if curve is not None:
            made.append(_curve(curve, series))
    return made + [_curve(curve, None) for curve in own]


def _curve(curve: Curve, series: str | None) -> dict[str, Any]:
    return {
        "name": cut(curve.name, 200), "series": series, "x": list(curve.replicas),
        "speed-up": _list(curve.speedups), "efficiency": _list(curve.efficiencies),
        "step time": _list(curve.seconds) if series is None else [],
        "throughput": _list(curve.throughputs) if series is None or series in _rated() else [],
    }  # fmt: skip


def _rated() -> set[str]:
    return {point.series for point in POINTS.values() if point.unit.endswith("/s")}


def backups(found: Sequence[Comparison], own: Sequence[BackupCurve]) -> list[dict[str, Any]]:
    """Curves of backup workers: the published one if it is asked for, and the learner's."""
    made = [_backup("50 workers, published fit", published_backup_curve(), "backup")] * any(
        one.published.series == "backup" for one in found
    )
    return made + [_backup(f"{curve.workers} workers, yours", curve, None) for curve in own]


def _backup(name: str, curve: BackupCurve, series: str | None) -> dict[str, Any]:
    first = curve.steps[0].value
    return {
        "name": name, "series": series, "x": list(range(len(curve.steps))),
        "step": _list(step.value / first for step in curve.steps), "each": _list(curve.normalised),
        "bounds": [[_digits(step.low / first), _digits(step.high / first)] for step in curve.steps],
        "best": [curve.best_time, curve.best_normalised],
    }  # fmt: skip


def presets() -> dict[str, Any]:
    """What a learner's own curve may begin with: models with their published rates, and networks."""
    models: list[dict[str, Any]] = []
    for there in POINTS.values():
        net, _, kind = there.series.partition("/")
        if there.replicas == 1 and kind in ("k80", "p100"):
            batch = 32.0 if net == "resnet152" else 64.0
            models.append({"name": f"{_NETS[net]} on {kind.upper()}", "compute": _digits(batch / there.value),
                           "bytes": WEIGHTS_BYTES[net], "batch": batch})  # fmt: skip
    networks = [
        {"name": _NETWORKS.get(name, name), "latency": latency, "bandwidth": rate}
        for name, (latency, rate) in TRANSPORTS.items()
    ]
    return {"models": models, "networks": networks}


def times_of(times: Any) -> list[dict[str, Any]]:
    """Lines of time to a target.

    Raises:
        TypeError: if they are something else.
    """
    lines: Any = times or {}
    given: Any = lines  # its type is not narrowed
    if not isinstance(lines, Mapping) or not all(map(_is_line, given.values())):
        raise TypeError(
            f"times are lines of (workers, seconds) by name, not {cut(repr(times), 80)}.\n"
            "  Try: tf.parallel.times_to([history, ...], 'accuracy', 0.9)"
        )
    return [
        {"name": cut(str(name), 200), "x": [workers for workers, _ in line], "y": [_digits(s) for _, s in line]}
        for name, line in cast("Times", given).items()
    ]


def _is_line(given: Any) -> bool:
    def is_pair(pair: Any) -> bool:
        return isinstance(pair, (list, tuple)) and len(cast("list[Any]", pair)) == 2

    return isinstance(given, (list, tuple)) and all(map(is_pair, cast("list[Any]", given)))


def _list(values: Iterable[Any]) -> list[float | None]:
    return [_digits(float(value)) for value in values]


def _digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.7g}")
