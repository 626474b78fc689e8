"""A cell: the machines that one scheduler manages, their resources, and how well a task would sit on each of them.

A machine offers four things: processor time, memory, disk traffic and TCP ports. They are integers (milli-cores, bytes,
bytes a second, a count), as in Borg, so that what is free is exact however often tasks come and go. A `Cell` keeps
them as NumPy arrays, one row a machine, so that a question about 10,000 machines is one array expression: which have
room (`feasible`), and what would it cost to put this task there (`costs`; the smallest is the best).

The three ways to score are those that the Borg paper (section 3.2) tells apart:

* `worst_fit`: E-PVM. A machine's cost grows exponentially with the fraction of each resource in use; take the machine
  whose cost grows least. Load spreads over all machines; little room is left for a large task.
* `best_fit`: take the machine that has the least left over. Machines fill up, the rest stay empty.
* `hybrid`: best fit, and no stranded resources. A machine without CPU strands its memory, so what is left should be
  even: the cost adds by how much the task makes the leftovers of the machine more uneven (their squared deviations).

For the last two, leftovers count in units of the cell's largest machine.

Example:
    >>> cell = Cell([Machine("lean", Resources(8000, 8 << 30)), Machine("fat", Resources(5000, 16 << 30))])
    >>> cell.feasible(Resources(2000, 12 << 30)).tolist()
    [False, True]
    >>> import numpy as np
    >>> {how: cell.names[np.argmin(cell.costs(Resources(500, 6 << 30), how))] for how in POLICIES}
    {'worst_fit': 'fat', 'best_fit': 'lean', 'hybrid': 'fat'}

What it is not: Borg's formulas, which are not published. The hybrid here is the paper's sentence ("reduce the amount of
stranded resources") made into one; `tests/benchmarks/borg.py` prints what it is worth.

Source: A. Verma et al.: "Large-scale cluster management at Google with Borg", EuroSys 2015, sections 2.2, 3.2 and 5.4
(milli-cores and bytes); Y. Amir et al.: "An opportunity cost approach for job assignment in a scalable computing
cluster", IEEE TPDS 2000, for E-PVM; C. Reiss et al.: "Heterogeneity and dynamicity of clouds at scale: Google trace
analysis", SoCC 2012, table 1, for the machines of `Cell.sample`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.cluster.errors import ClusterError

__all__ = ["POLICIES", "Cell", "CellError", "Constraint", "Machine", "Resources"]

POLICIES = ("worst_fit", "best_fit", "hybrid")
_UNEVEN = 64.0  # weight of uneven leftovers beside their sum, in the hybrid; found by `smallest_cell`

# Platform, CPU and memory relative to the largest, and how many of the 12,583 machines of the 2011 trace were so.
_TRACE_MACHINES: tuple[tuple[str, float, float, int], ...] = (
    ("B", 0.50, 0.50, 6732), ("B", 0.50, 0.25, 3863), ("B", 0.50, 0.75, 1001), ("C", 1.00, 1.00, 795),
    ("A", 0.25, 0.25, 126), ("B", 0.50, 0.12, 52), ("B", 0.50, 0.03, 5), ("B", 0.50, 0.97, 5),
    ("C", 1.00, 0.50, 3), ("B", 0.50, 0.06, 1),
)  # fmt: skip


class CellError(ClusterError):
    """A cell, a machine or a job is described in a way that makes no sense.

    Cause: two machines of one name, a negative capacity, an unknown machine or band, a job that no machine can hold.

    Example:
        >>> try:
        ...     Cell([Machine("a", Resources(-1, 0))])
        ... except CellError as error:
        ...     print(error)
        machine "a" has -1 milli-cores of CPU; a resource is a whole number, 0 or more.
    """


class Resources(NamedTuple):
    """What a machine has, or a task asks for.

    Args:
        cpu_millicores: processor time; 1000 are one core.
        memory_bytes: memory.
        disk_bytes_per_second: disk traffic.
        ports: TCP ports. A machine has one address, so its tasks share its ports (section 7.1).

    Example:
        >>> Resources(1000, 2 << 30).times(3)
        Resources(cpu_millicores=3000, memory_bytes=6442450944, disk_bytes_per_second=0, ports=0)
    """

    cpu_millicores: int
    memory_bytes: int
    disk_bytes_per_second: int = 0
    ports: int = 0

    def times(self, count: int) -> Resources:
        """These resources, `count` times."""
        return Resources(*(amount * count for amount in self))

    def check(self, whose: str) -> None:
        """Raises `CellError` where an amount is negative or no whole number; `whose` begins the message."""
        for unit, amount in zip(UNITS, self, strict=True):
            if type(amount) is not int or amount < 0:
                raise CellError(f"{whose} has {amount} {unit}; a resource is a whole number, 0 or more.")


UNITS = ("milli-cores of CPU", "bytes of memory", "bytes a second of disk traffic", "ports")


class Constraint(NamedTuple):
    """What a job wants its machines to be like: `attribute` is `value`, or is not.

    Args:
        attribute: name of a machine's attribute; "rack" and "name" are attributes too.
        value: the value wanted. A machine without the attribute differs from every value.
        equal: False: any value but this one.
        hard: False: a preference. It makes a machine dearer, not impossible (section 2.3).
    """

    attribute: str
    value: str
    equal: bool = True
    hard: bool = True

    def holds(self, machine: Machine) -> bool:
        """True where the machine is as wanted."""
        own = {"name": machine.name, "rack": machine.rack, **machine.attributes}
        return (own.get(self.attribute) == self.value) is self.equal


@dataclass(frozen=True)
class Machine:
    """One machine.

    Args:
        name: its name, once in a cell.
        capacity: what it has for tasks.
        rack: its failure domain: what shares a switch and a power bus fails together.
        attributes: what constraints ask for, such as {"platform": "B"}.
    """

    name: str
    capacity: Resources
    rack: str = "rack0"
    attributes: dict[str, str] = field(default_factory=dict[str, str])


class Cell:
    """Machines, and what is free on each.

    Args:
        machines: at least one; their names differ.

    Attributes:
        names: of the machines, in order.
        capacity: int64 (machines, 4), in the order of `Resources`.
        free: int64 (machines, 4); what no task holds.
        alive: bool (machines,); a dead machine takes no task.
        rack_of: int64 (machines,); index into `racks`.

    Raises:
        CellError: no machine, two of one name, or a negative capacity.
    """

    def __init__(self, machines: Sequence[Machine]) -> None:
        if not machines:
            raise CellError("the cell has no machine.", "Cell.sample(10) makes ten.")
        self.machines = tuple(machines)
        self.names = [machine.name for machine in machines]
        self.index = {name: i for i, name in enumerate(self.names)}
        if len(self.index) < len(machines):
            twice = next(name for i, name in enumerate(self.names) if self.index[name] != i)
            raise CellError(f'two machines are named "{twice}".', "give each its own name.")
        for machine in machines:
            machine.capacity.check(f'machine "{machine.name}"')
        self.capacity: NDArray[np.int64] = np.array([machine.capacity for machine in machines], np.int64)
        self.free: NDArray[np.int64] = self.capacity.copy()
        self.alive: NDArray[np.bool_] = np.ones(len(machines), bool)
        self.racks = sorted({machine.rack for machine in machines})
        number = {rack: i for i, rack in enumerate(self.racks)}
        self.rack_of: NDArray[np.int64] = np.array([number[machine.rack] for machine in machines], np.int64)
        self._own: NDArray[np.float64] = np.maximum(self.capacity, 1).astype(float)
        self._largest: NDArray[np.float64] = self._own.max(axis=0)
        scored = [i for i in range(3) if self.capacity[:, i].any()]  # what no machine has cannot be stranded
        self._scored = scored or [0]
        self._fits: dict[tuple[Constraint, ...], tuple[NDArray[np.bool_], NDArray[np.float64]]] = {}

    @classmethod
    def sample(cls, count: int, seed: int = 0, machines_per_rack: int = 40) -> Cell:
        """A cell with the mix of machines of Google's trace of 2011.

        The trace gives CPU and memory only as fractions of its largest machine. Here the largest has 64 cores and
        256 GiB; disks (1 GB/s times the CPU fraction) and ports (20,000) are chosen, not from the trace.

        Args:
            count: number of machines.
            seed: of the draw.
            machines_per_rack: size of a failure domain.

        Example:
            >>> Cell.sample(1000).machines[0].capacity
            Resources(cpu_millicores=32000, memory_bytes=68719476736, disk_bytes_per_second=500000000, ports=20000)
        """
        if count < 1:
            raise CellError(f"a cell of {count} machines was asked for; it needs at least one.")
        weights = np.array([kind[3] for kind in _TRACE_MACHINES], float)
        drawn = np.random.default_rng(seed).choice(len(weights), size=count, p=weights / weights.sum())
        machines: list[Machine] = []
        for i, kind in enumerate(int(kind) for kind in drawn):
            platform, cpu, memory, _ = _TRACE_MACHINES[kind]
            has = Resources(int(64_000 * cpu), int(memory * (256 << 30)), int(1e9 * cpu), 20_000)
            machines.append(Machine(f"m{i}", has, f"rack{i // machines_per_rack}", {"platform": platform}))
        return cls(machines)

    def wanted(self, constraints: tuple[Constraint, ...]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which machines the hard constraints allow, and how many of the soft ones each breaks; kept for next time."""
        if constraints not in self._fits:
            allowed = np.array([all(c.holds(m) for c in constraints if c.hard) for m in self.machines])
            broken = np.array([sum(not c.holds(m) for c in constraints if not c.hard) for m in self.machines], float)
            self._fits[constraints] = (allowed, broken)
        return self._fits[constraints]

    def feasible(self, request: Resources, rows: Any = slice(None)) -> NDArray[np.bool_]:
        """Which machines live and have room; bool (rows,)."""
        return self.alive[rows] & (self.free[rows] >= np.array(request, np.int64)).all(axis=1)

    def costs(self, request: Resources, policy: str, rows: Any = slice(None)) -> NDArray[np.float64]:
        """What it would cost to put a task on each machine; infinite where there is no room.

        Args:
            request: of the task.
            policy: one of `POLICIES`.
            rows: indices of the machines to score; all by default.

        Returns:
            float64 (rows,). Ports are not scored: they are either short, and the machine infeasible, or plenty.
        """
        if policy not in POLICIES:
            raise CellError(f'there is no policy "{policy}".', f"one of {', '.join(POLICIES)}.")
        which = self._scored
        free, ask = self.free[rows][:, which], np.array(request, np.int64)[which]
        if policy == "worst_fit":
            base, own = max(len(self.names), 2), self._own[rows][:, which]  # E-PVM's n: the number of machines
            cost = (base ** (1.0 - (free - ask) / own) - base ** (1.0 - free / own)).sum(axis=1)
        else:
            before, after = free / self._largest[which], (free - ask) / self._largest[which]
            cost = after.sum(axis=1)
            if policy == "hybrid":
                cost += _UNEVEN * (_unevenness(after) - _unevenness(before))
        cost[~self.feasible(request, rows)] = np.inf
        return cost

    def stranded(self, smallest: Resources) -> NDArray[np.float64]:
        """Fragmentation: the fraction of each resource that is free where not even a task like `smallest` fits.

        Args:
            smallest: the size of task that a leftover should at least hold to count as useful.

        Returns:
            float64 (4,), as a fraction of what the living machines have.
        """
        lost = self.alive & ~self.feasible(smallest)
        return self.free[lost].sum(axis=0) / np.maximum(self.capacity[self.alive].sum(axis=0), 1)

    def utilisation(self) -> NDArray[np.float64]:
        """The fraction of each resource of the living machines that tasks hold; float64 (4,)."""
        has = self.capacity[self.alive].sum(axis=0)
        return (has - self.free[self.alive].sum(axis=0)) / np.maximum(has, 1)


def _unevenness(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared deviations of what is left of each resource from their mean; (rows, scored) -> (rows,)."""
    total = left.sum(axis=1)
    return np.einsum("ij,ij->i", left, left) - total * total / left.shape[1]
