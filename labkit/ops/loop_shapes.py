"""Shapes of the variables of a `tf.while_loop`: what `shape_invariants` say, and whether they really change.

A compiled loop keeps the shapes of its variables. A program that joins a row to a variable in each iteration says so
with a shape invariant, `tf.TensorShape([None, 3])`; such a loop runs in Python, an iteration at a time. Many programs
give invariants that they do not need, so the body is tried on the first shapes: if they stay, the loop is compiled.

Example:
    >>> import labkit as tf
    >>> _, rows = tf.while_loop(
    ...     lambda i, rows: i < 3, lambda i, rows: (i + 1, tf.concat([rows, [i]], 0)), (0, tf.zeros([1], tf.int32)),
    ...     shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])))
    >>> tf.Session().run(rows)
    array([0, 0, 1, 2], dtype=int32)

Source: `_EnforceShapeInvariant` of `tensorflow/python/ops/control_flow_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax

from labkit.errors import GraphError, ShapeError
from labkit.graph import Spec, Tensor
from labkit.graph.subgraph import Body
from labkit.nests import listed
from labkit.ops.structure import Rebuild, flatten
from labkit.shapes import as_shape, compatible, shape_text

_SOME_SIZE = 7  # stands for a size that is unknown


def specs_in_loop(first: Sequence[Tensor], invariants: Any, rebuild: Rebuild) -> list[Spec]:
    """What is known of each loop variable in every iteration.

    Raises:
        GraphError: if there are more or fewer invariants than loop variables.
        ShapeError: if a variable does not start with a shape that fits.
    """
    specs = [tensor.spec for tensor in first]
    if invariants is None:
        return specs
    given = [as_shape(shape) for shape in flatten(listed(invariants))[0]]
    flows = {position for position, _ in rebuild.arrays}
    counts = {position + 1 for position, growing in rebuild.arrays if growing}
    positions = [i for i in range(len(first)) if i not in counts]
    if len(given) != len(positions):
        raise GraphError(
            f"shape_invariants has {len(given)} shapes, and there are {len(positions)} loop variables.",
            "one shape per loop variable, such as [i.get_shape(), tf.TensorShape([None, 3])].",
        )
    for position, shape in zip(positions, given, strict=True):
        start = first[position].static_shape
        if position in flows:  # a tensor array says itself what shape its elements have
            continue
        if not compatible(start, shape):
            raise ShapeError(
                f"loop variable {position} starts with shape {shape_text(start)}, which does not fit its shape "
                f"invariant {shape_text(shape)}.",
                "None for each size that changes.",
            )
        specs[position] = Spec(first[position].dtype, shape)
    return specs


def does_grow(step: Body, first: Sequence[Tensor], specs: Sequence[Spec]) -> bool:
    """True if a variable whose invariant is looser than its first shape does change its shape, or may."""
    looser = [i for i, (t, spec) in enumerate(zip(first, specs, strict=True)) if t.static_shape != spec.shape]
    if not looser:
        return False
    if step.host or any(t.static_shape is None for t in (*first, *step.captured)):
        return True

    def tried(own: list[Any], around: list[Any]) -> list[Any]:
        captured = dict(zip(step.captured, around, strict=True))
        return [cast("Any", jax.numpy).asarray(v) for v in step.run(own, captured, step.initial_state())[0]]

    try:
        with jax.enable_x64(True):
            made = jax.eval_shape(tried, _some(first), _some(step.captured))
    except Exception:  # whatever the body does with these sizes: it may change a shape
        return True
    return any(made[i].shape != _some([first[i]])[0].shape for i in looser)


def _some(tensors: Sequence[Tensor]) -> list[Any]:
    """A shape for each tensor, with some size where it is unknown."""
    shapes = [tuple(_SOME_SIZE if n is None else n for n in t.static_shape or ()) for t in tensors]
    return [jax.ShapeDtypeStruct(shape, t.dtype.as_numpy_dtype) for shape, t in zip(shapes, tensors, strict=True)]
