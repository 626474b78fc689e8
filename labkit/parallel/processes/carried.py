"""A training step as files: what goes to processes that know nothing of the learner's program.

    step.json         names: the training op, the inputs, the loss, each gradient and its variable
    graph.pb          the operations behind them, a `GraphDef` in TensorFlow's own format
    data-0.npy ...    the examples of each input, mapped into memory by the processes, so that they share them
    state-0.index ... the state before the first step: a checkpoint, as every later one

All of it is data. Nothing is pickled, no code travels: a process reads the graph with labkit's own operations and
builds the same `TrainingStep` from the names. The folder is one that all processes see: on one machine any, on several
a shared one.

Example:
    >>> import tempfile
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None])
    >>> loss = tf.reduce_mean(tf.square(x - tf.Variable(0.0, name="w")))
    >>> step = TrainingStep(tf.train.GradientDescentOptimizer(0.5).minimize(loss), [x], loss)
    >>> folder = tempfile.mkdtemp()
    >>> write_step(folder, step, [np.float32([1, 3])])
    >>> write_state(folder, 0, step, step.first_state())
    >>> again, data = read_step(folder)
    >>> number, state = read_state(folder)
    >>> state = again.update(state, again.gradients(state, data).values)
    >>> number, float(state["w"])
    (0, 2.0)
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.checkpoints import CheckpointReader, data_path, index_path, write_checkpoint
from labkit.checkpoints.read import checkpoints_in
from labkit.errors import DataLossError, LabkitError, NotFoundError
from labkit.executor import prune
from labkit.graph import Graph, Tensor
from labkit.graphdef.reading import import_graph_def
from labkit.graphdef.writing import graph_def_of
from labkit.ops.indexed_slices import IndexedSlices
from labkit.parallel.step import State, TrainingStep

_STATE = "state-"


def write_step(folder: str, step: TrainingStep, data: Sequence[Any]) -> None:
    """Writes the step and its examples.

    Args:
        folder: where; it exists.
        step: the training step.
        data: for each input its examples.

    Raises:
        GraphError: if an operation cannot be written as data.
    """
    ends = [step.train, *([] if step.loss is None else [step.loss.op]), *(t.op for t in (*step.sent, *step.inputs))]
    graph_def = graph_def_of(prune(ends, ()))
    names = {
        "train": step.train.name,
        "inputs": [tensor.name for tensor in step.inputs],
        "loss": None if step.loss is None else step.loss.name,
        "parts": [
            [part.variable, part.values.name, None if part.indices is None else part.indices.name]
            for part in step.parts
        ],
        "data": len(data),
    }
    for place, array in enumerate(data):
        np.save(os.path.join(folder, f"data-{place}.npy"), np.asarray(array), allow_pickle=False)
    with open(os.path.join(folder, "graph.pb"), "wb") as file:
        file.write(graph_def.SerializeToString())
    with open(os.path.join(folder, "step.json"), "w", encoding="utf-8") as file:
        json.dump(names, file)


def read_step(folder: str) -> tuple[TrainingStep, list[Any]]:
    """The step that `write_step` wrote, in a graph of its own, and the examples of each input, read when looked at."""
    with open(os.path.join(folder, "step.json"), encoding="utf-8") as file:
        names = json.load(file)
    with open(os.path.join(folder, "graph.pb"), "rb") as file:
        content = file.read()
    graph = Graph()
    with graph.as_default():
        import_graph_def(content, name="")
        pairs = [
            (_gradient(graph, values, indices), graph.nodes_by_name[variable].outputs[0])
            for variable, values, indices in names["parts"]
        ]
        loss = None if names["loss"] is None else _tensor(graph, names["loss"])
        inputs = [_tensor(graph, name) for name in names["inputs"]]
        step = TrainingStep(graph.nodes_by_name[names["train"]], inputs, loss, pairs)
    paths = [os.path.join(folder, f"data-{place}.npy") for place in range(names["data"])]
    return step, [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]


def write_state(folder: str, number: int, step: TrainingStep, state: State, keep: int = 2) -> None:
    """Writes the state after `number` steps as a checkpoint, whole or not at all, and removes all but the last few."""
    random = {name for name in step.keeps if step.train.graph.nodes_by_name[name].kind.has_state}
    kinds = {name: step.train.graph.nodes_by_name[name].type for name in random}
    write_checkpoint(
        os.path.join(folder, f"{_STATE}{number}"),
        {name: np.asarray(value) for name, value in state.items() if name not in random},
        {name: (kinds[name], np.asarray(state[name])) for name in random},
    )
    for old in _numbers(folder)[:-keep]:
        for path in (
            index_path(os.path.join(folder, f"{_STATE}{old}")),
            data_path(os.path.join(folder, f"{_STATE}{old}")),
        ):
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)


def read_state(folder: str) -> tuple[int, State]:
    """The newest checkpoint that is whole: after how many steps it was written, and the state.

    Raises:
        NotFoundError: if there is none.
    """
    for number in reversed(_numbers(folder)):
        try:
            reader = CheckpointReader(os.path.join(folder, f"{_STATE}{number}"))
            names = list(reader.tensors)
            state = dict(zip(names, reader.read(names), strict=True))
            state.update({name: value for name, (_, value) in reader.read_states().items()})
        except (DataLossError, NotFoundError):
            continue
        with jax.enable_x64(True):
            return number, {name: jnp.asarray(value) for name, value in state.items()}
    raise NotFoundError(None, None, f"there is no whole checkpoint in {folder!r}.")


def forget_states(folder: str) -> None:
    """Removes the checkpoints of a run before."""
    for name in os.listdir(folder):
        if name.startswith(_STATE):
            os.remove(os.path.join(folder, name))


def _numbers(folder: str) -> list[int]:
    names = [os.path.basename(name).removeprefix(_STATE) for name in checkpoints_in(folder)]
    return sorted(int(name) for name in names if name.isdecimal())


def _tensor(graph: Graph, name: str) -> Tensor:
    node, _, place = name.rpartition(":")
    if node not in graph.nodes_by_name:
        raise LabkitError(f"the graph that was sent has no {node!r}: its files are of two different steps.")
    return graph.nodes_by_name[node].outputs[int(place)]


def _gradient(graph: Graph, values: str, indices: str | None) -> Any:
    dense = _tensor(graph, values)
    return dense if indices is None else IndexedSlices(dense, _tensor(graph, indices))
