"""How large a machine so many learners need, from what was measured of one.

The figures are in `measured.json` beside this file: memory and processor time of a hub, of a learner's server, and of
every notebook, on two cores. `python -m tests.benchmarks.rooms --write` measures them anew, on your kind of machine.

    memory    the system and the hub, and for each learner a server, the largest notebook, and for every second learner
              another one that was left open
    cores     the larger of two storms: all servers start within three minutes (what a hub that was set up for it waits
              for), or all learners press the busiest cell of the course within two

Two notebooks are counted apart: 08 measures the computer in one cell, which takes 1.7 GB and says little where thirty
do it at once (one shows it to all), and 13 starts real processes for each learner. `apart=()` counts them, too.

Memory was measured of one learner alone. Of thirty, each takes about 0.1 GB less, because they share what is in
libraries: that is the margin.

What is between the storms needs little: learners read, think and type.

Example:
    >>> thirty = size(30)
    >>> thirty.cores >= size(10).cores and thirty.memory_gb >= 8
    True

Source: measured; the rule for idle learners is JupyterHub's and TLJH's advice on capacity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from labkit.errors import LabkitError

FILE = Path(__file__).with_name("measured.json")

SYSTEM_MB = 1500.0
"""The operating system, a web server in front, the disk's cache."""
LEFT_OPEN = 0.5
"""How many more notebooks a learner has open, on average."""
START_SECONDS = 180.0
"""Within which all servers are to be ready."""
CELL_SECONDS = 120.0
"""Within which a cell that all press at once is to be done."""

_CORES = (2, 4, 8, 16, 32, 48, 64, 96, 128)
_GIGABYTES = (4, 8, 16, 32, 64, 128, 192, 256, 384, 512)
APART = ("08_devices_and_placement", "13_real_processes")
"""Notebooks with a cell that one shows to all."""


class Run(NamedTuple):
    """What a notebook took, run from top to bottom without a pause, on two cores.

    Args:
        seconds: by the clock, with compiled code at hand; other work on the machine makes it longer.
        cpu_seconds: of the processor, likewise; this is what a room shares.
        first_seconds: by the clock, when nothing was compiled before.
        first_cpu_seconds: of the processor, likewise.
        busiest_cpu_seconds: of the cell that takes most, with compiled code at hand.
        memory_mb: the most that its kernel, and what that started, had in either run (PSS).
    """

    seconds: float
    cpu_seconds: float
    first_seconds: float
    first_cpu_seconds: float
    busiest_cpu_seconds: float
    memory_mb: float


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Args:
        machine: on what.
        hub_mb: the hub and its proxy (PSS).
        server_mb: a learner's server, without notebooks (PSS).
        server_cpu_seconds: what its start takes of the processor.
        notebooks: by name.
    """

    machine: str
    hub_mb: float
    server_mb: float
    server_cpu_seconds: float
    notebooks: Mapping[str, Run]


class Size(NamedTuple):
    """A machine.

    Args:
        learners: for how many.
        cores: as they are sold.
        memory_gb: likewise.
        needed_cores: before rounding up.
        needed_gb: likewise.
    """

    learners: int
    cores: int
    memory_gb: int
    needed_cores: float
    needed_gb: float


@cache
def measured() -> Measured:
    """The figures that come with labkit."""
    data: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    runs = {name: Run(**figures) for name, figures in data.pop("notebooks").items()}
    return Measured(**data, notebooks=MappingProxyType(runs))


def size(learners: int, figures: Measured | None = None, apart: Sequence[str] = APART) -> Size:
    """The machine for so many learners.

    Args:
        learners: who come at the same time.
        figures: what was measured; None for what comes with labkit.
        apart: notebooks that are not counted.

    Returns:
        What is needed, and the next larger that is sold.

    Raises:
        LabkitError: if nobody comes, or more than one machine can seat.
    """
    if learners < 1:
        raise LabkitError(f"{learners} learners need no machine.\n  Try: labkit hub sizes 30.")
    figures = measured() if figures is None else figures
    runs = [run for name, run in figures.notebooks.items() if name not in apart]
    memory = [run.memory_mb for run in runs]
    each = figures.server_mb + max(memory) + LEFT_OPEN * median(memory)
    gigabytes = (SYSTEM_MB + figures.hub_mb + learners * each) / 1e3
    starting = learners * figures.server_cpu_seconds / START_SECONDS
    pressing = learners * max(run.busiest_cpu_seconds for run in runs) / CELL_SECONDS
    cores = max(starting, pressing)
    if cores > _CORES[-1] or gigabytes > _GIGABYTES[-1]:
        raise LabkitError(
            f"{learners} learners are too many for one machine.\n  Try: Kubernetes, binder/hub/README.md."
        )
    return Size(learners, _sold(cores, _CORES), _sold(gigabytes, _GIGABYTES), cores, gigabytes)


def table(learners: Iterable[int], apart: Sequence[str] = APART) -> str:
    """The machines for several numbers of learners, as text."""
    lines = ["learners  cores  memory   needed"]
    for found in (size(each, apart=apart) for each in learners):
        needed = f"{found.needed_cores:.1f} cores, {found.needed_gb:.0f} GB"
        lines.append(f"{found.learners:>8}  {found.cores:>5}  {found.memory_gb:>3} GB   {needed}")
    return "\n".join([*lines, f"measured on {measured().machine}"])


def timings() -> str:
    """What each notebook takes, as text: the machine's share of a plan; the learner's is thinking."""
    lines = [f"{'':<24}  processor time:             by the clock   memory",
             f"{'':<24}  first    again   busiest cell     again"]  # fmt: skip
    for name, run in measured().notebooks.items():
        lines.append(
            f"{name:<24}  {run.first_cpu_seconds:>3.0f} s  {run.cpu_seconds:>5.0f} s  {run.busiest_cpu_seconds:>8.0f} s"
            f"  {run.seconds:>11.0f} s  {run.memory_mb:>6.0f} MB"
        )
    return "\n".join(lines)


def _sold(needed: float, offered: tuple[int, ...]) -> int:
    return next(each for each in offered if each >= needed)
