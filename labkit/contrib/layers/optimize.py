"""`optimize_loss`: a training step in one call.

Source: `tensorflow/contrib/layers/python/layers/optimizers.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.clip import clip_by_global_norm, global_norm
from labkit.errors import LabkitError
from labkit.global_step import get_global_step
from labkit.graph import GraphKeys, Tensor, control_dependencies, get_default_graph, is_tensor_like
from labkit.initializers import constant_initializer
from labkit.nests import listed
from labkit.ops.array import identity
from labkit.ops.random import truncated_normal
from labkit.ops.shaping import shape
from labkit.ops.summaries import scalar
from labkit.ops.summary_media import histogram
from labkit.optimizers import (
    AdagradOptimizer,
    AdamOptimizer,
    FtrlOptimizer,
    GradientDescentOptimizer,
    MomentumOptimizer,
    Optimizer,
    RMSPropOptimizer,
)
from labkit.shared_variables import get_variable
from labkit.variable_scope import variable_scope


def _momentum(learning_rate: Any) -> Optimizer:
    return MomentumOptimizer(learning_rate, momentum=0.9)


OPTIMIZER_CLS_NAMES: dict[str, Callable[[Any], Optimizer]] = {
    "Adagrad": AdagradOptimizer,
    "Adam": AdamOptimizer,
    "Ftrl": FtrlOptimizer,
    "Momentum": _momentum,
    "RMSProp": RMSPropOptimizer,
    "SGD": GradientDescentOptimizer,
}
"""Names that `optimize_loss` knows."""

OPTIMIZER_SUMMARIES = [
    "learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm",
]  # fmt: skip
"""What `optimize_loss` can summarize."""


def optimize_loss(
    loss: Any, global_step: Any, learning_rate: Any, optimizer: Any, gradient_noise_scale: float | None = None,
    gradient_multipliers: Mapping[Any, Any] | None = None, clip_gradients: Any = None,
    learning_rate_decay_fn: Any = None, update_ops: Sequence[Any] | None = None, variables: Sequence[Any] | None = None,
    name: str | None = None, summaries: Sequence[str] | None = None, colocate_gradients_with_ops: bool = False,
    increment_global_step: bool = True,
) -> Tensor:  # fmt: skip
    """A training step: gradients, clipped and scaled if asked for, applied by an optimizer.

    Args:
        loss: a scalar.
        global_step: a variable to add 1 to; None takes the graph's, if it has one.
        learning_rate: a number or a scalar tensor; None for optimizers that bring their own.
        optimizer: a name ("Adagrad", "Adam", "Ftrl", "Momentum", "RMSProp", "SGD"), an optimizer, a class, or a
            function from the learning rate to an optimizer.
        gradient_noise_scale: standard deviation of noise added to gradients.
        gradient_multipliers: factors for the gradients of some variables, by variable or by name.
        clip_gradients: the largest global norm of all gradients; or a function of (gradient, variable) pairs.
        learning_rate_decay_fn: a function of (learning_rate, global_step) to the rate of the step.
        update_ops: operations to run with each step; those of `tf.GraphKeys.UPDATE_OPS` if None.
        variables: what to train; all trainable variables if None.
        name: name of its scope; "OptimizeLoss", made unique, if None.
        summaries: which of `OPTIMIZER_SUMMARIES` to make; learning rate, loss and global gradient norm if None.
        colocate_gradients_with_ops: True puts gradients on the device of what they differentiate.
        increment_global_step: False leaves `global_step` as it is.

    Returns:
        A tensor: running it takes a step, and gives the loss before the step.

    Raises:
        LabkitError: for an optimizer, learning rate, clipping or summary that it does not know.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     w = tf.Variable(4.0)
        ...     train = tf.contrib.layers.optimize_loss(
        ...         tf.square(w), tf.train.get_or_create_global_step(), learning_rate=0.25, optimizer="SGD")
        ...     sess.run(tf.global_variables_initializer())
        ...     [float(sess.run(train)) for _ in range(3)], int(sess.run(tf.train.get_global_step()))
        ([16.0, 4.0, 1.0], 3)
    """
    graph = get_default_graph()
    step = get_global_step() if global_step is None else global_step
    wanted = ["loss", "learning_rate", "global_gradient_norm"] if summaries is None else list(summaries)
    for summary in wanted:
        if summary not in OPTIMIZER_SUMMARIES:
            raise LabkitError(f"there is no summary {summary!r}.\n  Try: {', '.join(OPTIMIZER_SUMMARIES)}.")
    with variable_scope(name, "OptimizeLoss", [loss]):
        before = graph.get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else list(update_ops)
        if before:
            with control_dependencies(list(dict.fromkeys(before))):
                loss = identity(loss)
        rate = _rate(learning_rate, step, learning_rate_decay_fn)
        if "learning_rate" in wanted and rate is not None:
            scalar("learning_rate", rate)
        how = _optimizer(optimizer, rate)
        pairs = how.compute_gradients(loss, variables, colocate_gradients_with_ops=colocate_gradients_with_ops)
        if gradient_noise_scale is not None:
            pairs = [(_noisy(grad, gradient_noise_scale), var) for grad, var in pairs]
        if gradient_multipliers is not None:
            pairs = [(_multiplied(grad, var, gradient_multipliers), var) for grad, var in pairs]
        if "global_gradient_norm" in wanted or "gradient_norm" in wanted:
            scalar("global_norm/gradient_norm", _norm(pairs))
        pairs = _clipped(pairs, clip_gradients)
        if "loss" in wanted:
            scalar("loss", loss)
        _summarize(pairs, wanted)
        if clip_gradients is not None and "global_gradient_norm" in wanted:
            scalar("global_norm/clipped_gradient_norm", _norm(pairs))
        update = how.apply_gradients(pairs, step if increment_global_step else None, name="train")
        with control_dependencies([update]):
            return identity(loss)


def _rate(learning_rate: Any, step: Any, decay: Any) -> Any:
    """The learning rate as a tensor: a number becomes a variable, so that it can be changed."""
    if learning_rate is None:
        return None
    if is_tensor_like(learning_rate):
        rate = learning_rate
    elif isinstance(learning_rate, (int, float)) and learning_rate >= 0:
        rate = get_variable("learning_rate", [], trainable=False, initializer=constant_initializer(learning_rate))
    else:
        raise LabkitError(
            f"the learning rate must be a number of at least 0 or a scalar tensor, not {learning_rate!r}."
        )
    if decay is None:
        return rate
    if step is None:
        raise LabkitError("learning_rate_decay_fn needs a global step.\n  Try: tf.train.get_or_create_global_step().")
    return decay(rate, step)


def _optimizer(optimizer: Any, rate: Any) -> Any:
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZER_CLS_NAMES:
            raise LabkitError(f"there is no optimizer {optimizer!r}.\n  Try: {', '.join(OPTIMIZER_CLS_NAMES)}.")
        made: Any = OPTIMIZER_CLS_NAMES[optimizer]
    else:
        made = optimizer
    if not callable(made):
        raise LabkitError(
            f"an optimizer is a name, an optimizer or a function of the learning rate, not {optimizer!r}."
        )
    if rate is None and (isinstance(optimizer, (str, type))):
        raise LabkitError(f"the optimizer {optimizer!r} needs a learning rate.\n  Try: learning_rate=0.01.")
    return made(rate) if rate is not None else made()


def _noisy(grad: Any, scale: float) -> Any:
    return None if grad is None else grad + truncated_normal(shape(grad), dtype=grad.dtype) * scale


def _multiplied(grad: Any, var: Any, factors: Mapping[Any, Any]) -> Any:
    factor = next((factors[key] for key in (var, var.name, var.op.name) if key in factors), None)
    if grad is None or factor is None:
        return grad
    return grad * get_default_graph().as_tensor(factor, grad.dtype)


def _clipped(pairs: list[Any], clip: Any) -> list[Any]:
    if clip is None:
        return pairs
    if callable(clip):
        return listed(clip(pairs))
    if not isinstance(clip, (int, float)):
        raise LabkitError(f"clip_gradients is a number or a function of pairs, not {clip!r}.")
    clipped, _ = clip_by_global_norm([grad for grad, _ in pairs], float(clip))
    return list(zip(clipped, [var for _, var in pairs], strict=True))


def _norm(pairs: list[Any]) -> Tensor:
    return global_norm([grad for grad, _ in pairs])


def _summarize(pairs: list[Any], wanted: Sequence[str]) -> None:
    """A histogram of each gradient, if asked for."""
    for grad, var in pairs:
        if grad is not None and "gradients" in wanted:
            histogram(f"gradients/{var.op.name}", grad)
        if grad is not None and "gradient_norm" in wanted:
            scalar(f"gradient_norm/{var.op.name}", global_norm([grad]))
