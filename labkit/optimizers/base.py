"""`Optimizer`: what every optimizer does, whatever its rule.

    minimize = compute_gradients + apply_gradients

`compute_gradients` adds the backward pass and pairs each gradient with its variable; between the two calls the
gradients may be clipped or looked at. `apply_gradients` makes the *slots* (variables that the rule keeps per variable,
such as a velocity), then one update per variable, then one operation that waits for all of them and counts the step.

A rule is a subclass with up to five methods:

    _prepare            turn the hyperparameters into tensors
    _create_slots       make the slots
    _apply_dense        the update of one variable, from its gradient
    _apply_sparse       the same from an `tf.IndexedSlices`, of the rows that it names only
    _finish             what comes after all updates

Example:
    >>> import labkit as tf
    >>> w = tf.Variable(5.0, name="w")
    >>> train = tf.train.GradientDescentOptimizer(0.1).minimize((w - 3.0) * (w - 3.0))
    >>> with tf.Session() as sess:
    ...     sess.run(tf.global_variables_initializer())
    ...     for _ in range(100):
    ...         sess.run(train)
    ...     round(float(sess.run(w)), 3)
    3.0

Source: `tensorflow/python/training/optimizer.py` and `slot_creator.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labkit.dtypes import DType
from labkit.errors import DTypeError, GraphError, LabkitError
from labkit.gradients import gradients
from labkit.graph import Graph, GraphKeys, Operation, Tensor, apply_node, get_default_graph, is_tensor_like
from labkit.ops.array import fill, zeros
from labkit.ops.array import shape as shape_of
from labkit.ops.control_flow import group, tuple_
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.math import cast
from labkit.ops.source import constant
from labkit.ops.sparse_training import SumDuplicates
from labkit.ops.state import assign, assign_add
from labkit.shapes import is_static
from labkit.shared_variables import get_variable
from labkit.variable_scope import variable_scope
from labkit.variables import Variable

GradsAndVars = Iterable[tuple[Any, Any]]


class Optimizer:
    """Base of the optimizers; make one of its subclasses.

    Args:
        use_locking: kept for TensorFlow's signature; runs never interleave in labkit.
        name: name of the operations and of the slots.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.train.AdamOptimizer, tf.train.Optimizer)
        True
    """

    GATE_NONE = 0
    """Gradients are used as soon as they are there."""
    GATE_OP = 1
    """All gradients of one operation are computed before any of them is used."""
    GATE_GRAPH = 2
    """All gradients are computed before any of them is used."""

    def __init__(self, use_locking: bool, name: str) -> None:
        if not name:
            raise LabkitError("an optimizer needs a name.")
        self._use_locking = use_locking
        self._name = name
        self._slots: dict[str, dict[Any, Any]] = {}  # slot name -> variable -> its slot
        self._others: dict[tuple[str, Graph], Any] = {}  # variables that belong to no variable, such as beta1_power
        self._tensors: dict[str, Tensor] = {}  # hyperparameters, while updates are being made

    def get_name(self) -> str:
        """The name given to the constructor."""
        return self._name

    def minimize(
        self, loss: Any, global_step: Any = None, var_list: Sequence[Any] | None = None, gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None, colocate_gradients_with_ops: bool = False, name: str | None = None,
        grad_loss: Any = None,
    ) -> Operation:  # fmt: skip
        """The operation that takes one step towards a smaller `loss`.

        Args:
            loss: a floating-point tensor; its sum is what becomes smaller.
            global_step: a variable to add 1 to at each step.
            var_list: variables to change; by default all trainable ones.
            gate_gradients: `GATE_NONE`, `GATE_OP` or `GATE_GRAPH`.
            aggregation_method: kept for TensorFlow's signature.
            colocate_gradients_with_ops: True puts gradients on the device of what they differentiate.
            name: name of the operation; the optimizer's if None.
            grad_loss: the gradient that flows into the loss, of its shape; ones if None.

        Returns:
            An operation to run.

        Raises:
            LabkitError: if there are no variables, or if none of them has a path to the loss.
        """
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if all(grad is None for grad, _ in pairs):
            raise GraphError(
                f"the loss does not depend on any of the variables: no gradient leads from {loss.name!r} to "
                f"{', '.join(repr(var.op.name) for _, var in pairs)}.\n"
                "  The path may be cut by an op without gradient (tf.argmax, tf.cast to an integer, tf.equal, "
                "tf.py_func), or the loss may be computed from other variables.\n"
                "  Try: compute the loss from the logits, with tf.nn.softmax_cross_entropy_with_logits."
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self, loss: Any, var_list: Sequence[Any] | None = None, gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None, colocate_gradients_with_ops: bool = False, grad_loss: Any = None,
    ) -> list[tuple[Any, Any]]:  # fmt: skip
        """The gradient of `loss` with respect to each variable; the first half of `minimize`.

        Args:
            loss: as for `minimize`, like all that follow.
            var_list: see there.
            gate_gradients: see there.
            aggregation_method: see there.
            colocate_gradients_with_ops: see there.
            grad_loss: see there.

        Returns:
            A list of pairs (gradient, variable); the gradient is None where no path leads from the variable to the
            loss.
        """
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise LabkitError(
                f"gate_gradients must be Optimizer.GATE_NONE, GATE_OP or GATE_GRAPH, not {gate_gradients!r}."
            )
        _check_loss(loss)
        graph: Graph = loss.graph
        chosen = graph.get_collection(GraphKeys.TRAINABLE_VARIABLES) if var_list is None else _flat(var_list)
        if not chosen:
            raise LabkitError(
                f"there are no variables to change: the graph of {loss.name!r} has no trainable variables.\n"
                "  Try: make the weights with tf.Variable(...) in the same graph, or name them in var_list."
            )
        for var in chosen:
            if not isinstance(var, Variable):
                raise TypeError(f"an optimizer changes variables, and {var!r} in var_list is none.")
            if not var.dtype.is_floating:
                raise DTypeError(
                    f"variable {var.op.name} is {var.dtype.name}, and only floating-point variables can be trained.\n"
                    "  Try: tf.Variable(..., trainable=False) for a counter."
                )
        grads = gradients(
            loss, chosen, None if grad_loss is None else [grad_loss],
            colocate_gradients_with_ops=colocate_gradients_with_ops, gate_gradients=gate_gradients == self.GATE_OP,
            aggregation_method=aggregation_method,
        )  # fmt: skip
        if gate_gradients == self.GATE_GRAPH:
            grads = tuple_(grads)
        return list(zip(grads, chosen, strict=True))

    def apply_gradients(self, grads_and_vars: GradsAndVars, global_step: Any = None, name: str | None = None) -> Any:
        """The operation that changes the variables by their gradients; the second half of `minimize`.

        Args:
            grads_and_vars: pairs (gradient, variable), as from `compute_gradients`; a gradient may be None.
            global_step: a variable to add 1 to.
            name: name of the operation; the optimizer's if None.

        Returns:
            An operation to run.
        """
        pairs = list(grads_and_vars)
        if not pairs:
            raise LabkitError("apply_gradients was given no variables.")
        for pair in pairs:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[1], Variable):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
                raise TypeError(f"apply_gradients takes pairs (gradient, variable), not {pair!r}.")
        used = [(grad, var) for grad, var in pairs if grad is not None]
        if not used:
            raise GraphError(f"no gradient was given for any of {[var.op.name for _, var in pairs]}.")
        graph: Graph = used[0][1].graph
        if graph is not get_default_graph():
            with graph.as_default():
                return self._apply(graph, used, global_step, name)
        return self._apply(graph, used, global_step, name)

    def _apply(self, graph: Graph, pairs: list[tuple[Any, Any]], global_step: Any, name: str | None) -> Operation:
        if global_step is not None and not hasattr(global_step, "op"):
            raise TypeError(
                f"global_step is a variable that counts the steps, not {global_step!r}.\n"
                "  Try: global_step = tf.train.get_or_create_global_step()."
            )
        with graph.control_dependencies(None):
            self._create_slots([var for _, var in pairs])
        with graph.name_scope(name or self._name) as scope:
            self._prepare()
            updates: list[Any] = []
            for grad, var in pairs:
                with graph.name_scope(f"update_{var.op.name}"), graph.colocate_with(var.op):
                    sparse = isinstance(grad, IndexedSlices)
                    updates.append(self._update_rows(grad, var) if sparse else self._update(graph.as_tensor(grad), var))
            if global_step is None:
                train = self._finish(updates, scope)
            else:
                waits = self._finish(updates, "update")
                with graph.control_dependencies([waits]), graph.colocate_with(global_step):
                    train = assign_add(global_step, 1, name=scope).op
        graph.add_to_collection(GraphKeys.TRAIN_OP, train)
        graph.applied_gradients[train] = tuple(pairs)
        return train

    def _update(self, grad: Tensor, var: Any) -> Any:
        """The update of one variable, and its constraint."""
        update = self._apply_dense(grad, var)
        if var.constraint is None:
            return update
        with grad.graph.control_dependencies([update]):
            return assign(var, var.constraint(var.read_value()))

    def _update_rows(self, grad: IndexedSlices, var: Any) -> Any:
        """The update of some rows of one variable."""
        if var.constraint is not None:
            raise GraphError(
                f"variable {var.op.name} has a constraint, and its gradient names some of its rows: a constraint is "
                "applied to a whole variable.\n"
                "  Try: optimizer.apply_gradients([(tf.convert_to_tensor(g), v) for g, v in pairs])."
            )
        return self._apply_sparse_duplicate_indices(grad, var)

    def get_slot(self, var: Any, name: str) -> Any:
        """The slot `name` of a variable, or None.

        Args:
            var: a variable given to `minimize` or `apply_gradients`.
            name: one of `get_slot_names()`.
        """
        return self._slots.get(name, {}).get(var)

    def get_slot_names(self) -> list[str]:
        """Names of the slots that this optimizer has made."""
        return sorted(self._slots)

    def variables(self) -> list[Any]:
        """The variables that this optimizer has made: its slots, and what it keeps once for all variables."""
        graph = get_default_graph()
        made = [var for (_, home), var in self._others.items() if home is graph]
        made += [slot for slots in self._slots.values() for slot in slots.values() if slot.graph is graph]
        return sorted(made, key=lambda var: var.name)

    # What a rule overrides.

    def _create_slots(self, var_list: list[Any]) -> None:
        """Makes the slots of the variables; by default none."""

    def _prepare(self) -> None:
        """Turns hyperparameters into tensors, once per call of `apply_gradients`; by default nothing."""

    def _apply_dense(self, grad: Tensor, var: Any) -> Any:
        """The node that updates `var` by `grad`."""
        raise NotImplementedError(f"{type(self).__name__} has no _apply_dense(grad, var).")

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Any:
        """The node that updates `var` by a gradient of distinct rows; by default it is made whole."""
        return self._apply_dense(grad.as_graph_tensor(), var)

    def _apply_sparse_duplicate_indices(self, grad: IndexedSlices, var: Any) -> Any:
        """`_apply_sparse`, of a gradient whose rows of the same index have been added up."""
        values, indices = apply_node(SumDuplicates(), grad.values, grad.indices).outputs
        return self._apply_sparse(IndexedSlices(values, indices, grad.dense_shape), var)

    def _finish(self, update_ops: list[Any], name_scope: str) -> Operation:
        """What comes after all updates: an operation of that name."""
        return group(*update_ops, name=name_scope)

    # What a rule uses.

    def _hyper(self, name: str, value: Any) -> None:
        """Keeps a hyperparameter (a number, a tensor, or a function without arguments) as the tensor `name`."""
        value = value() if callable(value) else value
        self._tensors[name] = get_default_graph().as_tensor(value, name=name)

    def _tensor(self, name: str, var: Any) -> Tensor:
        """The hyperparameter `name` in the dtype of a variable."""
        return cast(self._tensors[name], var.dtype)

    def _zeros_slot(self, var: Any, slot_name: str, op_name: str) -> Any:
        """The slot of a variable, made of zeros if there is none."""
        return self._get_or_make_slot_with_initializer(var, zeros, var.shape, var.dtype, slot_name, op_name)

    def _get_or_make_slot(self, var: Any, val: Any, slot_name: str, op_name: str) -> Any:
        """The slot of a variable, with initial value `val` if it is made now."""
        slots = self._slots.setdefault(slot_name, {})
        if var not in slots:
            slots[var] = make_slot(var, op_name, initializer=val, validate_shape=is_static(var.static_shape))
        return slots[var]

    def _get_or_make_slot_with_initializer(
        self, var: Any, initializer: Callable[..., Any], shape: Any, dtype: DType, slot_name: str, op_name: str
    ) -> Any:
        """The slot of a variable, made by `initializer(shape, dtype=dtype)` if there is none."""
        if not is_static(var.static_shape):
            if var not in self._slots.get(slot_name, {}):
                return self._get_or_make_slot(
                    var, initializer(shape_of(var.initialized_value()), dtype=dtype), slot_name, op_name
                )
            return self._slots[slot_name][var]
        slots = self._slots.setdefault(slot_name, {})
        if var not in slots:
            slots[var] = make_slot(var, op_name, shape=shape, dtype=dtype, initializer=initializer)
        return slots[var]

    def _non_slot(self, name: str, initial_value: Any, var_list: list[Any]) -> Any:
        """A variable that is kept once for all variables, beside the first of them."""
        first = min(var_list, key=lambda var: var.name)
        key = (name, first.graph)
        if key not in self._others:
            with first.graph.colocate_with(first.op):
                self._others[key] = Variable(initial_value, trainable=False, name=name)
        return self._others[key]


def filled(value: float) -> Callable[..., Tensor]:
    """An initializer that gives every element the same value."""

    def initialize(shape: Any, dtype: DType) -> Tensor:
        graph = get_default_graph()
        if isinstance(shape, Tensor) or math.prod(shape) > 1000:  # large ones are filled when they are needed
            return fill(shape, graph.as_tensor(value, dtype, "value"), name="Const")
        return constant(value, dtype, shape)

    return initialize


def check_positive(initial: float) -> None:
    """Accumulators that steps are divided by the root of must not start at zero."""
    if initial <= 0:
        raise ValueError(f"the initial value of an accumulator must be positive, not {initial}.")


def make_slot(var: Any, op_name: str, **arguments: Any) -> Any:
    """A variable named `<var>/<op_name>`, on the device of `var`."""
    with variable_scope(None, f"{var.op.name}/{op_name}"), var.graph.colocate_with(var.op):
        return get_variable("", trainable=False, **arguments)


def _flat(var_list: Any) -> list[Any]:
    """Variables out of nested lists, tuples and dictionaries, or one variable."""
    if isinstance(var_list, dict):
        return [var for key in sorted(var_list) for var in _flat(var_list[key])]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # nested as the learner likes
    if isinstance(var_list, (list, tuple, set)):
        return [var for entry in var_list for var in _flat(entry)]  # pyright: ignore[reportUnknownVariableType]  # the same
    return [var_list]


def _check_loss(loss: Any) -> None:
    if not is_tensor_like(loss):
        hint = "\n  Try: the tensor itself, not its value from session.run." if isinstance(loss, float) else ""
        raise TypeError(f"the loss must be a tensor, not {loss!r} ({type(loss).__name__}).{hint}")
    if not loss.dtype.is_floating:
        raise DTypeError(
            f"the loss {loss.name!r} is {loss.dtype.name}, and only a floating-point loss has gradients.\n"
            "  Try: tf.cast(..., tf.float32) where it is computed; accuracy (a count of right answers) is no loss."
        )
