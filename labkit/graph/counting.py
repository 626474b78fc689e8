"""Counting what a kernel costs: its FLOPs and transcendental functions, as XLA counts them.

The kernel is traced (not run) and the cost of each JAX primitive in it is added up:

    element by element    1 per element of the result; exp, log, tanh, sqrt and their kin are counted apart
    matrix product        2 m n k
    convolution           2 per product of an input that is there: products with padding do not count
    reduction             one less than the elements that are joined, per result
    moving data           nothing: reshape, transpose, slice, concatenate, gather

So a cost follows from the kernel itself, and no formula can contradict it. An op overrides `Op.cost` where it knows
better, or where a formula says more to its reader than the kernel does.

What differs from XLA: a loop with a known number of rounds counts all of them (XLA counts one), and XLA may compute
cheap things twice, or not at all, when it fuses.

Example:
    >>> import labkit as tf
    >>> tf.nn.softmax(tf.zeros([10, 100])).op.cost()  # a row: maximum 100, subtract 100, sum 99, divide 100
    Cost(flops=3990.0, bytes=8000.0, transcendentals=1000.0)

Source: `xla/service/hlo_cost_analysis.cc`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from labkit.dtypes import string
from labkit.errors import LabkitError
from labkit.graph.op import Cost, Op, Spec
from labkit.nests import is_listed
from labkit.shapes import is_static

Count = tuple[float, float]  # FLOPs, transcendental functions

_TRANSCENDENTAL = frozenset([
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "erf", "exp", "exp2", "expm1",
    "log", "log1p", "pow", "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh",
])  # fmt: skip

# What XLA makes of primitives that it has no instruction for, per element: measured with its cost analysis.
_EXPANDED: dict[str, Count] = {
    "acos": (3, 2), "acosh": (7, 4), "asin": (5, 2), "asinh": (11, 3), "atanh": (6, 2), "cosh": (3, 2),
    "digamma": (73, 3), "erf_inv": (24, 2), "erfc": (60, 1), "exp2": (1, 1), "lgamma": (52, 4), "logistic": (3, 1),
    "sinh": (10, 3),
}  # fmt: skip

_FREE = frozenset([
    "bitcast_convert_type", "broadcast_in_dim", "concatenate", "copy", "copy_p", "device_put", "dynamic_slice",
    "dynamic_update_slice", "gather", "iota", "optimization_barrier", "pad", "random_unwrap", "random_wrap",
    "reshape", "rev", "scatter", "slice", "split", "squeeze", "stop_gradient", "transpose",
])  # fmt: skip

_CUMULATIVE = frozenset(["cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum"])
_CUBIC = frozenset(["cholesky", "eig", "eigh", "geqrf", "householder_product", "lu", "qr", "schur", "svd"])

_memo: dict[Any, Cost] = {}


def counted_cost(kind: Op, inputs: Sequence[Spec]) -> Cost:
    """The cost of an op on inputs of known shapes; where a shape is unknown, 1 FLOP per element of the output.

    Args:
        kind: the op.
        inputs: what is known of its inputs.
    """
    if type(kind).kernel is Op.kernel:  # a variable, a placeholder: they only stand for a value
        return Cost(0.0, 0.0)
    moved = kind.cost_with_flops(0.0 if kind.host else 1.0, *inputs)
    unknown = any(not is_static(spec.shape) for spec in inputs)
    absent = any(i < len(inputs) and not _is_value(inputs[i].value) for i in kind.static_inputs)
    if unknown or absent or kind.host or any(spec.dtype is string for spec in inputs):
        return moved
    key = (kind.type, kind, *inputs) if kind.memoise_infer else None
    if key is not None and key in _memo:
        return _memo[key]
    try:
        flops, transcendentals = count_kernel(kind, inputs)
    except (LabkitError, TypeError, ValueError, NotImplementedError):  # a kernel that cannot be traced alone
        return moved
    cost = Cost(flops, moved.bytes, transcendentals)
    if key is not None:
        _memo[key] = cost
    return cost


def count_kernel(kind: Op, inputs: Sequence[Spec]) -> Count:
    """FLOPs and transcendental functions of a kernel on inputs of these dtypes and shapes."""
    fixed: dict[int, Any] = {
        i: np.asarray(inputs[i].value, inputs[i].dtype.np_dtype) for i in kind.static_inputs if i < len(inputs)
    }
    if not kind.uses_ref_value:
        fixed |= dict.fromkeys(kind.ref_inputs)
    arrays = [
        jax.ShapeDtypeStruct(spec.shape or (), spec.dtype.np_dtype) for i, spec in enumerate(inputs) if i not in fixed
    ]
    state = kind.initial_state() if kind.has_state else None
    if state is not None:
        arrays.append(jax.ShapeDtypeStruct(state.shape, state.dtype))

    def kernel(*given: Any) -> Any:
        rest = iter(given)
        return kind.kernel(*(fixed[i] if i in fixed else next(rest) for i in range(len(inputs))), *rest)

    with jax.enable_x64(True):
        return count(jax.make_jaxpr(kernel)(*arrays).jaxpr)


def count(jaxpr: Any) -> Count:
    """FLOPs and transcendental functions of a traced function.

    Example:
        >>> import jax.numpy as jnp
        >>> count(jax.make_jaxpr(lambda a, b: jnp.tanh(a @ b))(jnp.ones((2, 3)), jnp.ones((3, 4))).jaxpr)
        (48.0, 8.0)
    """
    flops = transcendentals = 0.0
    used: set[Any] = {v for v in jaxpr.outvars if not hasattr(v, "val")}  # what has a `val` is a number
    for equation in reversed(jaxpr.eqns):
        if not used.isdisjoint(equation.outvars) or equation.effects:  # XLA leaves out what nobody uses
            used.update(v for v in equation.invars if not hasattr(v, "val"))
            more = _count_equation(equation)
            flops, transcendentals = flops + more[0], transcendentals + more[1]
    return flops, transcendentals


def _count_equation(equation: Any) -> Count:
    name: str = equation.primitive.name
    special = _SPECIAL.get(name)
    if special is not None:
        return special(equation)
    size = sum(float(math.prod(v.aval.shape)) for v in equation.outvars)
    inner = _inner(equation)
    if inner:
        counts = [count(jaxpr) for jaxpr in inner]
        rounds = equation.params.get("length", 1) if name == "scan" else 1
        if name == "cond":  # the dearest branch
            return max(counts)
        return rounds * sum(c[0] for c in counts), rounds * sum(c[1] for c in counts)
    if name in _FREE:
        return 0.0, 0.0
    if name in _EXPANDED:
        flops, transcendentals = _EXPANDED[name]
        return flops * size, transcendentals * size
    if name in _TRANSCENDENTAL:
        return 0.0, size
    if name in _CUMULATIVE:
        length = equation.invars[0].aval.shape[equation.params["axis"]]
        return size / max(length, 1) * _cumulative(length), 0.0
    if name in _CUBIC:
        shape = equation.invars[0].aval.shape
        return float(math.prod(shape[:-2])) * max(shape[-2:]) * min(shape[-2:]) ** 2, 0.0
    if name.startswith(("reduce_", "argm")) and name != "reduce_precision":
        before = equation.invars[0].aval
        joined = float(math.prod(before.shape)) - size
        # For a place, values and places are compared and both are chosen; floats are asked whether they are NaN.
        return joined * ((9 if before.dtype.kind == "f" else 7) if name.startswith("argm") else 1), 0.0
    return size, 0.0


def _inner(equation: Any) -> list[Any]:
    """The functions inside an equation: of a call, a loop, a branch."""
    if equation.primitive.name in ("custom_jvp_call", "custom_vjp_call"):
        return [equation.params["call_jaxpr"].jaxpr]
    found: list[Any] = []
    for key, value in equation.params.items():
        if key in ("jvp_jaxpr_fun", "jvp_jaxpr_thunk", "update_jaxpr", "fwd_jaxpr_thunk", "bwd"):
            continue
        candidates: Any = value if is_listed(value) else (value,)
        for entry in candidates:
            jaxpr = getattr(entry, "jaxpr", entry)
            if hasattr(jaxpr, "eqns"):
                found.append(jaxpr)
    return found


def _dot(equation: Any) -> Count:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted), 0.0


def _convolution(equation: Any) -> Count:
    """Two per product of a weight with an input that is there."""
    params = equation.params
    numbers = params["dimension_numbers"]
    x, w, out = (v.aval.shape for v in (*equation.invars, *equation.outvars))
    products = 1.0
    for axis in range(len(x) - 2):
        size, kernel = x[numbers.lhs_spec[2 + axis]], w[numbers.rhs_spec[2 + axis]]
        result = out[numbers.out_spec[2 + axis]]
        stride, (before, _) = params["window_strides"][axis], params["padding"][axis]
        products *= _pairs(
            np.arange(result) * stride - before, np.arange(kernel) * params["rhs_dilation"][axis],
            params["lhs_dilation"][axis], size,
        )  # fmt: skip
    channels = w[numbers.rhs_spec[1]]  # of the input, per group
    batch, features = out[numbers.out_spec[0]], out[numbers.out_spec[1]]
    return 2.0 * products * channels * batch * features, 0.0


def _cumulative(length: int) -> int:
    """XLA on a CPU: a window over all that comes before, in blocks of 16, and the same for the sums of the blocks."""
    if length <= 16:
        return length * (length - 1)
    return length * 16 + _cumulative(-(-length // 16))


def _pairs(starts: Any, offsets: Any, spread: int, size: int) -> float:
    """How many pairs of a place and a weight meet an input: not in the padding, nor between spread inputs."""
    place = starts[:, None] + offsets
    return float(np.sum((place % spread == 0) & (place >= 0) & (place // spread < size)))


def _window(equation: Any) -> Count:
    window = math.prod(equation.params["window_dimensions"])
    return float(math.prod(equation.outvars[0].aval.shape)) * (window - 1), 0.0


def _scatter(equation: Any) -> Count:
    return float(math.prod(equation.invars[2].aval.shape)), 0.0


def _select_and_scatter(equation: Any) -> Count:
    source = equation.invars[0].aval.shape
    return float(math.prod(source)) * math.prod(equation.params["window_dimensions"]), 0.0


def _sort(equation: Any) -> Count:
    size = float(math.prod(equation.invars[0].aval.shape))
    return size * math.ceil(math.log2(max(size, 2))), 0.0


def _power(equation: Any) -> Count:
    """x**n by squaring: as many products as n has binary digits and ones beyond the first."""
    size, exponent = float(math.prod(equation.outvars[0].aval.shape)), abs(equation.params["y"])
    return size * (exponent.bit_length() + exponent.bit_count() - 2 + (equation.params["y"] < 0)), 0.0


def _triangular(equation: Any) -> Count:
    rows = equation.invars[0].aval.shape[-1]
    return float(math.prod(equation.invars[1].aval.shape)) * rows, 0.0


_SPECIAL: dict[str, Callable[[Any], Count]] = {
    "conv_general_dilated": _convolution,
    "dot_general": _dot,
    "integer_pow": _power,
    "reduce_window_max": _window,
    "reduce_window_min": _window,
    "reduce_window_sum": _window,
    "scatter-add": _scatter,
    "scatter-max": _scatter,
    "scatter-min": _scatter,
    "scatter-mul": _scatter,
    "scatter_add": _scatter,
    "scatter_max": _scatter,
    "scatter_min": _scatter,
    "scatter_mul": _scatter,
    "select_and_gather_add": _window,
    "select_and_scatter_add": _select_and_scatter,
    "sort": _sort,
    "triangular_solve": _triangular,
}


def _is_value(value: Any) -> bool:
    """True for a number, or nested tuples of them, without an unknown entry."""
    return value is not None and (not is_listed(value) or all(_is_value(entry) for entry in value))
