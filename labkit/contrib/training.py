"""`tf.contrib.training`: `HParams`, the numbers that describe an experiment, `create_train_op`, tasks for variables.

Source: `tensorflow/contrib/training/python/training/hparam.py` and `training.py` (1.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from labkit.clip import clip_by_norm
from labkit.device_setters import GreedyLoadBalancingStrategy, RandomStrategy, byte_size_load_fn
from labkit.errors import LabkitError
from labkit.graph import GraphKeys, Tensor, control_dependencies, get_default_graph
from labkit.missing import namespace
from labkit.nests import is_listed, listed
from labkit.ops.array import identity
from labkit.ops.checks import check_numerics

__all__ = [
    "GreedyLoadBalancingStrategy", "HParams", "RandomStrategy", "byte_size_load_fn", "clip_gradient_norms",
    "create_train_op", "multiply_gradients",
]  # fmt: skip


class HParams:
    """Named values, read as attributes; their types are those of the first values.

    Args:
        **kwargs: names and values: numbers, strings, bools or lists of them.

    Example:
        >>> import labkit as tf
        >>> hparams = tf.contrib.training.HParams(learning_rate=0.1, layers=[20, 10])
        >>> hparams.parse("learning_rate=0.3,layers=[5]").learning_rate, hparams.layers
        (0.3, [5])
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        self._names: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def __getattr__(self, name: str) -> Any:
        """Only called for names that are not there."""
        known = ", ".join(self.__dict__.get("_names", ())) or "none"
        raise AttributeError(f"there is no hyperparameter {name!r}; there are: {known}.")

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a name.

        Args:
            name: its name, an identifier that is not taken.
            value: its first value, which gives its type.

        Raises:
            LabkitError: if the name is taken, or the value is an empty list.
        """
        if name in self._names or hasattr(type(self), name):
            raise LabkitError(f"the name {name!r} is taken.")
        if is_listed(value) and not value:
            raise LabkitError(f"{name!r} is an empty list, which has no type.\n  Try: a list of one entry.")
        self._names[name] = (type(value[0]) if is_listed(value) else type(value), is_listed(value))
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Gives a name another value, converted to its type.

        Args:
            name: a name that exists.
            value: a value that fits its type.

        Raises:
            LabkitError: if there is no such name, or the value does not fit.
        """
        if name not in self._names:
            raise LabkitError(f"there is no hyperparameter {name!r}; there are: {', '.join(self._names) or 'none'}.")
        kind, many = self._names[name]
        if is_listed(value) != many:
            raise LabkitError(f"{name!r} is {'a list' if many else 'one value'}, and {value!r} is not.")
        setattr(self, name, [_fitting(name, v, kind) for v in value] if many else _fitting(name, value, kind))

    def parse(self, values: str) -> HParams:
        """Sets values from text such as "rate=0.1,layers=[20,10],layers[1]=5".

        Args:
            values: names and values.

        Returns:
            This object.

        Raises:
            LabkitError: if the text cannot be read, or a value does not fit.
        """
        position = 0
        while position < len(values.strip()):
            match = _ASSIGNMENT.match(values, position)
            if match is None:
                raise LabkitError(f"cannot read {values[position:]!r}.\n  Try: name=value,other=[1,2].")
            name, index, many, one = match.groups()
            self._assign(name, index, many, one)
            position = match.end()
        return self

    def _assign(self, name: str, index: str | None, many: str | None, one: str | None) -> None:
        if name not in self._names:
            raise LabkitError(f"there is no hyperparameter {name!r}; there are: {', '.join(self._names) or 'none'}.")
        kind, is_list = self._names[name]
        if many is not None:
            self.set_hparam(name, [_read(name, text, kind) for text in many.split(",") if text.strip()])
        elif index is None:
            value = _read(name, one or "", kind)
            self.set_hparam(name, [value] if is_list else value)
        else:
            entries = listed(getattr(self, name))
            if not is_list or int(index) >= len(entries):
                raise LabkitError(f"{name!r} has no entry {index}: {entries!r}.")
            entries[int(index)] = _read(name, one or "", kind)
            setattr(self, name, entries)

    def override_from_dict(self, values_dict: dict[str, Any]) -> HParams:
        """Sets values from a dictionary.

        Args:
            values_dict: names and values.

        Returns:
            This object.
        """
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    set_from_map = override_from_dict

    def parse_json(self, values_json: str) -> HParams:
        """Sets values from JSON.

        Args:
            values_json: an object of names and values.

        Returns:
            This object.
        """
        try:
            values: Any = json.loads(values_json)
        except ValueError as error:
            raise LabkitError(f"this is no JSON: {error}.", "hparams.parse_json('{\"learning_rate\": 0.1}').") from None
        if not isinstance(values, dict):
            raise LabkitError(f"the JSON is an object of names and values, not {values!r}.")
        return self.override_from_dict(cast("dict[str, Any]", values))

    def values(self) -> dict[str, Any]:
        """Names and values."""
        return {name: getattr(self, name) for name in self._names}

    def to_json(self, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        """Names and values as JSON.

        Args:
            indent: as for `json.dumps`, like all that follow.
            separators: see there.
            sort_keys: see there.
        """
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a name, or `default` if there is no such name.

        Args:
            key: a name.
            default: another value.
        """
        return getattr(self, key) if key in self._names else default

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def __repr__(self) -> str:
        return f"HParams({', '.join(f'{name}={value!r}' for name, value in sorted(self.values().items()))})"


_ASSIGNMENT = re.compile(r"\s*([A-Za-z]\w*)(?:\[(\d+)\])?\s*=\s*(?:\[([^\]]*)\]|([^,]*))\s*(?:,|$)")


def _read(name: str, text: str, kind: type) -> Any:
    """Text as a value of a type."""
    word = text.strip()
    if kind is bool:
        if word.lower() not in ("true", "false", "1", "0"):
            raise LabkitError(f"{name!r} is true or false, not {word!r}.")
        return word.lower() in ("true", "1")
    try:
        return word if kind is str else kind(word)
    except ValueError:
        raise LabkitError(f"{name!r} is of type {kind.__name__}, and {word!r} cannot be read as one.") from None


def _fitting(name: str, value: Any, kind: type) -> Any:
    """A value converted to a type, where nothing is lost."""
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int) and not isinstance(value, bool))
    if kind is int and isinstance(value, bool):
        fits = False
    if not fits and kind is not type(None):
        raise LabkitError(f"{name!r} is of type {kind.__name__}, and {value!r} is not.")
    return float(value) if kind is float else value


def multiply_gradients(grads_and_vars: Sequence[tuple[Any, Any]], gradient_multipliers: Any) -> list[tuple[Any, Any]]:
    """Gradients multiplied with a factor for some variables.

    Args:
        grads_and_vars: pairs.
        gradient_multipliers: factors by variable or by its name.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(0.0)
        >>> float(tf.Session().run(tf.contrib.training.multiply_gradients([(tf.constant(2.0), w)], {w: 3.0})[0][0]))
        6.0
    """

    def factor(var: Any) -> Any:
        return next((gradient_multipliers[key] for key in (var, var.op.name) if key in gradient_multipliers), None)

    return [(grad if factor(var) is None else grad * factor(var), var) for grad, var in grads_and_vars]


def clip_gradient_norms(gradients_to_variables: Sequence[tuple[Any, Any]], max_norm: float) -> list[tuple[Any, Any]]:
    """Gradients, each clipped to a norm.

    Args:
        gradients_to_variables: pairs.
        max_norm: the largest norm.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(0.0)
        >>> float(tf.Session().run(tf.contrib.training.clip_gradient_norms([(tf.constant(2.0), w)], 1.0)[0][0]))
        1.0
    """
    return [(None if grad is None else clip_by_norm(grad, max_norm), var) for grad, var in gradients_to_variables]


def create_train_op(
    total_loss: Any, optimizer: Any, global_step: Any = None, update_ops: Any = None,
    variables_to_train: Sequence[Any] | None = None, transform_grads_fn: Callable[..., Any] | None = None,
    summarize_gradients: bool = False, gate_gradients: int = 1, aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False, check_numerics: bool = True,
) -> Tensor:  # fmt: skip
    """A tensor that takes a training step when it runs, and gives the loss.

    Args:
        total_loss: a scalar.
        optimizer: a `tf.train.Optimizer`.
        global_step: a variable to add 1 to; the graph's, made if it has none, if None.
        update_ops: operations to run before; those of `tf.GraphKeys.UPDATE_OPS` if None.
        variables_to_train: all trainable variables if None.
        transform_grads_fn: a function of (gradient, variable) pairs, such as clipping.
        summarize_gradients: kept for TensorFlow's signature.
        gate_gradients: as for `tf.train.Optimizer.compute_gradients`, like the next two.
        aggregation_method: see there.
        colocate_gradients_with_ops: see there.
        check_numerics: True stops with an error if the loss is NaN or infinite; it costs speed.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     loss = tf.square(tf.Variable(4.0))
        ...     train = tf.contrib.training.create_train_op(loss, tf.train.GradientDescentOptimizer(0.25))
        ...     sess.run(tf.global_variables_initializer())
        ...     [float(sess.run(train)) for _ in range(2)]
        [16.0, 4.0]
    """
    from labkit.global_step import get_or_create_global_step

    step = get_or_create_global_step() if global_step is None else global_step
    before = get_default_graph().get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else listed(update_ops)
    if before:
        with control_dependencies(before):
            total_loss = identity(total_loss)
    pairs = optimizer.compute_gradients(
        total_loss, variables_to_train, gate_gradients, aggregation_method, colocate_gradients_with_ops
    )
    if transform_grads_fn is not None:
        pairs = transform_grads_fn(pairs)
    update = optimizer.apply_gradients(pairs, global_step=step)
    if check_numerics:
        total_loss = _checked(total_loss)
    with control_dependencies([update]):
        made = identity(total_loss)
    get_default_graph().add_to_collection(GraphKeys.TRAIN_OP, made)
    return made


def _checked(loss: Any) -> Tensor:
    return check_numerics(loss, "LossTensor is inf or nan")


__getattr__ = namespace(__name__, __all__)
