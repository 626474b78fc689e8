"""What can be turned at a pipeline: its schedule, its stages, its microbatches, a slow stage, slow links.

Settings are a plain dictionary, so that a page can send them and a notebook can keep them:

    schedule      one of `labkit.parallel.pipeline.SCHEDULES`
    other         a second schedule to see beside it, or ""
    stages        p; it can be changed where all stages are alike
    microbatches  m; of a learner's graph, what divides the batch, and the costs are found again
    chunks        v, of "interleaved"
    slow          the number of a stage that is slower than it was given, or -1
    factor        how many times slower
    transfer      seconds from stage to stage, or None for what the pipeline was given

Example:
    >>> from labkit.parallel import Pipeline
    >>> desk = Desk(Pipeline(stages=2, microbatches=4))
    >>> settings = desk.checked({"slow": 1, "factor": 3.0})
    >>> desk.pipeline(settings).seconds_of(backward=False), settings["schedule"]
    ([1.0, 3.0], '1f1b')
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.cluster.errors import ClusterError, checked_count, checked_number, unknown
from labkit.parallel.pipeline import SCHEDULES, Pipeline, PipelineRun, order_of

DEFAULTS: Mapping[str, Any] = {
    "schedule": "1f1b", "other": "", "stages": 0, "microbatches": 0, "chunks": 1, "slow": -1, "factor": 2.0,
    "transfer": None,
}  # fmt: skip
MOST_STAGES, MOST_MICROBATCHES, MOST_CHUNKS, MOST_PIECES, MOST_FACTOR = 64, 1024, 16, 20_000, 1000.0
_OFFERED = (*range(1, 33), 40, 48, 64)


class Desk:
    """A pipeline as it was given, and what it becomes with other settings.

    Args:
        pipeline: the learner's.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.given = pipeline
        each = (pipeline.forward, pipeline.backward, pipeline.transfer, pipeline.activation_bytes, pipeline.devices)
        self.fixed = any(isinstance(value, Sequence) for value in each)

    @property
    def stages(self) -> list[int]:
        """The numbers of stages that can be chosen."""
        return [self.given.stages] if self.fixed else sorted({*range(1, 17), self.given.stages})

    @property
    def microbatches(self) -> list[int]:
        """The numbers of microbatches that can be chosen."""
        if self.given.made_from is None:
            return sorted({*_OFFERED, self.given.microbatches})
        return [
            m for m in self.given.made_from.divisors if m <= MOST_MICROBATCHES and m * self.given.stages <= MOST_PIECES
        ]

    def costed(self, microbatches: int) -> tuple[list[str], str]:
        """Of a graph's stages their devices, and how its costs were found; nothing of times that were given."""
        made = self.given.made_from
        if made is None:
            return [], ""
        rows = f"{made.batch // microbatches:,} of {made.batch:,} examples"
        return [
            _short(name) for name in made.devices
        ], f"a microbatch has {rows}, costed op by op on {made.cluster.name}"

    def checked(self, changes: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Settings with some changed.

        Raises:
            TypeError: for a setting that there is not.
            ClusterError: for a value that cannot be, alone or with the others.
        """
        wrong = [name for name in changes if name not in DEFAULTS]
        if wrong:
            raise TypeError(f"a pipeline has no setting {wrong[0]!r}; it has {', '.join(DEFAULTS)}.")
        first = {"stages": self.given.stages, "microbatches": self.given.microbatches}
        made: dict[str, Any] = {**DEFAULTS, **first, **(settings or {}), **changes}
        p = _bounded(made["stages"], "stages", MOST_STAGES)
        if self.fixed and p != self.given.stages:
            raise ClusterError(
                f"this pipeline has {self.given.stages} stages with times of their own, and cannot have {p}.",
                "a Pipeline whose forward is one number has as many stages as you like.",
            )
        m = _bounded(made["microbatches"], "microbatches", MOST_MICROBATCHES)
        v = _bounded(made["chunks"], "chunks", MOST_CHUNKS)
        if p * m * v > MOST_PIECES:
            raise ClusterError(f"{p} stages x {m} microbatches x {v} chunks are more than {MOST_PIECES:,} bars.")
        for schedule in schedules(made):
            order_of(schedule, p, m, _chunks(schedule, made))
        if not isinstance(made["slow"], int) or isinstance(made["slow"], bool) or not -1 <= made["slow"] < p:
            raise ClusterError(f"the slow stage is {made['slow']!r}; it is one of 0 to {p - 1}, or -1 for none.")
        made["factor"] = checked_number(made["factor"], "the factor of the slow stage", "times")
        if made["factor"] > MOST_FACTOR:
            raise ClusterError(f"the slow stage is {made['factor']:g} times slower; at most {MOST_FACTOR:g}.")
        if made["transfer"] is not None:
            made["transfer"] = checked_number(made["transfer"], "the time of a transfer", "seconds", zero=True)
        return made

    def pipeline(self, settings: Mapping[str, Any]) -> Pipeline:
        """The pipeline with these settings."""
        p, m, slow = settings["stages"], settings["microbatches"], settings["slow"]
        base = self.given
        if (p, m) != (base.stages, base.microbatches):
            base = (
                dataclasses.replace(base, stages=p, microbatches=m) if not base.made_from else base.with_microbatches(m)
            )
        if slow >= 0:
            base = dataclasses.replace(base, **{
                name: [t * (settings["factor"] if s == slow else 1) for s, t in enumerate(base.seconds_of(backward))]
                for name, backward in (("forward", False), ("backward", True))
            })  # fmt: skip
        return base if settings["transfer"] is None else dataclasses.replace(base, transfer=settings["transfer"])

    def given_transfer(self, settings: Mapping[str, Any]) -> float:
        """Seconds of the slowest transfer from a stage to the next, as the pipeline was given."""
        return max(self.pipeline({**settings, "transfer": None}).transfers_of()[:-1], default=0.0)

    def runs(self, settings: Mapping[str, Any]) -> list[PipelineRun]:
        """One batch by each of the schedules that are shown."""
        pipeline = self.pipeline(settings)
        return [pipeline.run(schedule, _chunks(schedule, settings)) for schedule in schedules(settings)]


def _short(device: str) -> str:
    """A device's name without what all share: "/device:GPU:1" is "GPU:1"."""
    return device.removeprefix("/").replace("device:", "").replace("job:", "").replace("/", " ")


def schedules(settings: Mapping[str, Any]) -> list[str]:
    """The schedules that are shown: one, or two.

    Raises:
        ClusterError: for one that there is not.
    """
    found = [settings["schedule"]] + ([settings["other"]] if settings["other"] else [])
    for schedule in found:
        if schedule not in SCHEDULES:
            raise unknown("schedule of a pipeline", schedule, SCHEDULES)
    return found


def _chunks(schedule: str, settings: Mapping[str, Any]) -> int:
    """The chunks of a schedule: one for a schedule that stands beside the interleaved one."""
    beside = schedule != "interleaved" and "interleaved" in (settings["schedule"], settings["other"])
    return 1 if beside else settings["chunks"]


def _bounded(value: Any, what: str, most: int) -> int:
    count = checked_count(value, f"the number of {what}")
    if count > most:
        raise ClusterError(f"the number of {what} is {count:,}; a picture shows at most {most:,}.")
    return count
