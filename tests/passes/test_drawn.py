"""Pictures of passes: what went is dashed, what stayed is not, and words stand where they were asked for."""

from __future__ import annotations

import labkit as tf
from labkit import draw


def test_what_went_away_is_counted_as_gone() -> None:
    """As many boxes are dashed as nodes went."""
    x = tf.placeholder(tf.float32, [], name="x")
    optimized = tf.passes.optimize(tf.multiply(tf.exp(x), tf.exp(x) * 1.0, name="y"))
    gone = len(tf.get_default_graph().get_operations()) - len(optimized.graph.get_operations())
    assert repr(draw.optimized(optimized)).endswith(f"{gone} gone>")
    assert "gone" not in repr(draw.graph(optimized.graph, collapse=False))


def test_marks_are_written_under_their_boxes() -> None:
    """The word for a node inside a scope stands under the scope."""
    with tf.name_scope("loss"):
        y = tf.log(tf.constant(0.0), name="log")
    picture = draw.graph(y, marks={y: "the first infinity"})
    assert "the first infinity" in [text.get_text() for text in picture.axes[0].texts]
