"""What a replicated training did: losses and accuracies against simulated time, steps, examples and bytes.

Plain data: arrays and words. A `History` can be compared with others, drawn, and written down as JSON.

Example:
    >>> history = History("sync", 4, (Point(1.0, 1, 128, 4e6, 2.3, {"accuracy": 0.1}),), (0,), ())
    >>> history
    <History 'sync': 1 updates in 1 s, loss 2.3 to 2.3, accuracy 0.1>
    >>> history.seconds_to("accuracy", 0.1)
    1.0
    >>> History.from_dict(history.to_dict()) == history
    True
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from labkit.errors import GraphError


class Point(NamedTuple):
    """The training at one moment.

    Args:
        seconds: simulated time.
        updates: updates that are in the weights; fewer than before when a checkpoint was restored.
        examples: examples whose gradient is in the weights.
        bytes: what has travelled so far, weights and gradients.
        loss: of the batches since the last point, in the mean.
        metrics: values of the metrics on the examples kept for that.
    """

    seconds: float
    updates: int
    examples: int
    bytes: float
    loss: float
    metrics: Mapping[str, float]


class Happening(NamedTuple):
    """Something besides: a worker died, a checkpoint was written.

    Args:
        seconds: when.
        kind: in a word: "died", "noticed", "restarted", "back", "checkpoint", "restored", "ended".
        who: a worker or a server, such as "worker 3"; or "".
        text: for a reader.
    """

    seconds: float
    kind: str
    who: str
    text: str


class Lost(NamedTuple):
    """What failures have cost.

    Args:
        updates: that were applied, and gone when the weights went back to a checkpoint.
        gradients: that were begun and never arrived.
        examples: of both.
        seconds: in which nothing was done that has remained: since the checkpoint, until the restart, and what
            synchronous steps had to wait for the dead.
    """

    updates: int = 0
    gradients: int = 0
    examples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class History:
    """What a replicated training did.

    Args:
        name: what it is called in pictures.
        workers: how many replicas.
        points: how it went.
        staleness: for each update how old its gradient's weights were, in updates.
        happenings: failures and their like.
        dropped: gradients that were computed and not used.
        settings: how it was set up, in words and numbers.
        lost: what failures have cost.
    """

    name: str
    workers: int
    points: tuple[Point, ...]
    staleness: tuple[int, ...] = ()
    happenings: tuple[Happening, ...] = ()
    dropped: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lost: Lost = field(default_factory=Lost)

    def __repr__(self) -> str:
        """What came out, in a line: a notebook shows it."""
        if not self.points:
            return f"<History {self.name!r}: nothing yet>"
        last = self.points[-1]
        found = [f"loss {self.points[0].loss:.3g} to {last.loss:.3g}"]
        found += [f"{name} {value:.3g}" for name, value in last.metrics.items()]
        found += [f"{self.dropped:,} gradients dropped"] if self.dropped else []
        found += [f"{self.lost.updates:,} updates lost"] if self.lost.updates else []
        return f"<History {self.name!r}: {last.updates:,} updates in {last.seconds:.4g} s, {', '.join(found)}>"

    @property
    def seconds(self) -> float:
        """Simulated time of the whole."""
        return self.points[-1].seconds if self.points else 0.0

    def column(self, name: str) -> np.ndarray[Any, Any]:
        """A column of the points: "seconds", "updates", "examples", "bytes", "loss", or a metric.

        Raises:
            GraphError: if there is no such column.
        """
        if name in Point._fields and name != "metrics":
            return np.array([getattr(point, name) for point in self.points])
        known = list(self.points[0].metrics) if self.points else []
        if name not in known:
            raise GraphError(f"there is no {name!r} among seconds, updates, examples, bytes, loss, {', '.join(known)}.")
        return np.array([point.metrics[name] for point in self.points])

    def seconds_to(self, name: str, target: float, below: bool = False) -> float | None:
        """When a column first reached a target; None if it never did.

        Args:
            name: a column, such as "accuracy".
            target: the value to reach.
            below: True if it is to fall to it, as a loss does.
        """
        values = self.column(name)
        there = np.flatnonzero(values <= target if below else values >= target)
        return float(self.column("seconds")[there[0]]) if len(there) else None

    def to_dict(self) -> dict[str, Any]:
        """All of it as lists, dicts, numbers and words."""
        made = asdict(self)
        made["points"] = [{**point._asdict(), "metrics": dict(point.metrics)} for point in self.points]
        made["happenings"] = [happening._asdict() for happening in self.happenings]
        made["settings"] = dict(self.settings)
        made["lost"] = self.lost._asdict()
        return made

    @property
    def digest(self) -> str:
        """A hash of all that it says: the same seed and the same faults make the same history.

        Example:
            >>> History("a", 1, ()).digest == History("a", 1, ()).digest != History("a", 2, ()).digest
            True
        """
        text = json.dumps(self.to_dict(), sort_keys=True, default=repr)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> History:
        """What `to_dict` gave."""
        points = tuple(Point(**point) for point in data["points"])
        happenings = tuple(Happening(**happening) for happening in data["happenings"])
        rest = {key: data[key] for key in ("name", "workers", "dropped", "settings")}
        lost = Lost(**data.get("lost", {}))
        return History(points=points, happenings=happenings, staleness=tuple(data["staleness"]), lost=lost, **rest)
