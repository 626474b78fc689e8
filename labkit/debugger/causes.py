"""Why an operation makes a NaN or an infinity from finite values: the known causes, one line each.

A rule looks at the values that a node was given and says what is wrong with them: a logarithm of zero, a division by
zero, an exponential too large for its dtype. If the node belongs to a gradient, the cause is often in the function that
is differentiated: the slope of a square root at zero is infinite.

Example:
    >>> import numpy as np
    >>> import labkit as tf
    >>> y = tf.log(tf.placeholder(tf.float32, [2]))
    >>> print(cause_of(y.op, [np.array([1.0, 0.0], np.float32)]).why)
    the logarithm of 0 is -inf: 1 of 2 entries of its input is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.debugger.values import number_text
from labkit.graph import Operation

Arrays = Sequence[Any]


@dataclass(frozen=True)
class Cause:
    """Why, and what to do.

    Args:
        why: what is wrong with the values, in a sentence.
        advice: what to write instead.
        position: the input that is to blame, or None.
    """

    why: str
    advice: str = ""
    position: int | None = 0


def cause_of(node: Operation, inputs: Arrays) -> Cause:
    """Why `node` makes a NaN or an infinity of `inputs`.

    Args:
        node: the first node whose result is bad.
        inputs: the values of its inputs, None where there is none.
    """
    arrays = [None if v is None or not hasattr(v, "dtype") else np.asarray(v) for v in inputs]
    of = differentiated(node)
    if of is not None and of.type in _SLOPES:
        why, advice = _SLOPES[of.type]
        forward = {of, *(t.op for t in of.inputs)}
        position = next((i for i, t in enumerate(node.inputs) if t.op in forward), 0)
        return Cause(f'this is the gradient of {of.type} "{of.name}": {why}', advice, position)
    rule = _RULES.get(node.type)
    found = rule(node, arrays) if rule is not None else None
    return found or _infinite_input(arrays) or _too_large(node, arrays)


def differentiated(node: Operation) -> Operation | None:
    """The forward node of which `node` computes a part of the gradient, or None."""
    match = re.search(r"(?:^|/)gradients(?:_\d+)?/(?P<name>.+?)_grad(?:_\d+)?/", node.name)
    return node.graph.nodes_by_name.get(match["name"]) if match else None


def _count(mask: Any, what: str) -> str:
    count, size = int(np.sum(mask)), int(np.size(mask))
    if size == 1:
        return f"its input is {what}."
    return f"{count:,} of {size:,} entries of its input {'is' if count == 1 else 'are'} {what}."


def _log(node: Operation, inputs: Arrays) -> Cause | None:
    x = inputs[0]
    if (x < 0).any():
        return Cause(
            f"the logarithm of a negative number is NaN: {_count(x < 0, 'below 0')}",
            "tf.log(tf.maximum(x, 1e-10)), if the negative numbers are rounding; else look at where they come from.",
        )
    source = _behind(node, ("Softmax", "Sigmoid"))
    advice = "tf.log(tf.clip_by_value(x, 1e-10, 1.0)) if x is a probability, else tf.log(x + 1e-10)."
    if source is not None:
        loss = {"Softmax": "softmax", "Sigmoid": "sigmoid"}[source.type] + "_cross_entropy_with_logits"
        logits = source.inputs[0].op.name
        advice = (
            f"tf.nn.{loss}(labels=labels, logits=logits), whose logits are what goes into {source.type} "
            f'"{source.name}" (here "{logits}"): it never takes the logarithm of 0. Or clip: '
            "tf.log(tf.clip_by_value(y, 1e-10, 1.0))."
        )
    return Cause(f"the logarithm of 0 is -inf: {_count(x == 0, '0')}", advice) if (x == 0).any() else None


_PASS_ON = ("Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "Add", "Sub", "Clip", "Maximum", "Minimum")


def _behind(node: Operation, types: Sequence[str]) -> Operation | None:
    """The node of one of these types from which the first input comes, passing over what hardly changes it."""
    tensor = node.inputs[0]
    for _ in range(6):
        if tensor.op.type in types:
            return tensor.op
        candidates = [t for t in tensor.op.inputs if t.op.type != "Const"]
        if tensor.op.type not in _PASS_ON or not candidates:
            return None
        tensor = candidates[0]
    return None


def _divide(node: Operation, inputs: Arrays) -> Cause | None:
    x, y = inputs[0], inputs[1]
    if not (y == 0).any():
        return None
    both = (np.zeros_like(x) == x) & (y == 0)
    what = "0/0 is NaN" if np.any(both) else "a number divided by 0 is infinite"
    return Cause(
        f"{what}: {_count(y == 0, '0').replace('its input', 'the divisor')}",
        "tf.maximum(divisor, 1e-10), or divisor + 1e-10; for a mean over what may be nothing, tf.maximum(count, 1).",
        1,
    )


def _reciprocal(node: Operation, inputs: Arrays) -> Cause | None:
    zero = inputs[0] == 0
    if not zero.any():
        return None
    return Cause(f"1/0 is infinite: {_count(zero, '0')}", "x + 1e-10, or tf.maximum(x, 1e-10), before it.")


def _root(node: Operation, inputs: Arrays) -> Cause | None:
    x = inputs[0]
    if (x < 0).any():
        least = number_text(x.min())
        return Cause(
            f"the square root of a negative number is NaN: {_count(x < 0, 'below 0')} The least is {least}.",
            "tf.sqrt(tf.maximum(x, 0.0)), if the negative numbers are rounding (a variance computed as a difference).",
        )
    if node.type == "Rsqrt" and (x == 0).any():
        return Cause(f"1/sqrt(0) is infinite: {_count(x == 0, '0')}", "tf.rsqrt(x + 1e-12).")
    return None


def _exp(node: Operation, inputs: Arrays) -> Cause | None:
    x = inputs[0]
    top = float(np.max(x)) if x.size else 0.0
    limit = _largest_exponent(x.dtype)
    if not top > limit:
        return None
    return Cause(
        f"{node.type.lower()}({number_text(top)}) is larger than {x.dtype.name} can hold: above {limit:.1f} it is inf.",
        "tf.nn.softmax or tf.reduce_logsumexp, which subtract the largest entry first; or tf.minimum(x, 80.0).",
    )


def _largest_exponent(dtype: Any) -> float:
    name = str(dtype)
    return {"float16": 11.09, "float64": 709.8}.get(name, 88.72)


def _power(node: Operation, inputs: Arrays) -> Cause | None:
    x, y = inputs[0], inputs[1]
    if np.any((x < 0) & (np.floor(y) != y)):
        return Cause("a negative number to a broken power is NaN.", "tf.pow(tf.maximum(x, 0.0), y), or tf.abs(x).")
    if np.any((x == 0) & (y < 0)):
        return Cause("0 to a negative power is infinite.", "tf.pow(x + 1e-10, y).")
    return None


def _product(node: Operation, inputs: Arrays) -> Cause | None:
    x, y = inputs[0], inputs[1]
    if np.any((x == 0) & np.isinf(y)) or np.any(np.isinf(x) & (y == 0)):
        return Cause(
            "0 times infinity is NaN: a mask of zeros does not hide an infinity.",
            "tf.where(mask, a_safe_x, x) before the function that makes the infinity, instead of mask * f(x).",
            0 if np.isinf(x).any() else 1,
        )
    return None


def _mean(node: Operation, inputs: Arrays) -> Cause | None:
    x = inputs[0]
    if x.size:
        return None
    return Cause("the mean of nothing is 0/0, NaN: its input is empty.", "feed at least one row; look at the batches.")


def _outside(low: float, high: float, what: str) -> Callable[[Operation, Arrays], Cause | None]:
    def rule(node: Operation, inputs: Arrays) -> Cause | None:
        x = inputs[0]
        outside = (x < low) | (x > high)
        name = node.type.lower()
        if not outside.any() and not (name in ("atanh", "log1p") and (np.abs(x) == 1).any()):
            return None
        return Cause(
            f"{name} is defined {what}: {_count(outside, 'outside')}", f"tf.clip_by_value(x, ...) before {name}."
        )

    return rule


def _labels(node: Operation, inputs: Arrays) -> Cause | None:
    logits, labels = inputs[0], inputs[1]
    classes = logits.shape[-1] if logits.ndim else 0
    wrong = (labels < 0) | (labels >= classes)
    if not wrong.any():
        return None
    return Cause(
        f"a label is the number of a class, from 0 to {classes - 1}, and {int(wrong.sum())} of {wrong.size} are not: "
        f"{labels[wrong].reshape(-1)[0]} is one.",
        "look at the labels that are fed; labels that count from 1 need labels - 1.",
        1,
    )


def _infinite_input(inputs: Arrays) -> Cause | None:
    """An infinity that was let pass, because only NaN was looked for."""
    for position, x in enumerate(inputs):
        if x is not None and x.dtype.kind in "fc" and np.isinf(x).any():
            return Cause(
                f"input {position} holds an infinity, and infinity minus infinity, or times 0, is NaN.",
                "find where the infinity comes from: tf.debugger.find_first_bad(..., infinities=True).",
                position,
            )
    return None


def _too_large(node: Operation, inputs: Arrays) -> Cause:
    """What remains: the result does not fit its dtype."""
    sizes = [float(np.max(np.abs(x))) if x is not None and x.dtype.kind in "fc" and x.size else 0.0 for x in inputs]
    position = int(np.argmax(sizes)) if sizes else None
    dtype = node.outputs[0].dtype.name if node.outputs else "float32"
    largest = {"float16": "65504", "float64": "1.8e308"}.get(dtype, "3.4e38")
    size = number_text(max(sizes)) if sizes else "0"
    return Cause(
        f"the result is larger than {dtype} can hold ({largest}): its inputs reach {size}.",
        "a smaller learning rate (values that grow from step to step diverge), tf.clip_by_global_norm for the "
        "gradients, or data scaled to about 1.",
        position,
    )


_RULES: dict[str, Callable[[Operation, Arrays], Cause | None]] = {
    "Log": _log, "RealDiv": _divide, "Div": _divide, "Reciprocal": _reciprocal, "Inv": _reciprocal,
    "Sqrt": _root, "Rsqrt": _root, "Exp": _exp, "Expm1": _exp, "Sinh": _exp, "Cosh": _exp, "Pow": _power,
    "Mul": _product, "Mean": _mean, "Asin": _outside(-1, 1, "from -1 to 1"), "Acos": _outside(-1, 1, "from -1 to 1"),
    "Atanh": _outside(-1, 1, "between -1 and 1"), "Acosh": _outside(1, np.inf, "from 1 on"),
    "Log1p": _outside(-1, np.inf, "above -1"), "SparseSoftmaxCrossEntropyWithLogits": _labels,
}  # fmt: skip

_SLOPES = {
    "Sqrt": (
        "its slope, 1 / (2 sqrt(x)), is infinite at x = 0.",
        "tf.sqrt(x + 1e-12); for a length, tf.sqrt(tf.reduce_sum(tf.square(x)) + 1e-12).",
    ),
    "Log": (
        "its slope, 1/x, is infinite at x = 0.",
        "tf.log(tf.clip_by_value(x, 1e-10, 1.0)), or tf.nn.softmax_cross_entropy_with_logits on the logits.",
    ),
    "Reciprocal": ("its slope, -1/x², is infinite at x = 0.", "1.0 / (x + 1e-10)."),
    "RealDiv": ("its slope, -x/y², is infinite at y = 0.", "a divisor that is never 0: tf.maximum(y, 1e-10)."),
    "Pow": (
        "the slope of a power below 1 is infinite at 0, and that of a negative base is NaN.",
        "tf.pow(x + 1e-10, y).",
    ),
    "Rsqrt": ("its slope, -1/2 x^(-3/2), is infinite at x = 0.", "tf.rsqrt(x + 1e-12)."),
    "Acos": ("its slope, -1/sqrt(1 - x²), is infinite at -1 and 1.", "tf.clip_by_value(x, -1 + 1e-6, 1 - 1e-6)."),
    "Asin": ("its slope, 1/sqrt(1 - x²), is infinite at -1 and 1.", "tf.clip_by_value(x, -1 + 1e-6, 1 - 1e-6)."),
}
