"""Variables as nodes: a reference to a slot that the session keeps, and the ops that write it.

A `VariableV2` node has no kernel: its output is a reference. Whoever takes it as a value gets the session's current
value; the ops below replace that value with what their kernel returns. `labkit.variables.Variable` is the class that
learners use; this file is what it is made of.

Source: `tensorflow/python/ops/state_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, bool_, string
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Op, Spec, Tensor, apply, op
from labkit.ops.bases import Array
from labkit.shapes import Shape, compatible, merge, shape_text


@op
class VariableV2(Op):
    """A slot in the session; the output refers to it."""

    shape: Shape
    dtype: DType

    args = ()
    is_ref = True
    stateful = True

    def infer(self) -> Spec:
        return Spec(self.dtype, self.shape)


class Writer(Op):
    """Base of ops that replace a variable's value; the output refers to the variable."""

    args: ClassVar[tuple[str, ...]] = ("ref", "value")
    ref_inputs = (0,)
    writes = (0,)
    is_ref = True
    stateful = True

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return Spec(inputs[0].dtype, inputs[0].shape)


def _same_shape(ref: Spec, value: Spec) -> Spec:
    """What a variable is after it was given `value`."""
    if not compatible(ref.shape, value.shape):
        raise ShapeError(
            f"the variable has shape {shape_text(ref.shape)}, and the value has {shape_text(value.shape)}: an "
            "assignment neither broadcasts nor reshapes."
        )
    return Spec(ref.dtype, merge(ref.shape, value.shape))


@op
class Assign(Writer):
    """Replaces the value of a variable."""

    validate_shape: bool = True

    uses_ref_value = False

    def infer(self, ref: Spec, value: Spec) -> Spec:
        return _same_shape(ref, value) if self.validate_shape else Spec(ref.dtype, value.shape)

    def kernel(self, ref: None, value: Array) -> Array:
        return value


@op
class AssignAdd(Writer):
    """Adds to the value of a variable."""

    def infer(self, ref: Spec, value: Spec) -> Spec:
        return _same_shape(ref, value)

    def kernel(self, ref: Array, value: Array) -> Array:
        return ref + value


@op
class AssignSub(Writer):
    """Subtracts from the value of a variable."""

    def infer(self, ref: Spec, value: Spec) -> Spec:
        return _same_shape(ref, value)

    def kernel(self, ref: Array, value: Array) -> Array:
        return ref - value


def reference(variable: Any) -> Tensor:
    """The reference tensor of a variable, or of what an assignment returned.

    Raises:
        DTypeError: if it is no variable.
    """
    ref = getattr(variable, "ref", variable)
    if not (isinstance(ref, Tensor) and ref.op.kind.is_ref):
        raise DTypeError(f"{variable!r} is not a variable, so it cannot be assigned to.\n  Try: tf.Variable(value).")
    return ref


def assign(
    ref: Any, value: Any, validate_shape: bool | None = None, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Replaces the value of a variable.

    Args:
        ref: a variable.
        value: a tensor of the variable's dtype and shape.
        validate_shape: False allows a value of another shape.
        use_locking: kept for TensorFlow's signature; runs never interleave in labkit.
        name: name of the node.

    Returns:
        A reference to the variable: fetching it gives the new value.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1.0, 2.0])
        >>> tf.Session().run(tf.assign(v, [3.0, 4.0]))
        array([3., 4.], dtype=float32)
    """
    return apply(Assign(validate_shape is not False), reference(ref), value, name=name)


def assign_add(ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None) -> Tensor:
    """Adds `value` to a variable.

    Args:
        ref: a variable.
        value: a tensor of the variable's dtype and shape.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable: fetching it gives the new value.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(1.0)
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     float(sess.run(tf.assign_add(v, 2.0)))
        3.0
    """
    return apply(AssignAdd(), reference(ref), value, name=name)


def assign_sub(ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None) -> Tensor:
    """Subtracts `value` from a variable.

    Args:
        ref: a variable.
        value: a tensor of the variable's dtype and shape.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable: fetching it gives the new value.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(1.0)
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     float(sess.run(tf.assign_sub(v, 0.25)))
        0.75
    """
    return apply(AssignSub(), reference(ref), value, name=name)


@op
class InitializedValue(Op):
    """The value of a variable, or `initial` while it has none."""

    args = ("ref", "initial")
    ref_inputs = (0,)
    optional_refs = (0,)
    stateful = True

    def infer(self, ref: Spec, initial: Spec) -> Spec:
        return Spec(ref.dtype, merge(ref.shape, initial.shape))

    def kernel(self, ref: Array | None, initial: Array) -> Array:
        return initial if ref is None else ref


def initialized_value(ref: Tensor, initial: Tensor) -> Tensor:
    """The value of the variable behind `ref`, or `initial` while it has none."""
    return apply(InitializedValue(), ref, initial, name="cond")


@op
class IsVariableInitialized(Op):
    """True if a variable has a value in this session."""

    args = ("ref",)
    ref_inputs = (0,)
    optional_refs = (0,)
    stateful = True

    def infer(self, ref: Spec) -> Spec:
        return Spec(bool_, ())

    def kernel(self, ref: Array | None) -> Array:
        return jnp.asarray(ref is not None)


def is_variable_initialized(ref: Any, name: str | None = None) -> Tensor:
    """True if a variable has a value in this session.

    Args:
        ref: a variable.
        name: name of the node.

    Returns:
        A bool scalar.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(1.0)
        >>> bool(tf.Session().run(tf.is_variable_initialized(v)))
        False
    """
    return apply(IsVariableInitialized(), reference(ref), name=name)


@op
class NamesWhereFalse(Op):
    """Those of `names` whose flag is False; it runs on the host, where strings live."""

    names: tuple[str, ...]

    args = ("*flags:bool",)

    @property
    def host(self) -> bool:
        """Strings stay in Python."""
        return True

    def infer(self, *flags: Spec) -> Spec:
        return Spec(string, (None,))

    def kernel(self, *flags: Any) -> Any:
        chosen = [name.encode() for name, flag in zip(self.names, flags, strict=True) if not flag]
        return np.array(chosen, dtype=object)
