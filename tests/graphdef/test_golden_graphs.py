"""Graphs that TensorFlow wrote, read by labkit; and graphs of labkit whose values TensorFlow computed.

The files are made by `tests/graphdef/make_goldens.py`; `values.json` says with which TensorFlow.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import labkit as tf
from tests.graphdef.programs import FOLDER, PROGRAMS

GRAPHS: dict[str, Any] = json.loads((FOLDER / "values.json").read_text())["graphs"]


def check(graph: tf.Graph, golden: dict[str, Any]) -> None:
    """What the graph computes is what TensorFlow computed."""
    with tf.Session(graph=graph) as sess:
        if golden["init"]:
            sess.run(golden["init"])
        values = sess.run(list(golden["values"]), {key: np.array(v, np.float32) for key, v in golden["feeds"].items()})
    for (name, want), value in zip(golden["values"].items(), values, strict=True):
        np.testing.assert_allclose(value, want, rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_file_gives_the_values_that_tensorflow_computed(name: str) -> None:
    """Frozen networks, variables with seeds, loops and branches as functions, resource variables."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(tf.GraphDef.FromString((FOLDER / f"{name}.pb").read_bytes()), name="")
    check(graph, GRAPHS[name])


@pytest.mark.parametrize("name", GRAPHS)
def test_a_file_read_and_written_again_gives_the_same_values(name: str) -> None:
    """What labkit writes of a graph of TensorFlow's is again a graph that computes the same."""
    with tf.Graph().as_default() as once:
        tf.import_graph_def(tf.GraphDef.FromString((FOLDER / f"{name}.pb").read_bytes()), name="")
    with tf.Graph().as_default() as twice:
        tf.import_graph_def(once.as_graph_def(add_shapes=True), name="")
    check(twice, GRAPHS[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_labkit_writes_today_is_the_file_that_tensorflow_ran(name: str) -> None:
    """The ops and attributes of the file are those that TensorFlow accepted."""
    with tf.Graph().as_default() as graph:
        PROGRAMS[name]()
    assert graph.as_graph_def() == tf.GraphDef.FromString((FOLDER / f"labkit_{name}.pb").read_bytes())
