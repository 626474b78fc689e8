"""Every op, written to a file and read again, computes the same values: over the samples of `tests/ops/samples/`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.graphdef import import_graph_def
from tests.ops.every_call import all_samples, calls, same
from tests.ops.sample import Sample

CANNOT: dict[str, str] = {
    "PyFunc": "holds a Python function: tests/graphdef/test_writing.py says what its error is",
    "PyFuncStateless": "likewise",
}
SAMPLES = [pytest.param(sample, id=name) for name, sample in all_samples() if name.rpartition("-")[0] not in CANNOT]


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=2)
@given(data=st.data())
def test_an_op_read_from_a_file_computes_what_the_op_itself_computes(sample: Sample, data: Any) -> None:
    """Through the bytes of a GraphDef: same file when written again, same values when run."""
    call = data.draw(calls(sample))
    graph, copy = tf.Graph(), tf.Graph()
    with graph.as_default():
        node, tensors, feeds = call.place()
        tf.global_variables_initializer()
    data_bytes = graph.as_graph_def(add_shapes=True).SerializeToString(deterministic=True)
    with copy.as_default():
        import_graph_def(tf.GraphDef.FromString(data_bytes), name="")
    assert copy.as_graph_def(add_shapes=True).SerializeToString(deterministic=True) == data_bytes
    again = copy.get_operation_by_name(node.name)
    assert [t.spec for t in again.outputs] == [t.spec for t in node.outputs]
    fetched = [node.outputs[0], *(tensors[i] for i in node.kind.writes[1:])] if node.kind.writes else list(node.outputs)
    fetches: list[Any] = [tensor.name for tensor in fetched] or [node.name]
    values: list[list[Any]] = []
    for one in (graph, copy):
        with tf.Session(graph=one) as sess:
            sess.run("init")
            values.append(sess.run(fetches, {tensor.name: value for tensor, value in feeds.items()}))
    for want, value in zip(*values, strict=True):
        if want is not None or value is not None:
            if np.asarray(want).dtype == object:
                assert str(want) == str(value)
            else:
                same(np.asarray(want), np.asarray(value), 1e-12)
