"""Graphs as data: `GraphDef`, `MetaGraphDef` and JSON, in TensorFlow's own format.

    writing         a graph as a `tf.GraphDef`: `graph.as_graph_def()`
    reading         its nodes in another graph: `tf.import_graph_def`
    meta_graph      a graph with its variables, collections (`collected`) and saver
    graph_util      parts of a GraphDef: what an output needs; variables as constants
    text            files, and JSON

    matching        whether an op is TensorFlow's, by `signatures` (the lines of `tensorflow_ops.txt`)
    attributes      the fields of an op as `AttrValue`s; `tensors`: arrays, shapes and dtypes
    functions       the subgraphs of loops and branches; `nodes`: one node; `alternatives`: TensorFlow's other spellings

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.sqrt(tf.placeholder(tf.float32, name="x"), name="y")
    >>> data = graph.as_graph_def().SerializeToString()
    >>> with tf.Graph().as_default():
    ...     tf.import_graph_def(tf.GraphDef.FromString(data), name="")
    ...     float(tf.Session().run("y:0", {"x:0": 16.0}))
    4.0
"""

from labkit.graphdef import graph_util as graph_util
from labkit.graphdef.meta_graph import export_meta_graph as export_meta_graph
from labkit.graphdef.meta_graph import import_meta_graph as import_meta_graph
from labkit.graphdef.reading import import_graph_def as import_graph_def
from labkit.graphdef.text import from_json as from_json
from labkit.graphdef.text import read_message as read_message
from labkit.graphdef.text import to_json as to_json
from labkit.graphdef.text import write_graph as write_graph
from labkit.graphdef.writing import as_graph_def as as_graph_def
