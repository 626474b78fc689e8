"""The real TensorBoard reads the graphs that labkit writes: its event files, and the plugin behind its graph tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import labkit as tf


@pytest.mark.filterwarnings("ignore:html5lib:DeprecationWarning")  # of a library inside TensorBoard
def test_the_graph_tab_serves_labkits_graph(tmp_path: Path) -> None:
    """Nodes with ops, inputs, devices and shapes, and the functions of loops, over TensorBoard's data provider."""
    from google.protobuf import text_format
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.graph import graphs_plugin
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        with tf.name_scope("layer"), tf.device("/job:worker/task:1"):
            w = tf.Variable(tf.zeros([3, 2]), name="w")
            y = tf.nn.softmax(tf.matmul(x, w), name="y")
        total = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + tf.reduce_sum(y)), (0, 0.0))[1]
        tf.gradients(total, [w.value()])
    run = tmp_path / "run"
    writer = EventFileWriter(str(run))
    writer.add_event(Event(graph_def=graph.as_graph_def(add_shapes=True).SerializeToString()))
    writer.close()

    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path))
    plugin: Any = graphs_plugin.GraphsPlugin(base_plugin.TBContext(logdir=str(tmp_path), data_provider=provider))
    from tensorboard import context

    shown, _ = plugin.graph_impl(context.RequestContext(), "run", None, False, experiment="")
    seen = text_format.Parse(shown, tf.GraphDef())
    by_name = {node.name: node for node in seen.node}
    assert set(by_name) == {node.name for node in graph.get_operations()}
    assert list(by_name["layer/y"].input) == ["layer/MatMul"]
    assert by_name["layer/MatMul"].device == "/job:worker/task:1"
    assert [dim.size for dim in by_name["layer/y"].attr["_output_shapes"].list.shape[0].dim] == [-1, 2]
    assert {function.signature.name for function in seen.library.function} == {
        function.signature.name for function in graph.as_graph_def().library.function
    }
    info = plugin.info_impl(context.RequestContext(), experiment="")
    assert info["run"]["run_graph"]
