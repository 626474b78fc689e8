"""The derivatives of every op, for every sample of `tests/ops/samples/`, in float64 or complex128.

The graph's first derivatives must equal finite differences of the op's kernel and `jax.vjp` of it, and its second
derivatives JAX's, while the graph knows all, some or nothing of the shapes. What is not compared so is listed here,
with the reason; a test says that the lists hold all and no more.

Each drawn call is compiled twice, by labkit and for JAX's derivatives, so compiling is nearly all of the time: XLA is
asked to leave out its costly optimizations. The values of the kernels, in `test_every_op.py`, are computed with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.graph import OPS, Op
from tests.ops.every_call import all_samples, calls, cotangents, pull_back, same, smallest_call
from tests.ops.sample import Sample

STEP = 1e-6  # of finite differences

# Ops from floating point to floating point that have no gradient, as in TensorFlow. Those that update a variable have
# none either, by a rule.
NO_GRADIENT = {
    "ResizeArea": "TensorFlow has none either",
    "DrawBoundingBoxes": "the outlines are painted over, in Python",
    "SampleDistortedBoundingBox": "a random draw",
    "DecodeCSV": "reads strings; the floats are defaults",
    "ParseExample": "reads strings; the floats are defaults",
    "ParseSingleExample": "reads strings; the floats are defaults",
    "ParseSingleSequenceExample": "reads strings; the floats are defaults",
    "Ceil": "constant between steps",
    "Floor": "constant between steps",
    "Rint": "constant between steps",
    "Round": "constant between steps",
    "OneHot": "the values are those of `on_value` and `off_value`, which TensorFlow takes for constants",
    "StopGradient": "to have none is what it is for",
    "RandomGamma": "a random draw",
    "RandomPoisson": "a random draw",
    "RandomShuffle": "a random order",
    "Orthonormalize": "makes initial values",
    "SparseReduceMax": "as in TensorFlow",
    "SumDuplicates": "optimizers apply it to gradients",
}

# Ops that have a gradient, of which no sample is compared here.
COMPARED_ELSEWHERE = {
    **dict.fromkeys(
        ("ResizeBilinear", "ResizeBicubic", "CropAndResize"),
        "computes in float32 whatever it is given; tests/images compares with TensorFlow's gradients",
    ),
    **dict.fromkeys(
        ("RGBToHSV", "HSVToRGB"), "has seams where no derivative exists; tests/images compares with TensorFlow's"
    ),
    "CheckNumerics": "runs on the host, where JAX cannot trace it; test_control_flow.py",
    "Print": "runs on the host, where JAX cannot trace it; test_control_flow.py",
    "Cond": "its sample has only a bool input; test_control_flow.py has branches with captures",
    "While": "JAX cannot differentiate its kernel backwards; test_control_flow.py has its gradient, by a bounded loop",
}


def compared(name: str, sample: Sample) -> bool:
    """True if the sample has a derivative to compare: a gradient, and a path from floating point to floating point."""
    return sample.gradient and OPS[name.rpartition("-")[0]].gradient is not Op.gradient and smooth(sample)


def smooth(sample: Sample) -> bool:
    """True if a floating-point input and a floating-point output exist."""
    call = smallest_call(sample)
    return bool(call.differentiable()) and any(
        spec.dtype.is_differentiable for spec in call.kind.output_specs(*call.specs())
    )


COMPARED = [(name, sample) for name, sample in all_samples() if compared(name, sample)]


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly() -> Iterator[None]:
    """Leaves out XLA's costly optimizations while this file runs."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.mark.parametrize("sample", [pytest.param(sample, id=name) for name, sample in COMPARED])
@given(data=st.data())
def test_gradients_equal_finite_differences_and_jax(sample: Sample, data: Any) -> None:
    """First derivatives equal finite differences and `jax.vjp` of the kernel; second derivatives equal JAX's."""
    call = data.draw(calls(sample))
    where = call.differentiable()
    xs = [call.arrays[i] for i in where]
    assert {str(x.dtype) for x in xs} <= {"float64", "complex128"}, "finite differences need 64 bits"
    outputs = [i for i, spec in enumerate(call.kind.output_specs(*call.specs())) if spec.dtype.is_differentiable]
    function = call.function(outputs)
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

    def value(of: list[Any], like: list[Any]) -> list[Any]:
        return [np.zeros_like(x) if g is None else computed[g] for g, x in zip(of, like, strict=True)]

    def slope(xs: Any, grads: Any) -> tuple[Any, ...]:
        return pull_back(function, xs, grads)

    def reference(xs: Any, grads: Any, seconds: Any) -> Any:
        pulled = [h if i in present else jax.numpy.zeros_like(h) for i, h in enumerate(seconds)]
        flat = pull_back(lambda *both: slope(both[: len(xs)], both[len(xs) :]), (*xs, *grads), pulled)
        return function(*xs), slope(xs, grads), flat

    with jax.enable_x64(True):
        compiled = jax.jit(reference)
        _, expected, expected_second = compiled(xs, grads, seconds)
        ahead, behind = (
            compiled([x + sign * STEP * v for x, v in zip(xs, seconds, strict=True)], grads, seconds)[0]
            for sign in (1, -1)
        )
    slopes = value(first, xs)
    rises = [(np.asarray(a) - np.asarray(b)) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)]
    rise = sum(inner(g, change) for g, change in zip(grads, rises, strict=True))
    assert np.isfinite(rise), "NaN would equal NaN"
    same(rise, sum(inner(g, v) for g, v in zip(slopes, seconds, strict=True)), 1e-5, 1e-6)
    for want, got in zip((*expected, *expected_second), (*slopes, *value(second, [*xs, *grads])), strict=True):
        same(np.asarray(want), got, 1e-7)


def test_what_is_not_compared_has_a_reason() -> None:
    """Every op with a sample is compared, has no derivative for a plain reason, or stands in a list above."""
    kinds = {name.rpartition("-")[0]: OPS[name.rpartition("-")[0]] for name, _ in all_samples()}
    with_gradient = {name for name, kind in kinds.items() if kind.gradient is not Op.gradient}
    path = {name.rpartition("-")[0] for name, sample in all_samples() if smooth(sample)}
    updates = {name for name, kind in kinds.items() if kind.ref_inputs}
    assert sorted((path - updates) - with_gradient) == sorted(NO_GRADIENT)
    assert sorted(with_gradient - {name.rpartition("-")[0] for name, _ in COMPARED}) == sorted(COMPARED_ELSEWHERE)
    assert [name for name, sample in all_samples() if not sample.gradient and not sample.why] == []
    assert len(COMPARED) > 200


def inner(a: Any, b: Any) -> float:
    """The real inner product, also of complex arrays."""
    return float(np.real(np.sum(np.conj(a) * b)))
