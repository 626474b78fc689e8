"""`RooflineView`: what bounds each op of a graph: arithmetic, memory, or being started.

Example:
    >>> import labkit as tf
    >>> import labkit_widgets as lw
    >>> x, w = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [784, 10])
    >>> cost = tf.costs.graph_cost(tf.nn.relu(tf.matmul(x, w)), {x: [100, 784]})
    >>> view = lw.RooflineView(cost, ["k40", "h100"])
    >>> view
    <RooflineView: 2 op types, 2 nodes, 1.57 MFLOPs: 11.2 us on K40 in float32>
    >>> view.roof = "h100"
    >>> view
    <RooflineView: 2 op types, 2 nodes, 1.57 MFLOPs: 6.11 us on H100 in float32>

All times stand in one trait (see `roofline_marks`), so choosing a kind or a dtype needs no kernel.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

import traitlets

from labkit.cluster import ClusterError, DeviceKind
from labkit.trace import short
from labkit_widgets import roofline_picture
from labkit_widgets.roofline_marks import DTYPES, able, kinds_of, marks, work_of
from labkit_widgets.trace_picture import counted
from labkit_widgets.view import View, one_of

GROUPS = ("op", "node")
KINDS_SHOWN = ("laptop_cpu", "server_cpu", "k40", "p100", "tpu_v2")


class RooflineView(View):
    """The roofline: FLOPs a second by FLOPs per byte, a mark for each op under the roof of a kind of device.

    Args:
        work: what a graph costs: `tf.costs.graph_cost(...)` or its `nodes`, or costs by name; or a trace, such as
            `session.watch(fetches)` returns, whose marks are what each op reached.
        kinds: kinds of devices, or their names. The marks are under the roof of the first.
        dtype: what the ops compute in.
        by: "op" has a mark for each op type, "node" one for each node, of the 400 dearest.

    Attributes:
        roof: name of the kind whose roof the marks are under.
        dtype: name of the dtype.

    Raises:
        TypeError: if `work` is something else.
        ValueError: if there is no node or no kind.
        ClusterError: if a kind is unknown, or none of them computes in the dtype.

    Example:
        >>> from labkit.graph import Cost
        >>> import labkit_widgets as lw
        >>> lw.RooflineView({"MatMul": Cost(1e9, 1e6)}, "tpu_v1", "int8").seconds
        3.44118e-05
    """

    _kind = "RooflineView"

    data = traitlets.Bytes().tag(sync=True)
    roof = traitlets.Unicode().tag(sync=True)
    dtype = traitlets.Unicode().tag(sync=True)
    by = traitlets.Enum(GROUPS, "op").tag(sync=True)

    def __init__(
        self, work: Any, kinds: str | DeviceKind | Iterable[str | DeviceKind] = KINDS_SHOWN, dtype: Any = "float32",
        *, by: str = "op", **traits: Any,
    ) -> None:  # fmt: skip
        found, devices = work_of(work), kinds_of(kinds)
        name = str(getattr(dtype, "name", dtype))
        some = [other for other in DTYPES if any(not able(kind, other) for kind in devices)]
        if all(able(kind, name) for kind in devices):
            raise ClusterError(" ".join(able(kind, name) for kind in devices))
        self._devices = {kind.name: kind for kind in devices}
        self._dtypes = list(dict.fromkeys([*some, name]))
        self._made = marks(found, devices, self._dtypes)
        data = zlib.compress(json.dumps(self._made, separators=(",", ":")).encode(), 9)
        first = next(kind.name for kind in devices if not able(kind, name))
        super().__init__(data=data, dtype=name, by=one_of("by", by, GROUPS), **{"roof": first, **traits})

    @property
    def seconds(self) -> float:
        """The time of all nodes, one after another, on the chosen kind of device; of a trace, what they took.

        Raises:
            ClusterError: if the kind does not compute in the dtype.
        """
        wrong = able(self._devices[self.roof], self.dtype)
        if wrong:
            raise ClusterError(wrong)
        return self._now()["total"]

    def describe(self) -> str:
        """How much there is to do, and how long it takes; no time that was measured, which is new at every run."""
        made, kind = self._made, self._devices[self.roof]
        there = f"{counted(len(made['op']['name']), 'op type')}, {counted(made['nodes'], 'node')}"
        there += f", {short(sum(made['op']['flops']), 'FLOPs')}"
        if able(kind, self.dtype):
            return f"{there}: {able(kind, self.dtype)}"
        if made["clock"] == "measured":
            return f"{there}, measured, under the roof of {kind.title} in {self.dtype}"
        on = "simulated, under the roof of" if made["clock"] == "simulated" else "on"
        return f"{there}: {short(self.seconds, 's')} {on} {kind.title} in {self.dtype}"

    def picture(self) -> str:
        """The roofs, and the marks where their times are no measured ones."""
        return roofline_picture.picture(self._made, self.roof, self.dtype, self.by)

    def outline(self) -> list[Any]:
        """Op by op its work, its time and what bounds it, the dearest first."""
        return roofline_picture.outline(self._made, self.roof, self.dtype, self.by)

    def _now(self) -> dict[str, Any]:
        """The times on the chosen kind of device."""
        unit = self._devices[self.roof].computes_as(self.dtype)
        return self._made["times"][self.roof][unit]

    @traitlets.validate("roof")
    def _known_roof(self, proposal: Any) -> str:
        return _among("roof", proposal["value"], list(self._devices))

    @traitlets.validate("dtype")
    def _known_dtype(self, proposal: Any) -> str:
        return _among("dtype", str(getattr(proposal["value"], "name", proposal["value"])), self._dtypes)


def _among(name: str, value: str, choices: list[str]) -> str:
    """From the page or from the learner: one of the choices of this view."""
    try:
        return one_of(name, value, choices)
    except ValueError as error:
        raise traitlets.TraitError(str(error)) from None
