"""How long an op takes on a kind of device, and what bounds it: the roofline.

A device must do an op's arithmetic and move its bytes; it does both at once, so the slower one counts, and starting
the op comes on top:

    seconds = max(FLOPs / peak, bytes / bandwidth) + launch

Example:
    >>> import labkit as tf
    >>> x, w = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [784, 10])
    >>> cost = tf.costs.graph_cost(tf.matmul(x, w), {x: [100, 784]})
    >>> time = op_time(cost, "k40")
    >>> time.seconds, time.bound
    (6.211...e-06, 'launch')
    >>> print(time)
    6.21 us on K40: starting the op bounds it. It computes 366 ns, moves bytes 1.21 us, starts 5.00 us.

What this is not: it leaves out caches, transcendental functions (counted apart in `Cost`) and how well a program uses
the units. It is the floor; a measured run says how far above it one is.

Source: S. Williams, A. Waterman, D. Patterson: "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from labkit.cluster.errors import checked_number
from labkit.cluster.kinds import DeviceKind, device_kind
from labkit.trace import short


class Work(Protocol):
    """What has FLOPs and bytes: labkit's `Cost` and `GraphCost`."""

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        ...

    @property
    def bytes(self) -> float:
        """Bytes read and written."""
        ...


@dataclass(frozen=True)
class OpTime:
    """How long an op takes, taken apart.

    Args:
        kind: the device's kind.
        dtype: what it computed in.
        flops: its arithmetic.
        bytes: what it reads and writes.
        compute_seconds: FLOPs / peak.
        memory_seconds: bytes / bandwidth.
        launch_seconds: the launch overhead.
    """

    kind: DeviceKind
    dtype: str
    flops: float
    bytes: float
    compute_seconds: float
    memory_seconds: float
    launch_seconds: float

    @property
    def seconds(self) -> float:
        """The time of the op: the longer of compute and memory, and the launch."""
        return max(self.compute_seconds, self.memory_seconds) + self.launch_seconds

    @property
    def bound(self) -> str:
        """What takes longest: "compute", "memory" or "launch"."""
        parts = {"compute": self.compute_seconds, "memory": self.memory_seconds, "launch": self.launch_seconds}
        return max(parts, key=parts.__getitem__)

    @property
    def flops_per_byte(self) -> float:
        """Arithmetic intensity; infinite for an op that moves nothing."""
        return self.flops / self.bytes if self.bytes else float("inf")

    @property
    def flops_per_second(self) -> float:
        """What is reached of the peak; 0 for an op that takes no time."""
        return self.flops / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        """What bounds it, in words."""
        why = {"compute": "arithmetic bounds it", "memory": "memory bounds it", "launch": "starting the op bounds it"}
        said = why[self.bound]
        if self.flops and self.bound != "launch":
            side = "below" if self.bound == "memory" else "at or above"
            ridge = f"{side} the {self.kind.ridge(self.dtype):.3g} that balance {self.dtype} here"
            said += f" ({self.flops_per_byte:.3g} FLOPs a byte, {ridge})"
        times = [short(s, "s") for s in (self.compute_seconds, self.memory_seconds, self.launch_seconds)]
        return (
            f"{short(self.seconds, 's')} on {self.kind.title}: {said}. "
            f"It computes {times[0]}, moves bytes {times[1]}, starts {times[2]}."
        )


def op_time(cost: Work, kind: str | DeviceKind, dtype: Any = "float32") -> OpTime:
    """The time of an op on a kind of device.

    Args:
        cost: what the op costs: anything with `flops` and `bytes`, as labkit's `Cost`.
        kind: a kind of device or its name.
        dtype: the dtype it computes in.

    Raises:
        ClusterError: if the kind is unknown, cannot compute in the dtype, or the cost is negative.

    Example:
        >>> from labkit.graph import Cost
        >>> op_time(Cost(92e12, 34e9), "tpu_v1", "int8").seconds
        1.000005
        >>> print(op_time(Cost(1e9, 34e9), "tpu_v1", "int8"))
        1.00 s on TPU v1: memory bounds it (0.0294 FLOPs a byte, below the 2.71e+03 that balance int8 here). It...
    """
    kind = device_kind(kind)
    name = str(getattr(dtype, "name", dtype))
    flops = checked_number(cost.flops, "the work of the op", "FLOPs", zero=True)
    moved = checked_number(cost.bytes, "the traffic of the op", "bytes", zero=True)
    computing = flops / kind.rate(name) if flops else 0.0  # what computes nothing needs no unit: a copy, a reshape
    return OpTime(kind, name, flops, moved, computing, moved / kind.bytes_per_second, kind.launch_seconds)
