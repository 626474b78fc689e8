"""How to add an op, and the proof that one class is enough: it runs, differentiates, infers, costs and is watched."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import labkit as tf
from labkit.graph import OPS, Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import Unary


@pytest.fixture
def softsquare() -> Iterator[type[Op]]:
    """x * x / (1 + |x|): everything about the op is in this class."""

    @op
    class SoftSquare(Unary):
        """x * x / (1 + |x|)."""

        scale: float = 1.0

        def kernel(self, x: jax.Array) -> jax.Array:
            return self.scale * x * x / (1 + jnp.abs(x))

        def gradient(self, node: Operation, grad: Tensor) -> Tensor:
            x, size = node.inputs[0], abs(node.inputs[0])
            return grad * self.scale * x * (2 + size) / tf.square(1 + size)

        def cost(self, x: Spec) -> Cost:
            return self.cost_with_flops(4, x)

    yield SoftSquare
    del OPS["SoftSquare"]


def test_a_new_op_runs_differentiates_infers_and_costs(softsquare: type[Op]) -> None:
    """Value, gradient, static shape, cost and node name follow from the class; nothing else is registered."""
    x = tf.placeholder(tf.float64, [None, 3])
    y = apply(softsquare(), x)
    (slope,) = tf.gradients(y, x)
    data = np.array([[-2.0, 0.5, 3.0]])
    with tf.Session() as sess:
        value, gradient = sess.run([y, slope], {x: data})
        watched, trace = sess.watch(y, {x: data})
    size = np.abs(data)
    np.testing.assert_allclose(value, data**2 / (1 + size))
    np.testing.assert_allclose(gradient, data * (2 + size) / (1 + size) ** 2)
    np.testing.assert_allclose(watched, value)
    assert [event.op for event in trace.events if event.node == "SoftSquare"] == ["SoftSquare"]
    assert y.op.name == "SoftSquare"
    assert y.get_shape().as_list() == [None, 3]
    assert apply(softsquare(), tf.zeros([2, 3])).op.cost().flops == 24


def test_two_ops_cannot_have_one_name(softsquare: type[Op]) -> None:
    """The error says where the other one is."""
    with pytest.raises(ValueError, match=r"there is an op SoftSquare already, in .*test_adding_an_op"):

        @op
        class SoftSquare(Unary):
            pass
