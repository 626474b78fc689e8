"""What a `ParallelView` is set to: workers, mode, backups, servers, bits, stragglers; and the call that says it.

The settings are plain words and numbers, so that the page can show and change them. Things that a learner gives as
objects (a straggler model of their own, a `Wire` with feedback) are called "given" and kept aside.

Example:
    >>> made = Settings(workers=8, mode="async", stragglers="log-normal", amount=0.2)
    >>> made.arguments(Given())["stragglers"]
    LogNormal(sigma=0.2)
    >>> made.changed({"mode": "sync", "backup": 2}).backup
    2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, NamedTuple, cast

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError
from labkit.parallel import FORMATS, MODES, AllReduce, Clock, Fault, ParameterServers, Recovery, Wire
from labkit.simulator import Exponential, LogNormal, SlowedSteps, SlowMachine
from labkit_widgets.view import one_of

EXCHANGES = ("servers", "ring", "tree", "hierarchical")
MOST_WORKERS, MOST_UPDATES = 1000, 100_000
_DEFAULT_PUSH = 4  # gradients of a push of "downpour", if nobody says


class Luck(NamedTuple):
    """A straggler model with one number to turn.

    Args:
        title: for a reader.
        least: of the number.
        most: of it.
        usual: what it is at first.
        make: the model for a number.
        number: what the number is called.
    """

    title: str
    least: float
    most: float
    usual: float
    make: Callable[[float], Any]
    number: str


def _nobody(_: float) -> None:
    return None


def _slow_machine(times: float) -> SlowMachine:
    return SlowMachine(0, times)


def _exponential(mean: float) -> Exponential:
    return Exponential(mean, 1.0)


def _slowed(share: float) -> SlowedSteps:
    return SlowedSteps(share=share)


STRAGGLERS: dict[str, Luck] = {
    "none": Luck("nobody straggles", 0, 0, 0, _nobody, ""),
    "slow machine": Luck("worker 0 is slow", 1, 10, 3, _slow_machine, "times as long"),
    "exponential": Luck("exponential", 0.05, 2, 0.5, _exponential, "mean of what is added"),
    "log-normal": Luck("log-normal", 0, 1, 0.2, LogNormal, "sigma"),
    "slowed steps": Luck("some steps slowed", 0, 1, 0.04, _slowed, "share of steps"),
}
"""Straggler models by the names that the page shows. The last one is the fit to published measurements."""


@dataclass(frozen=True)
class Given:
    """What does not change in the page.

    Args:
        clock: how long a gradient takes, without stragglers.
        communication: servers or an all-reduce with their transport.
        recovery: how failures are mended, once there are any.
        stragglers: a model that is not among `STRAGGLERS`.
        wire: one that is not just a format.
        more: other arguments of `DataParallel`.
    """

    clock: Clock = field(default_factory=Clock)
    communication: Any = None
    recovery: Recovery | None = None
    stragglers: Any = None
    wire: Any = None
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Settings:
    """What the page shows and changes.

    Args:
        mode: of `labkit.parallel.MODES`.
        workers: backups among them.
        backup: of a synchronous step, how many are not waited for.
        exchange: "servers", "ring", "tree" or "hierarchical".
        servers: how many parameter servers.
        wire: a format, or "given".
        stragglers: of `STRAGGLERS`, or "given".
        amount: the number of the straggler model.
        batch: examples of a worker and gradient.
        updates: how many are made.
        seed: of all luck.
        faults: (seconds, who, for how many seconds or None).
    """

    mode: str = "sync"
    workers: int = 4
    backup: int = 0
    exchange: str = "servers"
    servers: int = 1
    wire: str = "float32"
    stragglers: str = "none"
    amount: float = 0.0
    batch: int = 32
    updates: int = 200
    seed: int = 0
    faults: tuple[tuple[float, str, float | None], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Words and numbers."""
        return asdict(self) | {"faults": [list(fault) for fault in self.faults]}

    def changed(self, told: Mapping[str, Any]) -> Settings:
        """With what the page says; what does not go with it is brought along.

        Raises:
            ValueError: if there is no such setting, or it cannot be that.
            GraphError: likewise.
        """
        known = {one.name for one in fields(self)} - {"faults"}
        strange = next((name for name in told if name not in known), None)
        if strange is not None:
            raise ValueError(f"there is no setting {strange!r} among {', '.join(sorted(known))}.")
        made = replace(self, **told)
        if "stragglers" in told and "amount" not in told and made.stragglers in STRAGGLERS:
            made = replace(made, amount=STRAGGLERS[made.stragglers].usual)
        made.check()
        if made.mode in ("async", "downpour"):
            made = replace(made, exchange="servers")
        if made.mode not in ("sync", "local"):
            made = replace(made, backup=0)
        made = replace(made, backup=min(made.backup, made.workers - 1))
        left = tuple(fault for fault in made.faults if _there(fault[1], made))
        return replace(made, faults=left)

    def check(self) -> None:
        """Sees to it that everything is what it should be.

        Raises:
            ValueError: if a word is none of those known.
            GraphError: if a number is none, or too large.
        """
        one_of("mode", self.mode, MODES)
        one_of("exchange", self.exchange, EXCHANGES)
        one_of("wire", self.wire, (*formats(), *(["given"] if self.wire == "given" else [])))
        one_of("stragglers", self.stragglers, (*STRAGGLERS, "given"))
        _most(self.workers, "the number of workers", MOST_WORKERS)
        _most(self.servers, "the number of parameter servers", MOST_WORKERS)
        _most(self.updates, "the number of updates", MOST_UPDATES)
        checked_count(self.batch, "the batch of a worker")
        checked_count(self.backup, "the number of backups", least=0)
        checked_count(self.seed, "the seed", least=0)
        amount = checked_number(self.amount, "the number of the straggler model", "(number)", zero=True)
        if self.stragglers not in ("none", "given"):
            luck = STRAGGLERS[self.stragglers]
            if not luck.least <= amount <= luck.most:
                raise GraphError(
                    f"stragglers {self.stragglers!r} with {amount:g} ({luck.number}); "
                    f"it is from {luck.least:g} to {luck.most:g}."
                )

    def arguments(self, given: Given) -> dict[str, Any]:
        """What `DataParallel` is called with, besides the graph and the data."""
        made: dict[str, Any] = {"workers": self.workers, "batch": self.batch, "mode": self.mode}
        if self.backup and self.mode in ("sync", "local"):
            made["backup"] = self.backup
        stragglers = given.stragglers if self.stragglers == "given" else STRAGGLERS[self.stragglers].make(self.amount)
        if given.clock.device:
            made["clock"] = replace(given.clock, stragglers=stragglers)
        else:
            made["compute_seconds"] = given.clock.compute_seconds
            if stragglers is not None:
                made["stragglers"] = stragglers
        made["communication"] = self._communication(given.communication)
        if self.mode != "local" and self.wire != "float32":
            wire = given.wire if self.wire == "given" else Wire(self.wire)
            if self.mode == "sync" or not wire.feedback:
                made["wire"] = wire
        if self.faults:
            made |= {"faults": [Fault(*fault) for fault in self.faults], "recovery": given.recovery}
        elif "recovery" in given.more:
            made["recovery"] = given.more["recovery"]
        if self.seed:
            made["seed"] = self.seed
        return made | self._more(given.more)

    def _communication(self, given: Any) -> Any:
        if given is not None and not isinstance(given, (ParameterServers, AllReduce)):
            return given  # of the learner's own making
        link: dict[str, Any] = {}
        if given is not None:
            link = {key: getattr(given, key) for key in ("transport", "latency_seconds", "bytes_per_second")}
        if self.exchange == "servers":
            if not isinstance(given, ParameterServers):
                return ParameterServers(self.servers, **link)
            return given if given.servers == self.servers else replace(given, servers=self.servers, shares=None)
        if not isinstance(given, AllReduce):
            return AllReduce(self.exchange, **link)
        return given if given.shape == self.exchange else replace(given, shape=self.exchange, group=None)

    def _more(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """The other arguments that go with the mode."""
        only = {"local_steps": "local", "n_fetch": "downpour", "n_push": "downpour", "local_rate": "downpour",
                "adagrad": "downpour"}  # fmt: skip
        made = {key: value for key, value in more.items() if only.get(key, self.mode) == self.mode}
        made.pop("recovery", None)
        if self.mode == "downpour" and not set(only) & set(made):
            made["n_push"] = _DEFAULT_PUSH
        return made

    def code(self, given: Given, metrics: bool, test: bool) -> str:
        """The call that makes the same history.

        Args:
            given: what does not change.
            metrics: whether there are metrics.
            test: whether there are examples for them.
        """
        parts = ["train, data, loss"]
        parts += ["metrics=metrics"] * metrics + ["test=test"] * test
        parts += [f"{key}={said(value)}" for key, value in self.arguments(given).items()]
        lines, line = list[str](), ""
        for part in parts:
            if line and len(line) + len(part) > 100:
                lines.append(line)
                line = ""
            line += part + ", "
        lines = [f"    {one.rstrip()}" for one in [*lines, line]]
        return "\n".join(["history = tf.parallel.DataParallel(", *lines, f").run({self.updates})"])


def formats() -> list[str]:
    """The formats of gradients that need nothing said besides."""
    found: list[str] = []
    for name in FORMATS:
        try:
            Wire(name)
        except GraphError:
            continue
        found.append(name)
    return found


def said(value: Any) -> str:
    """A value as a learner writes it.

    Example:
        >>> said([Fault(1.5, "worker 2")]), said(0.1)
        ("[tf.parallel.Fault(at_seconds=1.5, who='worker 2')]", '0.1')
    """
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(said(one) for one in cast('list[Any]', value))}]"
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return f"{{{', '.join(f'{said(key)}: {said(own)}' for key, own in pairs)}}}"
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    kind = type(value)
    house = {"labkit.parallel": "tf.parallel.", "labkit.simulator": "tf.simulator."}
    home = next((short for module, short in house.items() if kind.__module__.startswith(module)), "")
    parts: list[str] = []
    for one in fields(value):
        own = getattr(value, one.name)
        if own != one.default:
            parts.append(f"{one.name}={said(own)}")
    return f"{home}{kind.__name__}({', '.join(parts)})"


def usual_recovery(step_seconds: float) -> Recovery:
    """Time-outs in proportion to a step, so that a death is seen in a run of a few hundred.

    Example:
        >>> usual_recovery(0.2).timeout_seconds
        3.0
    """
    step = max(step_seconds, 1e-6)
    return Recovery(_round(5 * step), _round(15 * step), _round(30 * step), checkpoint_seconds=_round(50 * step))


def _round(seconds: float) -> float:
    return float(f"{seconds:.2g}")


def _most(value: Any, what: str, most: int) -> None:
    if checked_count(value, what) > most:
        raise GraphError(f"{what} is {value:,}; a view plays at most {most:,}.")


def _there(who: str, settings: Settings) -> bool:
    number = int(who.rpartition(" ")[2])
    if who.startswith("server"):
        return settings.exchange == "servers" and number < settings.servers
    return number < settings.workers


def luck_of(stragglers: Any) -> tuple[str, float] | None:
    """The name and the number of a straggler model; None if it is another.

    Example:
        >>> luck_of(LogNormal(0.3)), luck_of(SlowMachine(2, 3.0))
        (('log-normal', 0.3), None)
    """
    if stragglers is None:
        return "none", 0.0
    found = [getattr(stragglers, word, None) for word in ("factor", "sigma", "mean", "share")]
    number = next((value for value in found if isinstance(value, (int, float))), 0.0)
    if isinstance(stragglers, SlowedSteps):
        number = stragglers.share
    for name, luck in STRAGGLERS.items():
        if name != "none" and luck.least <= number <= luck.most and math.isfinite(number):
            made = luck.make(float(number))
            if type(made) is type(stragglers) and made == stragglers:
                return name, float(number)
    return None
