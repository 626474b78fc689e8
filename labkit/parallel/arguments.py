"""What a learner hands to `DataParallel`, checked and made plain: a name where a name says enough.

Example:
    >>> as_wire("int8").format, as_communication("ring").step_seconds(1, 0.0, 100.0)
    ('int8', 0.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from labkit.cluster.errors import checked_number
from labkit.errors import GraphError
from labkit.graph import Operation, Tensor
from labkit.parallel.clock import Clock, Stragglers
from labkit.parallel.communication import AllReduce, Communication, ParameterServers
from labkit.parallel.faults import Fault, Recovery
from labkit.parallel.step import TrainingStep
from labkit.parallel.wire import Wire

_ALL_REDUCES = ("ring", "tree", "hierarchical")


def as_data(data: Any) -> dict[Any, np.ndarray[Any, Any]]:
    """For each input its examples, as arrays of equal length.

    Raises:
        GraphError: if it is no dict of inputs, or they differ in how many examples they have.
    """
    if not isinstance(data, Mapping) or not data:
        raise GraphError(
            f"the data is {_short(data)}; it is a dict: for each input of the graph its examples.\n"
            "  Try: {x: images, y: labels}, with the placeholders as keys, as a feed_dict."
        )
    arrays = {key: np.asarray(value) for key, value in cast("Mapping[Any, Any]", data).items()}
    for key, array in arrays.items():
        if not isinstance(key, Tensor):
            raise GraphError(
                f"the data has the key {_short(key)}; keys are tensors of the graph, as in a feed_dict.\n"
                "  Try: {x: images, y: labels}, without quotes."
            )
        if not array.ndim:
            raise GraphError(f"the examples of {_name(key)} are one number, {array}; the first axis counts examples.")
    counts = {_name(key): len(array) for key, array in arrays.items()}
    if len(set(counts.values())) != 1:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise GraphError(f"the inputs differ in how many examples they have: {found}.")
    return arrays


def as_train(train: Any) -> Operation:
    """The training op.

    Raises:
        GraphError: if it is none.
    """
    if isinstance(train, Operation):
        return train
    raise GraphError(
        f"the training op is {_short(train)}; it is what optimizer.minimize(loss) returned.\n"
        "  Try: train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)."
    )


def as_wire(wire: Any) -> Wire:
    """In how many bits gradients travel: a `Wire`, or the name of a format."""
    if wire is None or isinstance(wire, Wire):
        return wire or Wire()
    if isinstance(wire, str):
        return Wire(wire)
    raise GraphError(f"wire is {_short(wire)}; it is a format such as 'int8', or tf.parallel.Wire('int8', ...).")


def as_communication(communication: Any) -> Communication:
    """How they travel: parameter servers or an all-reduce, or one word for it."""
    if communication is None or communication == "servers":
        return ParameterServers()
    if isinstance(communication, str) and communication in _ALL_REDUCES:
        return AllReduce(communication)
    if not isinstance(communication, str) and hasattr(communication, "step_seconds"):
        return communication
    words = ", ".join(map(repr, ("servers", *_ALL_REDUCES)))
    raise GraphError(
        f"communication is {_short(communication)}; it is one of {words}, or tf.parallel.ParameterServers(...), "
        "tf.parallel.AllReduce(...)."
    )


def as_stragglers(stragglers: Any) -> Stragglers | None:
    """What draws factors on the time of a gradient."""
    if stragglers is None or callable(getattr(stragglers, "draw", None)):
        return stragglers
    raise GraphError(
        f"stragglers is {_short(stragglers)}; it is a model of them.\n"
        "  Try: tf.simulator.SlowMachine(1, 3.0), tf.simulator.Exponential(...), tf.simulator.LogNormal(...)."
    )


def as_clock(clock: Any, step: TrainingStep, shapes: Mapping[Tensor, Sequence[int]]) -> Clock:
    """How long a gradient takes: a `Clock`, or the name of ready machines on which the step is simulated.

    Args:
        clock: what was given.
        step: whose gradients.
        shapes: of one worker's batch, input by input.
    """
    if isinstance(clock, Clock):
        return clock
    if isinstance(clock, str):
        return Clock.of(step, {tensor: list(shape) for tensor, shape in shapes.items()}, clock)
    raise GraphError(
        f"clock is {_short(clock)}; it is the name of machines, such as 'gpu_machines', or tf.parallel.Clock(...).\n"
        "  Try: compute_seconds=0.1, if you know how long a gradient takes."
    )


def as_faults(faults: Any) -> tuple[Fault, ...]:
    """What fails when: one `Fault`, or several."""
    several: list[Any] = [faults] if isinstance(faults, Fault) else _several(faults)
    if not all(isinstance(fault, Fault) for fault in several):
        raise GraphError(
            f"faults is {_short(faults)}; it is a list of faults.\n  Try: faults=[tf.parallel.Fault(12.0, 'worker 3')]."
        )
    return tuple(several)


def as_recovery(recovery: Any) -> Recovery | None:
    """How failures are noticed and mended."""
    if recovery is None or isinstance(recovery, Recovery):
        return recovery
    raise GraphError(
        f"recovery is {_short(recovery)}.\n"
        "  Try: recovery=tf.parallel.Recovery(heartbeat_seconds=1, timeout_seconds=3, restart_seconds=10)."
    )


def as_metrics(metrics: Any, test: Any) -> tuple[dict[str, Tensor], dict[Any, Any]]:
    """Metrics by name, and the examples on which they are computed.

    Raises:
        GraphError: if a metric is no scalar of the graph, or there is nothing to compute it on.
    """
    if metrics is None:
        return {}, {}
    if not isinstance(metrics, Mapping):
        raise GraphError(f"metrics is {_short(metrics)}; it is a dict of scalars: {{'accuracy': accuracy}}.")
    named = cast("Mapping[str, Any]", metrics)
    for name, tensor in named.items():
        check_scalar(tensor, f"the metric {name!r}")
    if named and not test:
        raise GraphError(
            f"on which examples is {', '.join(map(repr, named))} to be computed?\n"
            "  Try: test={x: test_images, y: test_labels}."
        )
    return dict(named), as_data(test) if named else {}


def check_scalar(tensor: Any, what: str) -> None:
    """One number, whatever is fed.

    Raises:
        GraphError: if it is no tensor, or can be more than one number.
    """
    if not isinstance(tensor, Tensor):
        raise GraphError(f"{what} is {_short(tensor)}; it is a scalar tensor of the graph.")
    if tensor.shape.ndims:
        raise GraphError(
            f'{what} is "{tensor.name}" of shape {tensor.shape}; it must be one number.\n  Try: tf.reduce_mean(...).'
        )


def check_mode(
    mode: str, communication: Communication, wire: Wire, sparse: Sequence[str], *, backup: int, local_steps: int | None,
    n_fetch: int, n_push: int, local_rate: float | None, adagrad: float | None,
) -> None:  # fmt: skip
    """That a way of working together goes with the rest.

    Args:
        mode: one of `MODES`.
        communication: how weights and gradients travel.
        wire: in how many bits.
        sparse: variables whose gradients are rows.
        backup: this and the following as `DataParallel` takes them.
        local_steps: steps between two averages.
        n_fetch: gradients between two fetches.
        n_push: gradients of a push.
        local_rate: of a worker's own steps.
        adagrad: gamma of the servers' Adagrad.

    Raises:
        GraphError: if it does not.
    """
    given = {"backup": (backup, "sync"), "local_steps": (local_steps, "local"),
             "n_fetch": (n_fetch > 1, "downpour"), "n_push": (n_push > 1, "downpour"),
             "local_rate": (local_rate, "downpour"), "adagrad": (adagrad, "downpour")}  # fmt: skip
    for argument, (value, needs) in given.items():
        if value and mode != needs and not (argument == "backup" and mode == "local"):
            raise GraphError(f"{argument} goes with mode={needs!r}; the mode is {mode!r}.")
    if mode in ("async", "downpour") and isinstance(communication, AllReduce):
        communication.pull_seconds(2, 0.0)  # says why not
    if (wire.feedback or not wire.exact) and mode == "local":
        raise GraphError("local steps send weights, not gradients: they travel as float32 (wire=Wire()).")
    if wire.top is not None and isinstance(communication, AllReduce):
        raise GraphError(
            "the largest numbers of each worker's gradient are at other places: an all-reduce cannot add them up "
            "piece by piece.\n  Try: communication='servers', or a wire without top."
        )
    for rate, what in ((local_rate, "local_rate"), (adagrad, "the gamma of Adagrad")):
        if rate is not None:
            checked_number(rate, what, "(rate)")
    if n_fetch > 1 and local_rate is None:
        raise GraphError(
            f"workers fetch every {n_fetch} gradients and take steps of their own between; at what rate?\n"
            "  Try: local_rate=, the learning rate of the optimizer."
        )
    if sparse and (n_fetch > 1 or n_push > 1 or adagrad is not None):
        raise GraphError(
            f'the gradient of "{sparse[0]}" is sparse (rows that an embedding touched); n_fetch and n_push above '
            "1 and adagrad= add up dense gradients.\n"
            "  Try: mode='async', which sends rows as they are, with tf.train.AdagradOptimizer in the graph."
        )


def check_rows(step: TrainingStep, tables: Any) -> None:
    """Of these variables only the rows travel that an example touches.

    Args:
        step: whose gradients.
        tables: variables.

    Raises:
        GraphError: if the gradient of one is dense, so that all of it travels.
    """
    parts = {part.variable: part for part in step.parts}
    for table in _several(tables):
        name = str(getattr(getattr(table, "op", None), "name", table))
        if name not in parts:
            raise GraphError(f'"{name}" is to travel by rows, and is not trained here; trained are {_quoted(parts)}.')
        if parts[name].indices is None:
            raise GraphError(
                f'"{name}" is to travel by rows, and its gradient "{parts[name].values.op.name}" is dense: every row '
                "of it would be sent.\n"
                "  Rows alone come from a look-up in the variable itself: tf.nn.embedding_lookup(table, ids), not in "
                "what was computed from it."
            )


def _several(things: Any) -> list[Any]:
    return [*cast("Sequence[Any]", things)] if isinstance(things, (list, tuple)) else [things]


def _name(key: Any) -> str:
    return f'"{key.op.name}"' if isinstance(key, Tensor) else repr(key)


def _quoted(names: Mapping[str, Any]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _short(value: Any) -> str:
    # Not repr: of an array it has many lines.
    if isinstance(value, (Tensor, Operation)):
        return f'the {"tensor" if isinstance(value, Tensor) else "operation"} "{value.name}"'
    text = repr(value)
    return text if len(text) < 60 and "\n" not in text else f"a {type(value).__name__}"
