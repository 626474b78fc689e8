"""Properties that every op has, for every sample of `tests/ops/samples/`; `tests/ops/sample.py` says what a sample is.

A call is drawn with sizes, values, and what the graph may know of the inputs' shapes (all, some sizes, only the rank,
nothing). Then the op must equal its NumPy formula, `infer` must be right, watched runs must equal whole runs, and costs
must be XLA's where a count of FLOPs is well defined. Derivatives are in `test_every_op_gradients.py`, a file of its own
so that two processes share the work.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.graph import OPS, Operation, Tensor
from labkit.shapes import compatible
from tests.ops.every_call import Call, all_samples, calls, same
from tests.ops.sample import Sample

EVERY_SAMPLE = [pytest.param(sample, id=name) for name, sample in all_samples()]
NO_SAMPLE = {
    "Placeholder": "has no kernel: a fed value takes its place",
    "Const": "its value is an attribute; every other test runs it",
    "NoOp": "does nothing",
    "VariableV2": "its output is a reference; every sample with a reference input runs it",
    "Parameter": "stands in a subgraph for an argument; the samples of cond, while_loop and map_fn run it",
    "Captured": "stands in a subgraph for a tensor from outside; likewise",
    "CapturedRef": "stands in a subgraph for a variable from outside; likewise",
    "SubgraphVjp": "the gradients of the ops with subgraphs run it",
    "SaveV2": "writes files; tests/saving runs it",
    "RestoreV2": "reads files; tests/saving runs it",
    **dict.fromkeys(
        (
            "HashTableV2",
            "MutableHashTableV2",
            "InitializeTableV2",
            "InitializeTableFromTextFileV2",
            "LookupTableFindV2",
            "LookupTableSizeV2",
            "LookupTableInsertV2",
            "LookupTableExportV2",
        ),
        "makes or takes a table that a session keeps; tests/test_lookup.py runs it",
    ),
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
    if not call.kind.host:  # what runs on the host may have shapes that depend on values
        for spec, value in zip(call.kind.output_specs(*call.specs()), values, strict=False):
            assert spec.shape == np.shape(value)
    if sample.numpy is None:
        assert sample.why, "a sample without a NumPy formula says why"
        return
    expected = sample.numpy(*call.arrays)
    for want, value in zip(expected if isinstance(expected, tuple) else (expected,), values, strict=True):
        same(want, value, sample.rtol)


@pytest.mark.parametrize("sample", EVERY_SAMPLE)
@given(data=st.data())
def test_infer_is_right_however_little_is_known(sample: Sample, data: Any) -> None:
    """With any one input, or all of them, of unknown sizes or rank, what `infer` says fits the kernel's shapes."""
    call = data.draw(calls(sample))
    if call.kind.host:
        return  # the test above compares with the values
    exact = [spec.shape for spec in call.kind.output_specs(*call.specs())]
    everything = [a.shape for a in call.arrays]
    for hidden in (set(range(len(everything))), *({i} for i in range(len(everything)))):
        for known in ([(None,) * len(shape) for shape in everything], [None] * len(everything)):
            told = [known[i] if i in hidden else shape for i, shape in enumerate(everything)]
            constant = [i not in hidden for i in range(len(everything))]
            with tf.Graph().as_default():
                outputs = replace(call, known=told, constant=constant).place()[0].outputs
            for tensor, shape in zip(outputs, exact, strict=True):
                assert compatible(tensor.static_shape, shape), f"inferred {tensor.shape} for {told}, got {shape}"


@pytest.mark.parametrize("sample", EVERY_SAMPLE)
@settings(max_examples=2)
@given(data=st.data())
def test_a_watched_run_equals_a_whole_run(sample: Sample, data: Any) -> None:
    """Running each node alone gives what the compiled whole gives."""
    call = data.draw(calls(sample))
    for whole, watched in zip(run(call)[1], run(call, watched=True)[1], strict=True):
        if whole is not None or watched is not None:
            single = np.asarray(whole).dtype == np.float32  # what computes in float32 whatever it is given
            same(np.asarray(whole), np.asarray(watched), 1e-5 if single else 1e-9)


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
    assert call.kind.cost(*call.specs()) == (501_760, 132_992, 0)
    assert xla_flops(call) == 501_760


@pytest.mark.skipif("Conv2D" not in OPS, reason="Conv2D is not there yet")
def test_the_cost_of_a_convolution_is_what_xla_counts() -> None:
    """Exactly: products with padding do not count."""
    arrays = [np.zeros((8, 28, 28, 1), np.float32), np.zeros((5, 5, 1, 32), np.float32)]
    kind: Any = OPS["Conv2D"]
    call = Call(kind((1, 1, 1, 1), "SAME"), arrays, [None, None], [False, False], np.random.default_rng(0))
    assert call.kind.cost(*call.specs()).flops == xla_flops(call)


def test_every_op_has_a_sample_or_a_reason() -> None:
    """A new op that nobody tests is found here."""
    sampled = {name.rpartition("-")[0] for name, _ in all_samples()}
    # What uses a session's objects, and data sets, is tested in whole pipelines: tests/queues, tests/data.
    own = {n: kind for n, kind in OPS.items() if kind.__module__.startswith("labkit.") and not kind.uses_session}
    ours = {n for n, kind in own.items() if not kind.__module__.startswith("labkit.data.")}
    assert sorted(ours - sampled - set(NO_SAMPLE)) == []
    assert sorted(sampled & set(NO_SAMPLE)) == []


def xla_flops(call: Call) -> float:
    """What XLA counts for the kernel."""
    analysis: Any = jax.jit(call.kind.kernel).lower(*call.arrays).compile().cost_analysis()
    return float(analysis["flops"])
