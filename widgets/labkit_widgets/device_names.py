"""What `DeviceNameView` shows, asked of labkit itself: names taken apart, blocks merged, devices that match.

Nothing of `labkit.devices` is written a second time. To know what nested `tf.device` blocks ask for, an op is made
inside of such blocks; to know which device TensorFlow's placer takes, that op is placed.

Example:
    >>> made = op_inside(["/job:worker/task:1", "/gpu:0"])
    >>> made.device, sources(["/job:worker/task:1", "/gpu:0"])
    ('/job:worker/task:1/device:GPU:0', [1, None, 1, 2, 2])
    >>> Devices(["/cpu:0", "/gpu:1", "/gpu:0"]).names
    ('/job:localhost/replica:0/task:0/device:GPU:0', '/job:localhost/replica:0/task:0/device:GPU:1', ...CPU:0')
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from labkit.cluster import Cluster
from labkit.devices import DeviceNameError, DeviceSpec
from labkit.errors import LabkitError
from labkit.graph import Graph, Operation
from labkit.ops.source import constant
from labkit.placement import place

Scope = str | None
"""What one `tf.device` block is given: a name as it was written, or None."""

PARTS = ("job", "replica", "task", "device_type", "device_index")
TITLES = ("job", "replica", "task", "type", "index")

FEW = (
    "/job:localhost/task:0/device:CPU:0", "/job:parameters/task:0/device:CPU:0",
    "/job:worker/task:0/device:CPU:0", "/job:worker/task:0/device:GPU:0", "/job:worker/task:0/device:GPU:1",
    "/job:worker/task:1/device:CPU:0", "/job:worker/task:1/device:GPU:0", "/job:worker/task:1/device:GPU:1",
)  # fmt: skip
"""The devices that are asked where no cluster is given: the notebook's own process, two workers, a parameter server."""

_LISTED = 12  # devices
_LONGEST = 700  # letters of an error


def op_inside(scopes: Sequence[Scope]) -> Operation:
    """An op of a new graph, made inside of these `tf.device` blocks, outer to inner.

    Raises:
        DeviceNameError: if one of the names does not parse.
    """
    with ExitStack() as blocks:
        graph = blocks.enter_context(Graph().as_default())
        for scope in scopes:
            blocks.enter_context(graph.device(scope))
        return constant(1.0, name="x").op


def sources(scopes: Sequence[Scope]) -> list[int | None]:
    """For each part of what the blocks ask for together the number of the block that said it, counted from 1.

    Raises:
        DeviceNameError: if one of the names does not parse.
    """
    counted = op_inside(scopes).device_requests  # of the blocks that count, the innermost first
    said = [(len(scopes) - place, DeviceSpec.from_string(request.asked)) for place, request in enumerate(counted)]
    return [next((number for number, spec in said if getattr(spec, part) is not None), None) for part in PARTS]


def taken_apart(spec: DeviceSpec) -> list[str]:
    """The five parts as text; "" for one that is left open."""
    return ["" if (value := getattr(spec, part)) is None else str(value) for part in PARTS]


def composed(parts: Mapping[str, str]) -> str:
    """The name made of parts, as TensorFlow prints it.

    Args:
        parts: texts by title of the part; what is missing or "" is left open.

    Raises:
        DeviceNameError: if a part cannot be such a part, or an index is said without a type.

    Example:
        >>> composed({"job": "worker", "task": "1", "type": "gpu", "index": "0"})
        '/job:worker/task:1/device:gpu:0'
    """
    given: dict[str, Any] = {part: parts.get(title) or None for part, title in zip(PARTS, TITLES, strict=True)}
    spec = DeviceSpec(**given)
    name = spec.to_string()
    if DeviceSpec.from_string(name) != spec:
        if spec.device_type is None:
            raise DeviceNameError("an index is printed after a type only: say which type of device it counts.")
        raise DeviceNameError(f"{name!r} would be read as something else: a part holds what separates parts.")
    return name


def code_of(scopes: Sequence[Scope]) -> str:
    """The program that asks for it."""
    lines = [
        f"{'    ' * depth}with tf.device({'None' if scope is None else json.dumps(scope, ensure_ascii=False)}):"
        for depth, scope in enumerate(scopes)
    ]
    return "\n".join([*lines, f'{"    " * len(scopes)}x = tf.constant(1.0, name="x")', "print(x.device)"])


class Devices:
    """The devices that there are, the one that TensorFlow's placer prefers first.

    Args:
        there: a cluster, or names of devices; parts that are missing are those of this process.

    Attributes:
        names: their full names.
        about: what each is ("K40"), by full name; {} where only names were given.

    Raises:
        LabkitError: if there are none, or one is named twice or not fully.
        TypeError: if it is neither.
    """

    def __init__(self, there: Cluster | Iterable[str | DeviceSpec]) -> None:
        self.title = there.name if isinstance(there, Cluster) else ""
        given = list(there.devices) if isinstance(there, Cluster) else _names(there)
        full = place(Graph(), given).devices
        models = [device.model.title for device in there.devices.values()] if isinstance(there, Cluster) else []
        self.about = dict(zip(full, models, strict=False))
        self._specs = {name: DeviceSpec.from_string(name) for name in full}
        kinds = self._kinds()
        self.names = tuple(sorted(full, key=lambda name: (kinds.index(self._kind(name)), name)))

    def _kind(self, name: str) -> str | None:
        return self._specs[name].device_type

    def _kinds(self) -> list[str | None]:
        """The kinds in the placer's order: place an op, strike out the kind that it went to, and again."""
        left = {self._kind(name): name for name in self._specs}
        op, kinds = op_inside([]), list[str | None]()
        while left:
            taken = place([op], list(left.values())).device_of("x")
            kinds.append(self._kind(taken))
            del left[self._kind(taken)]
        return kinds

    def matching(self, asked: DeviceSpec) -> list[str]:
        """The full names of those that a name matches, in the placer's order."""
        return [name for name in self.names if asked.matches(self._specs[name])]

    def answer(self, scopes: Sequence[Scope], soft: bool) -> dict[str, Any]:
        """Which devices an op inside of these blocks may be on, and which the placer takes, as JSON.

        Args:
            scopes: names that parse, and None.
            soft: as `allow_soft_placement` of a session.
        """
        op = op_inside(scopes)
        found = self.matching(DeviceSpec.from_string(op.device))
        counts: dict[str, Any] = {"cluster": self.title, "of": len(self.names), "count": len(found)}
        try:
            decision = place([op], [self._specs[name] for name in self.names], allow_soft_placement=soft).decision("x")
        except LabkitError as error:
            return counts | {"list": [], "why": "", "error": told_shortly(error)}
        listed = [decision.device, *(name for name in found if name != decision.device)][:_LISTED]
        about = [[name, self.about.get(name, "")] for name in listed]
        return counts | {"list": about, "why": self._why(decision.device, found), "error": ""}

    def _why(self, taken: str, found: Sequence[str]) -> str:
        if taken not in found:
            return "None matches; soft placement forgets type and index, and takes this one."
        if len(found) == 1:
            return "It is the only one that matches."
        kinds = list(dict.fromkeys(str(self._kind(name)) for name in found))
        same = sum(self._kind(name) == kinds[0] for name in found)
        words = [f"{kinds[0]} comes before {' and '.join(kinds[1:])}"] if len(kinds) > 1 else []
        words += [f"of {same} {kinds[0]}s the first by name is taken"] if same > 1 else []
        text = ", and ".join(words)
        return f"{text[0].upper()}{text[1:]}."


def told_shortly(error: LabkitError) -> str:
    """The message and the advice of an error, where it is long without its middle."""
    advice = [note.strip() for note in getattr(error, "__notes__", []) if note.strip().startswith("Try: ")]
    text = " ".join([str(error.args[0] if error.args else error), *advice])
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def shown(scopes: Sequence[Scope], devices: Devices, soft: bool) -> dict[str, Any]:
    """All that the page shows, as JSON."""
    rows = [_row(scope) for scope in scopes]
    wrong = [number for number, row in enumerate(rows, 1) if row["error"]]
    found: dict[str, Any] = {"rows": rows, "code": code_of(scopes), "wrong": wrong, "merged": None, "devices": None}
    if not wrong:
        op = op_inside(scopes)
        parts = taken_apart(DeviceSpec.from_string(op.device))
        found["merged"] = {"printed": op.device, "parts": parts, "from": sources(scopes)}
        found["devices"] = devices.answer(scopes, soft)
    return found


def _row(scope: Scope) -> dict[str, Any]:
    """One block: what it says, part by part, and how TensorFlow prints that; or what is wrong with it."""
    try:
        spec = DeviceSpec() if scope is None else DeviceSpec.from_string(scope)
    except LabkitError as error:
        return {"printed": "", "parts": [""] * len(PARTS), "error": told_shortly(error)}
    return {"printed": spec.to_string(), "parts": taken_apart(spec), "error": ""}


def _names(there: Any) -> list[str | DeviceSpec]:
    """A list of names."""
    fine = isinstance(there, Iterable) and not isinstance(there, (str, Mapping))
    names: list[Any] = list(there) if fine else []  # pyright: ignore[reportUnknownArgumentType]
    if not fine or not all(isinstance(name, (str, DeviceSpec)) for name in names):
        raise TypeError(
            f"cluster is a tf.cluster.Cluster, or a list of device names such as ['/cpu:0', '/gpu:0'], not {there!r}."
        )
    return names
