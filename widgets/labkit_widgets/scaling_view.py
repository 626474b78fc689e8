"""`ScalingView`: how training scaled for others, how it scales in the simulation, and how it would scale if.

Example:
    >>> import labkit_widgets as lw
    >>> lw.ScalingView(["inception/k80", "slides/rankbrain"])
    <ScalingView: 6 published points: 1 input, 4 within, 1 undetermined>

    The learner's own curve beside them:

    >>> view = lw.ScalingView("inception/p100")
    >>> view.what_if = {"compute": 0.45, "bytes": 95e6, "bandwidth": 1.25e9, "way": "ring", "overlap": 0.5}
    >>> [float(x.round(1)) for x in view.curve.speedups[:4]]
    [1.0, 1.8, 3.5, 7.0]

Points and curves travel once (`scaling_points`); the learner's curve is computed in the page, by the same formulas as
`tf.parallel.scaling_curve`, so that its sliders need no kernel.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import traitlets

from labkit.parallel import AllReduce, Curve, ParameterServers, scaling_curve
from labkit_widgets import scaling_picture
from labkit_widgets.columns import pack
from labkit_widgets.scaling_points import (
    HEADLINES,
    PANELS,
    Times,
    backups,
    comparisons_of,
    curves,
    curves_of,
    points,
    presets,
    series_of,
    times_of,
)
from labkit_widgets.trace_picture import counted
from labkit_widgets.view import View, one_of

REPLICAS = tuple(2**power for power in range(11))
"""For how many workers the learner's own curve is computed."""

WAYS = ("servers", "ring", "tree")
_RANGES = {
    "compute": (1e-5, 1e3), "bytes": (1e3, 1e12), "bandwidth": (1e6, 1e13), "latency": (0.0, 1.0),
    "overlap": (0.0, 1.0), "servers": (1, 10_000), "batch": (1, 1e6),
}  # fmt: skip
_FIRST: dict[str, Any] = {
    "compute": 2.15, "bytes": 95e6, "bandwidth": 1.25e9, "latency": 50e-6, "overlap": 0.0, "way": "servers",
    "servers": 16, "batch": 64.0, "shown": False,
}  # fmt: skip


class ScalingView(View):
    """Speed-up, throughput, efficiency and times against replicas: published points, and the simulation beside each.

    Args:
        comparisons: what others have published: names of points, of series, or of what series begin with, see
            `labkit.parallel.published`; or comparisons. All if None.
        curve: curves of the learner's own: what `tf.parallel.scaling_curve` and `tf.parallel.backup_curve` return, one
            or several.
        times: lines of (workers, seconds), as `tf.parallel.times_to` makes from histories.
        panel: what is drawn at first, one of `PANELS`.

    Attributes:
        panel: what is drawn.
        shown: the names of the series that are drawn.
        selected: the name of the point that is told about, in a list.
        what_if: the sliders: `compute` and `batch` of a gradient (seconds, examples), `bytes` of the weights,
            `bandwidth` (bytes/s) and `latency` (seconds) of each machine, `overlap` (0 to 1), `way` ("servers", "ring"
            or "tree"), `servers`; and whether the curve is `shown`.

    Raises:
        ClusterError: if there is no such point.
        TypeError: if something is neither a point nor a curve.
        ValueError: if there is nothing to draw in that panel.
    """

    _kind = "ScalingView"

    data = traitlets.Bytes().tag(sync=True)
    panel = traitlets.Enum(PANELS, "speed-up").tag(sync=True)
    shown = traitlets.List(traitlets.Unicode()).tag(sync=True)
    log_x = traitlets.Bool(True).tag(sync=True)
    log_y = traitlets.Bool(True).tag(sync=True)
    what_if = traitlets.Dict().tag(sync=True)

    def __init__(
        self, comparisons: Any = None, curve: Any = None, *, times: Times | None = None, panel: str | None = None,
        **traits: Any,
    ) -> None:  # fmt: skip
        self.comparisons = comparisons_of(comparisons)
        self._curves, self._backups = curves_of(curve)
        lines = times_of(times)
        self._times = dict(times or {})
        if not (self.comparisons or self._curves or self._backups or self._times):
            raise ValueError("there is nothing to draw: no points, no curves, no times.")
        made: dict[str, Any] = {
            "series": series_of(self.comparisons), "points": points(self.comparisons),
            "curves": curves(self.comparisons, self._curves), "backups": backups(self.comparisons, self._backups),
            "times": lines, "presets": presets(), "replicas": list(REPLICAS),
        }  # fmt: skip
        made["panels"] = [name for name in PANELS if _there(made, name)] or [PANELS[0]]
        series = [one["name"] for one in made["series"]]
        shown = [name for name in series if name in HEADLINES] if comparisons is None else series
        first = one_of("panel", panel, made["panels"]) if panel is not None else made["panels"][0]
        self._series, self._made = series, made
        super().__init__(data=pack(made), **{"panel": first, "shown": shown, "what_if": {}, **traits})

    @property
    def curve(self) -> Curve:
        """The learner's own curve, as the sliders are: what `tf.parallel.scaling_curve` says of it."""
        what = self.what_if
        way = {"latency_seconds": what["latency"], "bytes_per_second": what["bandwidth"]}
        communication = (
            ParameterServers(what["servers"], **way) if what["way"] == "servers" else AllReduce(what["way"], **way)
        )
        return scaling_curve(
            what["compute"], what["bytes"], REPLICAS, communication, batch=what["batch"], overlap=what["overlap"],
            name="what if",
        )  # fmt: skip

    def describe(self) -> str:
        """How many points, and how many of them the simulation meets."""
        verdicts = Counter(one.verdict for one in self.comparisons)
        words = [f"{verdicts[word]} {word}" for word in ("input", "within", "miss", "undetermined") if verdicts[word]]
        parts = [f"{counted(len(self.comparisons), 'published point')}: {', '.join(words)}"] if self.comparisons else []
        own = len(self._curves) + len(self._backups) + len(self._times)
        return "; ".join([*parts, *([counted(own, "curve") + " of yours"] if own else [])])

    def outline(self) -> list[Any]:
        """Point by point what was published, what is simulated, how far off that is, and why."""
        lines: list[Any] = []
        for one in self.comparisons:
            lines.append(str(one))
            about = [f"source: {one.published.source} ({one.published.basis}); {one.published.conditions}"]
            about += [f"simulated by: {one.how}"] if one.simulated is not None else []
            about += [f"fitted: {one.fit}"] if one.fit else []
            about += [f"assumed: {one.assumed}"] if one.assumed else []
            about += [f"overhead that it implies: {one.implied}"] if one.implied else []
            about += [f"why: {one.reason}"] if one.reason else []
            lines.append(about)
        for curve in self._curves:
            ends = [f"{n}: {speedup:.3g} x" for n, speedup in zip(curve.replicas, curve.speedups, strict=True)]
            lines += [f"{curve.name[:200]}: speed-up", ends]
        for curve in self._backups:
            lines.append(
                f"{curve.workers} workers: fastest with {curve.best_time} backups, best speed-up a machine with "
                f"{curve.best_normalised}"
            )
        return lines

    def picture(self) -> str:
        """The speed-ups: published points, what is simulated of each, and curves."""
        return scaling_picture.picture(self._made, self.shown)

    @traitlets.validate("what_if")
    def _check_what_if(self, proposal: Any) -> dict[str, Any]:
        """From the page or from the learner: numbers within reach; what is missing stays as it was."""
        given: Mapping[str, Any] = proposal["value"]
        kept = {**_FIRST, **self.what_if}
        unknown = next((name for name in given if name not in _FIRST), None)
        if unknown is not None:
            raise traitlets.TraitError(f"there is no slider {unknown!r}; there are {', '.join(_FIRST)}.")
        for name, (least, most) in _RANGES.items():
            value = given.get(name, kept[name])
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not least <= value <= most:
                raise traitlets.TraitError(f"{name} is a number from {least:g} to {most:g}, not {value!r}.")
            kept[name] = int(value) if name == "servers" else float(value)
        if given.get("way", kept["way"]) not in WAYS:
            raise traitlets.TraitError(f"way is one of {', '.join(map(repr, WAYS))}, not {given['way']!r}.")
        kept["way"], kept["shown"] = given.get("way", kept["way"]), bool(given.get("shown", bool(given)))
        return kept

    @traitlets.validate("shown")
    def _check_shown(self, proposal: Any) -> list[str]:
        unknown = next((name for name in proposal["value"] if name not in self._series), None)
        if unknown is not None:
            raise traitlets.TraitError(f"there is no series {unknown!r} here; there is {', '.join(self._series)}.")
        return [name for name in self._series if name in proposal["value"]]


def _there(made: Mapping[str, Any], panel: str) -> bool:
    """Whether there is something to draw in a panel."""
    if panel == "backup workers":
        return bool(made["backups"])
    if panel == "time to target":
        return bool(made["times"])
    return any(panel in point["at"] for point in made["points"]) or any(curve.get(panel) for curve in made["curves"])
