"""What a run made, as TensorFlow's debugger keeps it: a `DebugTensorDatum` for each value, in the order they arose.

Source: `tensorflow/python/debug/lib/debug_data.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.debugger.recording import Recording, Step
from labkit.debugger.values import is_bad
from labkit.errors import NameNotFoundError
from labkit.graph.interpret import to_numpy


@dataclass(frozen=True)
class DebugTensorDatum:
    """One value of a run.

    Args:
        node_name: the node that made it.
        output_slot: which of its outputs.
        value: the value.
        debug_op: kept for TensorFlow's signature.
    """

    node_name: str
    output_slot: int
    value: Any
    debug_op: str = "DebugIdentity"

    @property
    def tensor_name(self) -> str:
        """The tensor's name."""
        return f"{self.node_name}:{self.output_slot}"

    def get_tensor(self) -> Any:
        """The value as a NumPy array."""
        return np.asarray(self.value)


Filter = Callable[[DebugTensorDatum, Any], Any]


def has_inf_or_nan(datum: DebugTensorDatum, tensor: Any) -> bool:
    """A filter: True if there is a NaN or an infinity in the tensor.

    Example:
        >>> import numpy as np
        >>> has_inf_or_nan(DebugTensorDatum("y", 0, None), np.array([0.0, np.nan]))
        True
    """
    return is_bad(tensor)


def data_of(step: Step) -> list[DebugTensorDatum]:
    """The values that a step made; a variable that it wrote counts as that variable's output."""
    found = [
        DebugTensorDatum(t.op.name, t.value_index, to_numpy(value))
        for t, value in zip(step.node.outputs, step.outputs, strict=True)
        if value is not None
    ]
    random = step.node.name if step.node.kind.has_state else None
    return found + [DebugTensorDatum(slot, 0, to_numpy(v)) for slot, v in step.after.items() if slot != random]


class DebugDumpDir:
    """All values of a run; made by `dump_run`.

    TensorFlow writes them to a directory, hence the name; here they stay in memory.

    Args:
        recording: a run.
    """

    def __init__(self, recording: Recording) -> None:
        self._nodes = [node.name for node in recording.nodes]
        self.dumped_tensor_data = [datum for step in recording.steps for datum in data_of(step)]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.dumped_tensor_data)

    def nodes(self) -> list[str]:
        """Names of the nodes that ran, in order."""
        return list(self._nodes)

    def find(self, predicate: Filter, first_n: int = 0) -> list[DebugTensorDatum]:
        """The values for which `predicate(datum, tensor)` is true.

        Args:
            predicate: such as `has_inf_or_nan`.
            first_n: how many at most; 0 for all.
        """
        found: list[DebugTensorDatum] = []
        for datum in self.dumped_tensor_data:
            if predicate(datum, datum.get_tensor()):
                found.append(datum)
                if len(found) == first_n:
                    break
        return found

    def get_tensors(self, node_name: str, output_slot: int, debug_op: str = "DebugIdentity") -> list[Any]:
        """The values that an output of a node had.

        Raises:
            NameNotFoundError: if it had none.
        """
        found = [
            datum.get_tensor()
            for datum in self.dumped_tensor_data
            if (datum.node_name, datum.output_slot) == (node_name, output_slot)
        ]
        if not found:
            raise NameNotFoundError(f"this run made no value of {node_name}:{output_slot}.", "nodes() lists what ran.")
        return found


def dump_run(session: Any, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> DebugDumpDir:
    """Runs node by node and keeps every value; the session's variables stay as they are.

    Args:
        session: a `tf.Session`.
        fetches: as for `Session.run`.
        feed_dict: as for `Session.run`.

    Example:
        >>> import labkit as tf
        >>> dump = dump_run(tf.Session(), tf.log(tf.constant([1.0, 0.0])) * 0.0)
        >>> [datum.tensor_name for datum in dump.find(has_inf_or_nan)]
        ['Log:0', 'mul:0']
    """
    recording = Recording(session, fetches, feed_dict)
    while not recording.at_end:
        recording.forward()
    return DebugDumpDir(recording)
