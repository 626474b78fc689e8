"""`Calibration`: what was found out about a processor, and what follows for a step.

A calibrated processor is a kind of device like those of the catalogue (`labkit.cluster.kinds`), with figures that were
measured: the FLOP/s of its best matrix product, the bytes/s of its best sum, the launch of an op. No op reaches these
peaks, so each class of ops has an efficiency besides; both together say how long an op takes (`Calibration.seconds`),
and the simulator takes that in place of the roofline:

    calibration = tf.calibration.calibrate()
    twin = calibration.simulate(tf.costs.workload(train, {x: [100, 784], y: [100, 10]}))
    twin.seconds                        # of the watched step, in which each op runs alone
    calibration.whole_seconds(work)     # of the whole step, which XLA compiles together

The watched step is what is modelled. The *whole* step starts once, not at every op, and XLA fuses the light ops (sums,
copies, other shapes) into the heavy ones (products, convolutions), so that they hardly cost anything. So its time is
predicted as a constant and a multiple of the heavy ops' times without their launches, both fitted to the probes' whole
steps; `whole.error` says how well that fits, and it fits less well.

What this is not: it knows no caches, no other programs, and no op that does its work in an unusual way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from labkit.calibration.classes import CLASSES, HEAVY, NOTHING, class_of, moved_bytes
from labkit.calibration.errors import CalibrationError
from labkit.calibration.fitting import ClassFit, fit_class, fit_line
from labkit.cluster import Cluster, Device, DeviceKind, single
from labkit.nests import is_mapping
from labkit.simulator import Simulation, roofline_seconds, simulate
from labkit.trace import aligned, short
from labkit.workload import Workload, WorkNode

DEVICE = "/device:CPU:0"
"""The device of the twin."""


@dataclass(frozen=True)
class WholeStep:
    """How the time of a whole step follows from its ops: `launch_seconds + factor * (heavy ops without launches)`.

    Args:
        launch_seconds: what a run takes when there is nothing to compute.
        factor: above 1 for what the light ops still cost; below 1 if heavy ops gain from being compiled together.
        samples: how many programs it was fitted to.
        error: the median relative error on them.
    """

    launch_seconds: float
    factor: float
    samples: int
    error: float


@dataclass(frozen=True)
class Calibration:
    """A processor as it was measured.

    Args:
        kind: its figures, as a kind of device.
        classes: for each class of ops its launch time and its efficiency.
        whole: how whole steps relate to their ops; None if none was measured.

    Example:
        >>> kind = DeviceKind("here", "this CPU", {"float32": 2e9}, 8e9, 1e9, 1e-5, "invented")
        >>> plain = ClassFit(1e-5, 0.5, 1.0, 1.0, 3, 0.0)
        >>> found = Calibration(kind, {"matrix product": plain, "element by element": plain})
        >>> round(found.seconds(WorkNode("y", "MatMul", flops=2e9), kind), 6)  # half of the peak is reached
        2.00001
        >>> Calibration.from_json(found.to_json()) == found
        True
    """

    kind: DeviceKind
    classes: Mapping[str, ClassFit]
    whole: WholeStep | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", MappingProxyType(dict(self.classes)))

    def __hash__(self) -> int:
        return hash(self.kind)

    def fit_for(self, node: WorkNode) -> ClassFit | None:
        """The fit of an op's class; None for what is there before the step. An unknown class is taken as the last."""
        name = class_of(node)
        return None if name == NOTHING else self.classes.get(name) or self.classes[CLASSES[-1]]

    def seconds(self, node: WorkNode, kind: DeviceKind) -> float:
        """How long an op takes: what the simulator asks (`labkit.simulator.OpSeconds`).

        Args:
            node: the op.
            kind: the kind of device. On another than the calibrated one it is the roofline time.
        """
        if kind != self.kind:
            return roofline_seconds(node, kind)
        fit = self.fit_for(node)
        return 0.0 if fit is None else fit.seconds(peak_seconds(node, kind))

    def cluster(self) -> Cluster:
        """A machine that has the calibrated processor, and nothing else."""
        return Cluster("this machine", single(), [Device(DEVICE, self.kind.name, "h0", own=self.kind)])

    def simulate(self, work: Workload) -> Simulation:
        """The watched step on the twin: all ops on the calibrated processor, one after another."""
        return simulate(work, {node.name: DEVICE for node in work.nodes}, self.cluster(), seconds=self.seconds)

    def whole_seconds(self, work: Workload) -> float:
        """The time of the whole step, in which all ops are compiled together.

        Raises:
            CalibrationError: if no whole steps were measured.
        """
        if self.whole is None:
            raise CalibrationError("this calibration knows nothing of whole steps: none was measured.")
        return self.whole.launch_seconds + self.whole.factor * self.heavy_seconds(work)

    def heavy_seconds(self, work: Workload) -> float:
        """The times of the heavy ops of a step added up, without their launches."""
        found = 0.0
        for node in work.nodes:
            fit = self.fit_for(node)
            if fit is not None and class_of(node) in HEAVY:
                found += fit.seconds(peak_seconds(node, self.kind)) - fit.launch_seconds
        return found

    @cached_property
    def error(self) -> float:
        """How sure: the median relative error of an op among the samples, each class counting by its samples."""
        fits = list(self.classes.values())
        return sum(f.error * f.samples for f in fits) / max(1, sum(f.samples for f in fits))

    def table(self) -> str:
        """The classes as text: launch, efficiency, how it falls for small ops, samples, error."""
        rows = [("class", "launch", "of the peak", "power", "samples", "off by")]
        rows += [
            (
                name, short(f.launch_seconds, "s"), f"{100 * f.efficiency:.0f}%" if f.efficiency else "-",
                f"{f.power:.2f}" if f.efficiency else "-", str(f.samples), f"{100 * f.error:.0f}%",
            )
            for name, f in self.classes.items()
        ]  # fmt: skip
        return aligned(rows)

    def __repr__(self) -> str:
        rate = short(self.kind.rate("float32"), "FLOP/s")
        said = f"{rate}, {short(self.kind.bytes_per_second, 'B/s')}, {short(self.kind.launch_seconds, 's')} an op"
        count = sum(f.samples for f in self.classes.values())
        text = f"{said}; {count} ops in {len(self.classes)} classes, off by {100 * self.error:.0f} % each"
        if self.whole is not None:
            text += f"; whole steps off by {100 * self.whole.error:.0f} %"
        return f"<calibration of {self.kind.title}: {text}>"

    def to_json(self) -> str:
        """The calibration as JSON."""
        data = {
            "name": self.kind.name,
            "kind": self.kind.as_dict(),
            "classes": {name: asdict(f) for name, f in self.classes.items()},
            "whole": None if self.whole is None else asdict(self.whole),
        }
        return json.dumps(data, indent=1)

    @staticmethod
    def from_json(text: str) -> Calibration:
        """The calibration that `to_json` wrote.

        Raises:
            CalibrationError: if it is not JSON, lacks something, or holds what cannot be.
            ClusterError: if a figure of the processor cannot be.
        """
        try:
            data: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CalibrationError(f"this is no calibration: {error}.") from None
        parts = ("name", "kind", "classes", "whole")
        if not is_mapping(data) or any(part not in data for part in parts):
            raise CalibrationError(f"a calibration is an object with {', '.join(parts)}; this is not.")
        if not is_mapping(data["classes"]) or CLASSES[-1] not in data["classes"]:
            raise CalibrationError(f'the calibration lacks the class "{CLASSES[-1]}", which serves for all others.')
        classes = {str(name): _read(ClassFit, fit, f"the class {name!r}") for name, fit in data["classes"].items()}
        whole = None if data["whole"] is None else _read(WholeStep, data["whole"], "the whole step")
        return Calibration(DeviceKind.from_dict(str(data["name"]), data["kind"]), classes, whole)


def peak_seconds(node: WorkNode, kind: DeviceKind) -> float:
    """The roofline time of an op without launch, with the bytes that it moves when it runs alone.

    Example:
        >>> kind = DeviceKind("here", "this CPU", {"float32": 2e9}, 8e9, 1e9, 1e-5, "invented")
        >>> peak_seconds(WorkNode("y", "Add", flops=1e3, bytes=12e3), kind)
        1.2e-05
    """
    computing = node.flops / kind.rate(node.dtype) if node.flops else 0.0
    return max(computing, moved_bytes(node) / kind.bytes_per_second)


def fit(
    samples: Iterable[tuple[WorkNode, float]], steps: Iterable[tuple[Workload, float]] = (), title: str = "this CPU",
    memory_bytes: float = 8e9,
) -> Calibration:  # fmt: skip
    """Fits a processor to what was measured on it.

    Args:
        samples: ops, and the seconds that each took alone. Among them must be matrix products, for the peak, and ops
            element by element, for the memory's bandwidth.
        steps: whole steps, and the seconds that each took.
        title: what people call the processor.
        memory_bytes: size of its memory.

    Raises:
        CalibrationError: if there are too few samples, or a time is not above zero.

    Example:
        >>> ops = [(WorkNode(f"m{n}", "MatMul", flops=n), 1e-5 + n / 1e9) for n in (1e3, 1e6, 1e9)]
        >>> ops += [(WorkNode(f"a{n}", "Add", bytes=n), 1e-5 + n / 1e8) for n in (1e3, 1e6, 1e9)]
        >>> found = fit(ops)
        >>> round(found.seconds(WorkNode("m", "MatMul", flops=1e7), found.kind), 6)
        0.01001
    """
    found: dict[str, list[tuple[WorkNode, float]]] = {}
    for node, seconds in samples:
        if not (math.isfinite(seconds) and seconds > 0):
            raise CalibrationError(f'the time of "{node.name}" ({node.op}) is {seconds!r} seconds, not above zero.')
        found.setdefault(class_of(node), []).append((node, seconds))
    products, plain = found.get("matrix product", []), found.get(CLASSES[-1], [])
    rate = max((node.flops / seconds for node, seconds in products), default=0.0)
    speed = max((moved_bytes(node) / seconds for node, seconds in plain), default=0.0)
    if not rate or not speed:
        lacking = "matrix products: the peak" if not rate else "ops element by element: the memory's bandwidth"
        raise CalibrationError(
            f"among the samples ({sum(map(len, found.values()))} ops) there are no {lacking} cannot be found.\n"
            "  Try: a program with a layer, such as tf.nn.relu(tf.matmul(x, w) + b), in several sizes."
        )
    kind = DeviceKind("calibrated", title, {"float32": rate}, memory_bytes, speed, 0.0, "measured")
    classes: dict[str, ClassFit] = {}
    for name in (name for name in CLASSES[1:] if name in found):
        nodes, times = zip(*found[name], strict=True)
        classes[name] = fit_class(np.array([peak_seconds(node, kind) for node in nodes]), np.array(times))
    kind = DeviceKind(
        "calibrated", title, {"float32": rate, "float64": rate / 2}, memory_bytes, speed,
        classes[CLASSES[-1]].launch_seconds,
        f"Measured on {sum(map(len, found.values()))} ops; float64 assumed: half as many fit a vector.",
    )  # fmt: skip
    return Calibration(kind, classes, _fit_whole(Calibration(kind, classes), list(steps)))


def _fit_whole(of_ops: Calibration, steps: list[tuple[Workload, float]]) -> WholeStep | None:
    """How whole steps relate to their ops; None without at least three of them."""
    if len(steps) < 3:
        return None
    heavy, seconds = np.array([of_ops.heavy_seconds(work) for work, _ in steps]), np.array([s for _, s in steps])
    launch, factor = fit_line(heavy, seconds)
    return WholeStep(launch, factor, len(steps), float(np.median(np.abs((launch + factor * heavy) / seconds - 1.0))))


def _read(kind: type[Any], data: Any, what: str) -> Any:
    """A record of numbers."""
    names = [field.name for field in fields(kind)]
    if not is_mapping(data) or set(data) != set(names):
        raise CalibrationError(f"{what} of the calibration must have {', '.join(names)}.")
    for name in names:
        value = data[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise CalibrationError(f"{name} of {what} of the calibration is {value!r}; it must be a number from 0 on.")
    return kind(**{name: data[name] for name in names})
