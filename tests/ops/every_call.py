"""One drawn call of an op for `test_every_op.py` and `test_every_op_gradients.py`: sizes, values, what the graph knows.

`calls(sample)` is a hypothesis strategy. A `Call` can be put into a graph (`place`) and described to JAX (`function`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from hypothesis import strategies as st

import labkit as tf
from labkit.dtypes import as_dtype
from labkit.graph import Op, Operation, Spec, Tensor, apply_node
from tests.ops import samples
from tests.ops.sample import Sample

SMALLEST, LARGEST = 1, 4  # sizes that are drawn for a symbol, unless the sample says otherwise


def all_samples() -> list[tuple[str, Sample]]:
    """Every sample of every family, with a name: the op's type and a number."""
    named: list[tuple[str, Sample]] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(samples.__path__)):
        for sample in importlib.import_module(f"{samples.__name__}.{module}").SAMPLES:
            kind = sample.op({symbol: sample.sizes.get(symbol, (2, 2))[0] for symbol in sample.symbols()})
            named.append((kind.type, sample))
    counts: dict[str, int] = {}
    result: list[tuple[str, Sample]] = []
    for name, sample in named:
        counts[name] = counts.get(name, 0) + 1
        result.append((f"{name}-{counts[name]}", sample))
    return result


@dataclass
class Call:
    """An op, its input arrays, and for each input the static shape that the graph is told."""

    kind: Op
    arrays: list[np.ndarray[Any, Any]]
    known: list[tuple[int | None, ...] | None]
    constant: list[bool]  # for static inputs: True puts a constant into the graph, False feeds the value
    rng: np.random.Generator
    wrt: tuple[int, ...] | None = None  # the inputs to differentiate by; None for all that are floating point

    def place(self) -> tuple[Operation, list[Tensor], dict[Tensor, Any]]:
        """Adds the op to the default graph: its node, its input tensors, and the feeds."""
        tensors: list[Tensor] = []
        feeds: dict[Tensor, Any] = {}
        for position, array in enumerate(self.arrays):
            dtype = tf.string if array.dtype == object else as_dtype(array.dtype)
            if position in self.kind.ref_inputs:
                tensors.append(tf.Variable(array, dtype=dtype).ref)
            elif position in self.kind.static_inputs and self.constant[position]:
                tensors.append(tf.constant(array, dtype))
            else:
                tensors.append(tf.placeholder(dtype, self.known[position]))
                feeds[tensors[-1]] = array
        return apply_node(self.kind, *tensors), tensors, feeds

    def specs(self) -> list[Spec]:
        """What is known of the inputs when everything is known."""
        return [
            Spec(
                tf.string if a.dtype == object else as_dtype(a.dtype),
                a.shape,
                _as_tuple(a.tolist()) if i in self.kind.static_inputs else None,
            )
            for i, a in enumerate(self.arrays)
        ]

    def differentiable(self) -> list[int]:
        """Positions of the inputs that a gradient can flow to."""
        fixed = (*self.kind.static_inputs, *self.kind.ref_inputs)
        return [i for i, a in enumerate(self.arrays) if self._chosen(i, a.dtype.kind) and i not in fixed]

    def _chosen(self, position: int, kind: str) -> bool:
        return kind in "fc" if self.wrt is None else position in self.wrt

    def function(self, outputs: Sequence[int]) -> Callable[..., tuple[Any, ...]]:
        """The kernel as a function of the differentiable inputs, with the outputs at these positions."""
        where = self.differentiable()
        static = self.kind.static_inputs

        def call(*chosen: Any) -> tuple[Any, ...]:
            arguments: list[Any] = [a if i in static else jax.numpy.asarray(a) for i, a in enumerate(self.arrays)]
            for position, value in zip(where, chosen, strict=True):
                arguments[position] = value
            result = self.kind.kernel(*arguments)
            listed = result if isinstance(result, (tuple, list)) else (result,)
            return tuple(listed[i] for i in outputs)

        return call


@st.composite
def calls(draw: Any, sample: Sample) -> Call:
    """A call of the op of `sample`: sizes, values, unknown sizes, unknown ranks."""
    sizes = {s: draw(st.integers(*sample.sizes.get(s, (SMALLEST, LARGEST))), label=s) for s in sample.symbols()}
    rng = np.random.default_rng(draw(st.integers(0, 1000), label="seed"))
    arrays = sample.arrays(sizes, rng)
    known: list[tuple[int | None, ...] | None] = []
    constant: list[bool] = []
    for array in arrays:
        how = draw(st.sampled_from(["all", "all", "some", "rank", "nothing"]), label="known")
        hidden = rng.random(array.ndim) < {"all": 0.0, "some": 0.5, "rank": 1.0, "nothing": 1.0}[how]
        sized = tuple(None if hide else size for hide, size in zip(hidden, array.shape, strict=True))
        known.append(None if how == "nothing" else sized)
        constant.append(draw(st.booleans(), label="constant"))
    return Call(sample.op(sizes), arrays, known, constant, rng, sample.wrt)


def smallest_call(sample: Sample) -> Call:
    """The call with the smallest sizes, all known."""
    sizes = {symbol: sample.sizes.get(symbol, (SMALLEST, LARGEST))[0] for symbol in sample.symbols()}
    rng = np.random.default_rng(0)
    arrays = sample.arrays(sizes, rng)
    return Call(sample.op(sizes), arrays, [a.shape for a in arrays], [True] * len(arrays), rng, sample.wrt)


def cotangents(call: Call, values: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """Random arrays like `values`."""
    result: list[np.ndarray[Any, Any]] = []
    for value in values:
        drawn = call.rng.uniform(-1, 1, np.shape(value))
        if np.iscomplexobj(value):
            drawn = drawn + 1j * call.rng.uniform(-1, 1, np.shape(value))
        result.append(np.asarray(drawn, np.asarray(value).dtype))
    return result


def pull_back(function: Callable[..., Any], xs: Sequence[Any], grads: Sequence[Any]) -> tuple[Any, ...]:
    """`jax.vjp` in TensorFlow's convention for complex numbers, which is the conjugate of JAX's."""
    _, pull = jax.vjp(function, *xs)
    return tuple(jax.numpy.conj(g) for g in pull(tuple(jax.numpy.conj(g) for g in grads)))


def same(expected: Any, actual: Any, rtol: float, atol: float | None = None) -> None:
    """Asserts that two arrays agree in shape and, to rounding, in value."""
    expected, actual = np.asarray(expected), np.asarray(actual)
    assert expected.shape == actual.shape
    if expected.dtype.kind in "fc":
        scale = np.max(np.abs(np.nan_to_num(expected, posinf=0, neginf=0)), initial=1.0)
        np.testing.assert_allclose(actual, expected, rtol, rtol * scale if atol is None else atol)
    else:
        np.testing.assert_array_equal(actual, expected)


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(entry) for entry in value) if isinstance(value, list) else value
