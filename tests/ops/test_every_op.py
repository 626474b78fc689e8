"""Properties that every op has, for every sample of `tests/ops/samples/`; `tests/ops/sample.py` says what a sample is.

A call is drawn with sizes, values, and what the graph may know of the inputs' shapes (all, some sizes, only the rank,
nothing). Then the op must equal its NumPy formula, `infer` must be right, gradients must equal JAX's and finite
differences, watched runs must equal whole runs, and costs must be XLA's where a count of FLOPs is well defined.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.graph import OPS, Op, Operation, Tensor
from labkit.shapes import compatible
from tests.ops.every_call import Call, all_samples, calls, cotangents, pull_back
from tests.ops.sample import Sample

EVERY_SAMPLE = [pytest.param(sample, id=name) for name, sample in all_samples()]
WITH_GRADIENT = [
    pytest.param(sample, id=name)
    for name, sample in all_samples()
    if sample.gradient and OPS[name.rpartition("-")[0]].gradient is not Op.gradient
]

NO_SAMPLE = {
    "Placeholder": "has no kernel: a fed value takes its place",
    "Const": "its value is an attribute; every other test runs it",
    "NoOp": "does nothing",
    "VariableV2": "its output is a reference; every sample with a reference input runs it",
    "Parameter": "stands in a subgraph for an argument; the samples of cond, while_loop and map_fn run it",
    "Captured": "stands in a subgraph for a tensor from outside; likewise",
    "CapturedRef": "stands in a subgraph for a variable from outside; likewise",
    "SubgraphVjp": "the gradients of the ops with subgraphs run it",
    "Vjp": "the samples of the ops that use it in their gradients run it",
}


def run(call: Call, watched: bool = False) -> tuple[Operation, list[Any]]:
    """Puts the call in a new graph and runs it: the node, and the values of its outputs (or of what it writes)."""
    with tf.Graph().as_default():
        node, tensors, feeds = call.place()
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            fetches = fetched(node, tensors)
            return node, sess.watch(fetches, feeds)[0] if watched else sess.run(fetches, feeds)


def fetched(node: Operation, tensors: list[Tensor]) -> list[Any]:
    """What to fetch to see what a node did."""
    if node.kind.writes:
        return [node.outputs[0], *(tensors[position] for position in node.kind.writes[1:])]
    return list(node.outputs) or [node]


@pytest.mark.parametrize("sample", EVERY_SAMPLE)
@given(data=st.data())
def test_an_op_equals_its_numpy_formula_and_its_inferred_shape(sample: Sample, data: Any) -> None:
    """The value is the formula's; dtype and shape are what `infer` said with all known, and fit with less known."""
    call = data.draw(calls(sample))
    node, values = run(call)
    for tensor, value in zip(node.outputs, values, strict=False):
        assert compatible(tensor.static_shape, np.shape(value)), f"inferred {tensor.shape}, got {np.shape(value)}"
        if tensor.dtype.name != "string":
            assert tensor.dtype.np_dtype == np.asarray(value).dtype
    if not call.kind.host:
        for spec, value in zip(call.kind.output_specs(*call.specs()), values, strict=False):
            assert spec.shape == np.shape(value)
    if sample.numpy is None:
        assert sample.why, "a sample without a NumPy formula says why"
        return
    expected = sample.numpy(*call.arrays)
    for want, value in zip(expected if isinstance(expected, tuple) else (expected,), values, strict=True):
        same(want, value, sample.rtol)


@pytest.mark.parametrize("sample", WITH_GRADIENT)
@given(data=st.data())
def test_gradients_equal_jax_and_finite_differences(sample: Sample, data: Any) -> None:
    """First derivatives equal `jax.vjp` of the kernel and finite differences; second derivatives equal JAX's."""
    call = data.draw(calls(sample))
    where = call.differentiable()
    xs = [call.arrays[i] for i in where]
    outputs = [i for i, spec in enumerate(call.kind.output_specs(*call.specs())) if spec.dtype.is_differentiable]
    function = call.function(outputs)
    if not where or not outputs or call.kind.host:
        return
    with jax.enable_x64(True):
        shapes = jax.eval_shape(function, *xs)
    grads = cotangents(call, [np.zeros(s.shape, s.dtype) for s in shapes])
    seconds = cotangents(call, xs)
    with tf.Graph().as_default():
        node, tensors, feeds = call.place()
        ys, x_tensors = [node.outputs[i] for i in outputs], [tensors[i] for i in where]
        g_tensors = [tf.placeholder(y.dtype, y.shape) for y in ys]
        first = tf.gradients(ys, x_tensors, g_tensors)
        first = [g if g is None else node.graph.as_tensor(g) for g in first]
        present = [i for i, g in enumerate(first) if g is not None]
        h_tensors = [tf.placeholder(x.dtype, x.shape) for x in x_tensors]
        second: list[Any] = [None] * (len(xs) + len(grads))
        if present:
            second = tf.gradients(
                [first[i] for i in present], [*x_tensors, *g_tensors], [h_tensors[i] for i in present], name="second"
            )
            second = [g if g is None else node.graph.as_tensor(g) for g in second]
        feeds |= dict(zip([*g_tensors, *h_tensors], [*grads, *seconds], strict=True))
        used = [g for g in (*first, *second) if g is not None]
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            computed = dict(zip(used, sess.run(used, feeds), strict=True))

    def slope(xs: Any, grads: Any) -> tuple[Any, ...]:
        return pull_back(function, xs, grads)

    def reference(xs: Any, grads: Any, seconds: Any) -> Any:
        pulled = [h if i in present else jax.numpy.zeros_like(h) for i, h in enumerate(seconds)]
        flat = pull_back(lambda *both: slope(both[: len(xs)], both[len(xs) :]), (*xs, *grads), pulled)
        return function(*xs), slope(xs, grads), flat

    with jax.enable_x64(True):
        compiled = jax.jit(reference)
        _, expected, expected_second = compiled(xs, grads, seconds)
        step = [1e-6 * v for v in seconds]
        ahead, behind = (compiled([x + sign * d for x, d in zip(xs, step, strict=True)], grads, seconds)[0]
                         for sign in (1, -1))  # fmt: skip
    for tensor, want in zip((*first, *second), (*expected, *expected_second), strict=True):
        want = np.asarray(want)
        same(want, np.zeros_like(want) if tensor is None else computed[tensor], 1e-7)
    rise = sum(inner(g, (np.asarray(b) - np.asarray(a)) / 2e-6) for g, a, b in zip(grads, behind, ahead, strict=True))
    along = sum(inner(g, v) for g, v in zip(expected, seconds, strict=True))
    same(along, rise, 1e-5, 1e-6)


@pytest.mark.parametrize("sample", EVERY_SAMPLE)
@settings(max_examples=2)
@given(data=st.data())
def test_a_watched_run_equals_a_whole_run(sample: Sample, data: Any) -> None:
    """Running each node alone gives what the compiled whole gives."""
    call = data.draw(calls(sample))
    for whole, watched in zip(run(call)[1], run(call, watched=True)[1], strict=True):
        if whole is not None or watched is not None:
            same(np.asarray(whole), np.asarray(watched), 1e-9)


@pytest.mark.parametrize("sample", EVERY_SAMPLE)
@given(data=st.data())
def test_a_cost_is_a_finite_number(sample: Sample, data: Any) -> None:
    """FLOPs and bytes are finite and not negative, also where sizes are unknown."""
    call = data.draw(calls(sample))
    with tf.Graph().as_default():
        placed = call.place()[0].cost()
    for cost in (placed, call.kind.cost(*call.specs())):
        assert 0 <= cost.flops < float("inf")
        assert 0 <= cost.bytes < float("inf")


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
def test_the_cost_of_a_matrix_product_is_what_xla_counts(transposed: tuple[bool, bool]) -> None:
    """FLOPs are exactly those of XLA's own cost analysis."""
    kind: Any = OPS["MatMul"]
    shapes = [shape[::-1] if t else shape for shape, t in zip([(16, 32), (32, 8)], transposed, strict=True)]
    arrays = [np.zeros(shape, np.float32) for shape in shapes]
    call = Call(kind(*transposed), arrays, [None, None], [False, False], np.random.default_rng(0))
    assert xla_flops(call) == call.kind.cost(*call.specs()).flops


def test_the_cost_of_a_layer_is_what_xla_counts() -> None:
    """32 x 784 times 784 x 10: 501,760 FLOPs and 132,992 bytes, by XLA's count and by labkit's."""
    arrays = [np.zeros((32, 784), np.float32), np.zeros((784, 10), np.float32)]
    call = Call(OPS["MatMul"](), arrays, [None, None], [False, False], np.random.default_rng(0))
    assert call.kind.cost(*call.specs()) == (501_760, 132_992)
    assert xla_flops(call) == 501_760


@pytest.mark.skipif("Conv2D" not in OPS, reason="Conv2D is not there yet")
def test_the_cost_of_a_convolution_is_what_xla_counts() -> None:
    """Within 10 %: XLA leaves out the products with padding."""
    arrays = [np.zeros((8, 28, 28, 1), np.float32), np.zeros((5, 5, 1, 32), np.float32)]
    kind: Any = OPS["Conv2D"]
    call = Call(kind((1, 1, 1, 1), "SAME"), arrays, [None, None], [False, False], np.random.default_rng(0))
    assert call.kind.cost(*call.specs()).flops == pytest.approx(xla_flops(call), rel=0.1)


def test_every_op_has_a_sample_or_a_reason() -> None:
    """A new op that nobody tests is found here."""
    sampled = {name.rpartition("-")[0] for name, _ in all_samples()}
    ours = {name for name, kind in OPS.items() if kind.__module__.startswith("labkit.")}
    assert sorted(ours - sampled - set(NO_SAMPLE)) == []
    assert sorted(sampled & set(NO_SAMPLE)) == []


def xla_flops(call: Call) -> float:
    """What XLA counts for the kernel."""
    analysis: Any = jax.jit(call.kind.kernel).lower(*call.arrays).compile().cost_analysis()
    return float(analysis["flops"])


def inner(a: Any, b: Any) -> float:
    """The real inner product, also of complex arrays."""
    return float(np.real(np.sum(np.conj(a) * b)))


def same(expected: Any, actual: Any, rtol: float, atol: float | None = None) -> None:
    """Asserts that two arrays agree in shape and, to rounding, in value."""
    expected, actual = np.asarray(expected), np.asarray(actual)
    assert expected.shape == actual.shape
    if expected.dtype.kind in "fc":
        scale = np.max(np.abs(np.nan_to_num(expected, posinf=0, neginf=0)), initial=1.0)
        np.testing.assert_allclose(actual, expected, rtol, rtol * scale if atol is None else atol)
    else:
        np.testing.assert_array_equal(actual, expected)
