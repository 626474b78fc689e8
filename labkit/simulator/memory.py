"""What devices hold while a step runs, and what happens when it does not fit.

    1. Variables are there from the start, and stay.
    2. The outputs of an op are allocated when it starts. What arrives from another device is allocated there when its
       transfer starts.
    3. A tensor is freed when the last op that takes it on its device has ended; where it is sent, when the transfer
       has. What nobody takes is freed when its own op ends.
    4. What is fetched stays.
    5. An op that only looks at its input (`ALIASES`) makes no second copy: the memory is freed when the last taker of
       any of its names has ended. What stands for a variable holds nothing besides the variable.

What ends at an instant frees before anything that starts at it allocates. Where memory is needed for an instant only,
because an op takes no time, the curve has that instant twice: with the most, and with what is left.

Example:
    >>> curve = MemoryCurve((0.0, 1.0, 3.0), (100.0, 300.0, 100.0), capacity_bytes=1000.0)
    >>> curve.peak, curve.peak_seconds, curve.at(2.5)
    (300.0, 1.0, 300.0)

What it is not: an allocator. Blocks are not rounded up and memory has no holes; ops need no scratch memory, and none
writes its output over its input, as TensorFlow's kernels do where they may.

Source: `tensorflow/core/common_runtime/executor.cc` (1.4): inputs are held until their op ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from labkit.errors import ResourceExhaustedError
from labkit.trace import short

ALIASES = frozenset({
    "Bitcast", "CheckNumerics", "ExpandDims", "Identity", "IdentityN", "PlaceholderWithDefault", "PreventGradient",
    "Print", "Reshape", "ReshapeLike", "Squeeze", "StopGradient",
})  # fmt: skip
"""Types of ops whose outputs are their inputs by another name or shape: output n is input n."""

_SHOWN = 6  # of the tensors alive, in an error


class Held(NamedTuple):
    """A piece of memory that was held.

    Args:
        tensor: what it is: the tensor's name as its op called it.
        op: the op that made it; a `_Recv` for what has arrived from another device.
        device: where.
        bytes: its size.
        from_seconds: when it was allocated.
        until_seconds: when it was freed; infinity for what stays.
        variable: True for what is kept from step to step.
    """

    tensor: str
    op: str
    device: str
    bytes: float
    from_seconds: float
    until_seconds: float
    variable: bool


class Overflow(NamedTuple):
    """The first time that a device had no room.

    Args:
        device: which.
        seconds: when.
        op: the op that wanted more, or "" if the variables alone do not fit.
        wanted_bytes: what it wanted.
        held_bytes: what was held then.
        capacity_bytes: the device's memory.
        text: all of it in words, with the largest tensors that were alive.
    """

    device: str
    seconds: float
    op: str
    wanted_bytes: float
    held_bytes: float
    capacity_bytes: float
    text: str


@dataclass(frozen=True)
class MemoryCurve:
    """What a device holds over time, as steps: from `seconds[i]` on it holds `bytes[i]`."""

    seconds: tuple[float, ...]
    bytes: tuple[float, ...]
    capacity_bytes: float = inf

    @property
    def peak(self) -> float:
        """The most that it holds."""
        return max(self.bytes, default=0.0)

    @property
    def peak_seconds(self) -> float:
        """When it holds the most, for the first time."""
        return self.seconds[self.bytes.index(self.peak)] if self.bytes else 0.0

    def at(self, seconds: float) -> float:
        """What it holds at a time; at one that stands twice, what is left."""
        place = bisect_right(self.seconds, seconds)
        return self.bytes[place - 1] if place else 0.0


class Block(NamedTuple):
    """A piece of memory that a step will want: what the plan says of it.

    Args:
        tensor: the tensor's name.
        op: the op that makes it.
        kind: that op's type.
        about: dtype and shape, for errors.
        device: number of the device.
        bytes: its size.
        variable: True if it is there from the start and stays.
        fetched: True if it stays when all have taken it.
    """

    tensor: str
    op: str
    kind: str
    about: str
    device: int
    bytes: float
    variable: bool = False
    fetched: bool = False


class Memory:
    """The memories of the devices, while a step runs.

    Args:
        names: the devices.
        titles: what people call the kind of each.
        capacities: the memory of each, in bytes.
        report: False raises where something does not fit; True notes it and goes on.
        waiting: for a piece of memory, the ops that are still to take it; asked for errors only.

    Attributes:
        held: bytes that each device holds now.
        overflows: for each device that had no room, the first time.
    """

    def __init__(
        self, names: Sequence[str], titles: Sequence[str], capacities: Sequence[float], report: bool,
        waiting: Callable[[int], list[str]],
    ) -> None:  # fmt: skip
        self.names, self.titles, self.capacities, self.report = names, titles, capacities, report
        self.waiting = waiting
        count = len(names)
        self.held = [0.0] * count
        self.peak = [0.0] * count
        self.peak_tick = [0] * count
        self.overflows: dict[int, Overflow] = {}
        self._curves: list[tuple[list[float], list[float]]] = [([], []) for _ in names]
        self._tick = 0
        self._lives: dict[int, list[float]] = {}  # of each piece: from and until, in seconds and in ticks
        self._blocks: dict[int, Block] = {}
        self._pieces: list[list[int]] = [[] for _ in names]

    def keep(self, variables: Mapping[int, Block]) -> None:
        """What is there from the start, and stays.

        Raises:
            ResourceExhaustedError: if that alone does not fit, unless it is only to be noted.
        """
        for piece, block in variables.items():
            self._take(piece, block, 0.0)
        for device, held in enumerate(self.held):
            if held > self.capacities[device]:
                self._overflow(device, None, 0.0, held, 0.0)

    def allocate(self, piece: int, block: Block, now: float) -> None:
        """A piece of memory is taken.

        Args:
            piece: its number; each is taken once.
            block: what it is for.
            now: the time, in seconds.

        Raises:
            ResourceExhaustedError: if it does not fit, unless that is only to be noted.
        """
        device = block.device
        self._take(piece, block, now)
        if self.held[device] > self.capacities[device] and device not in self.overflows:
            self._overflow(device, piece, now, block.bytes, self.held[device] - block.bytes)

    def _take(self, piece: int, block: Block, now: float) -> None:
        self._tick += 1
        device = block.device
        self._lives[piece] = [now, inf, self._tick, inf]
        self._blocks[piece] = block
        self._pieces[device].append(piece)
        self.held[device] = held = self.held[device] + block.bytes
        if held > self.peak[device]:
            self.peak[device], self.peak_tick[device] = held, self._tick
        self._note(device, now, held)

    def free(self, piece: int, now: float) -> None:
        """A piece of memory is given back."""
        self._tick += 1
        life, block = self._lives[piece], self._blocks[piece]
        life[1], life[3] = now, self._tick
        device = block.device
        self.held[device] = held = self.held[device] - block.bytes
        self._note(device, now, held)

    def _note(self, device: int, now: float, held: float) -> None:
        """A step of the curve; of an instant only the last is kept, and the most if it stands out."""
        seconds, amounts = self._curves[device]
        most = held
        while seconds and seconds[-1] == now:
            most = max(most, amounts[-1])
            seconds.pop()
            amounts.pop()
        before = amounts[-1] if amounts else 0.0
        for amount in (most, held) if most > max(before, held) else (held,):
            if not amounts or amount != amounts[-1]:
                seconds.append(now)
                amounts.append(amount)

    def _alive(self, device: int, tick: float) -> list[int]:
        lives = self._lives
        return [piece for piece in self._pieces[device] if lives[piece][2] <= tick < lives[piece][3]]

    def _overflow(self, device: int, piece: int | None, now: float, wanted: float, before: float) -> None:
        """It does not fit: `piece`, or the variables if that is None."""
        alive = [other for other in self._alive(device, self._tick) if other != piece]
        alive.sort(key=lambda other: (-self._blocks[other].bytes, other))
        block = None if piece is None else self._blocks[piece]
        capacity = self.capacities[device]
        kept = sum(self._blocks[other].bytes for other in alive if self._blocks[other].variable)
        name, missing = f"{self.names[device]} ({self.titles[device]})", _size(before + wanted - capacity)
        if block is None:
            lines = [
                f"{name} has no room for the variables: they need {_size(wanted)}, its memory is {_size(capacity)}, "
                f"{missing} are missing."
            ]
        else:
            lines = [
                f"{name} is out of memory {short(now, 's')} into the step: the op {block.op!r} ({block.kind}) wants "
                f"{_size(wanted)} for {_called(block)}, {_size(before)} of {_size(capacity)} are held, {missing} are "
                "missing."
            ]
        text = "\n".join([*lines, *self._listed(alive)])
        op = "" if block is None else block.op
        self.overflows[device] = Overflow(self.names[device], now, op, wanted, before, capacity, text)
        if not self.report:
            smaller = "a smaller model" if kept > capacity / 2 else "a smaller batch"
            advice = f"a device with more memory, {smaller}, or some of these ops on another device."
            raise ResourceExhaustedError(None, None, f"{text}\n  Try: {advice}")

    def _listed(self, alive: Sequence[int]) -> list[str]:
        blocks = self._blocks
        lines = [f"{_size(blocks[p].bytes):>8}  {_called(blocks[p])}, {self._why(p)}" for p in alive[:_SHOWN]]
        if left := alive[_SHOWN:]:
            lines.append(f"{_size(sum(blocks[piece].bytes for piece in left)):>8}  in {len(left)} others")
        return ["  held, the largest first:", *(f"    {line}" for line in lines)] if lines else []

    def _why(self, piece: int) -> str:
        block = self._blocks[piece]
        if block.variable:
            return "a variable"
        waiting = self.waiting(piece)
        why = f"kept for {waiting[0]!r}" if waiting else "until that has ended"
        if len(waiting) > 1:
            why += f" and {len(waiting) - 1} more"
        how = "received by" if block.kind == "_Recv" else "made by"
        return f"{how} {block.op!r} ({block.kind}), {'fetched' if block.fetched else why}"

    def curve(self, device: int) -> MemoryCurve:
        """What a device held over time."""
        seconds, amounts = self._curves[device]
        return MemoryCurve(tuple(seconds) or (0.0,), tuple(amounts) or (0.0,), self.capacities[device])

    def pieces(self) -> list[Held]:
        """All that was held, in the order in which it was taken."""
        return [self._as_held(piece) for piece in self._lives]

    def at_peak(self, device: int) -> list[Held]:
        """What a device held when it held the most."""
        return [self._as_held(piece) for piece in self._alive(device, self.peak_tick[device])]

    def _as_held(self, piece: int) -> Held:
        block, life = self._blocks[piece], self._lives[piece]
        name = self.names[block.device]
        return Held(block.tensor, block.op, name, block.bytes, life[0], life[1], block.variable)


def _size(value: float) -> str:
    return short(value, "B")


def _called(block: Block) -> str:
    return f"{block.tensor} {block.about}".rstrip()
