"""Accumulators: `tf.ConditionalAccumulator` and `tf.SparseConditionalAccumulator`.

An accumulator adds up the gradients that many workers send for one variable, and gives out their mean when there are
enough. It is what makes synchronous training synchronous (`tf.train.SyncReplicasOptimizer`): a gradient that was
computed at an earlier step than the accumulator's is *stale* and dropped.

Example:
    >>> import labkit as tf
    >>> accumulator = tf.ConditionalAccumulator(tf.float32, shape=[2])
    >>> send = [accumulator.apply_grad([1.0, 2.0]), accumulator.apply_grad([3.0, 6.0])]
    >>> mean, late = accumulator.take_grad(2), accumulator.apply_grad([9.0, 9.0], local_step=0)
    >>> with tf.Session() as sess:
    ...     _ = sess.run(send)
    ...     print(sess.run(mean))
    ...     sess.run(late)
    ...     int(sess.run(accumulator.num_accumulated()))
    [2. 4.]
    0

Source: `tensorflow/python/ops/data_flow_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype, int64
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Op, Operation, Tensor, apply_node, get_default_graph
from labkit.ops import accumulators as nodes
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.math import cast
from labkit.shapes import Shape, as_shape, compatible, shape_text


class ConditionalAccumulatorBase:
    """Base of the accumulators; make one of its subclasses.

    Args:
        dtype: of the gradients, a floating-point one.
        shape: of the gradients, as far as it is known.
        accumulator_ref: the tensor that stands for the accumulator.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.ConditionalAccumulator, tf.ConditionalAccumulatorBase)
        True
    """

    def __init__(self, dtype: DTypeLike, shape: Any, accumulator_ref: Tensor) -> None:
        self._dtype = as_dtype(dtype)
        self._shape: Shape = as_shape(shape)
        self._accumulator_ref = accumulator_ref

    @property
    def accumulator_ref(self) -> Tensor:
        """The tensor that stands for the accumulator."""
        return self._accumulator_ref

    @property
    def name(self) -> str:
        """The name of the accumulator's node."""
        return self._accumulator_ref.op.name

    @property
    def dtype(self) -> DType:
        """Of the gradients."""
        return self._dtype

    def num_accumulated(self, name: str | None = None) -> Tensor:
        """How many gradients came since the last mean was taken, int32.

        Args:
            name: name of the node.
        """
        return self._node(nodes.AccumulatorNumAccumulated(), name, "NumAccumulated").outputs[0]

    def set_global_step(self, new_global_step: Any, name: str | None = None) -> Operation:
        """The operation that moves the accumulator to a step; gradients of earlier ones are dropped from then on.

        Args:
            new_global_step: an integer scalar.
            name: name of the node.
        """
        return self._node(nodes.AccumulatorSetGlobalStep(), name, "SetGlobalStep", _step(new_global_step))

    def _node(self, kind: Op, name: str | None, method: str, *inputs: Any) -> Operation:
        full = name or f"{self.name.rpartition('/')[2]}_{method}"
        return apply_node(kind, self._accumulator_ref, *inputs, name=full)


class ConditionalAccumulator(ConditionalAccumulatorBase):
    """Adds up gradients, and gives out their mean.

    Args:
        dtype: of the gradients, a floating-point one.
        shape: of the gradients; None for any one, the same for all.
        shared_name: accumulators of the same name in one session are the same accumulator.
        name: name of the node.

    Raises:
        DTypeError: if `dtype` is not floating-point.

    Example:
        >>> import labkit as tf
        >>> accumulator = tf.ConditionalAccumulator(tf.float32, [])
        >>> with tf.Session() as sess:
        ...     sess.run(accumulator.apply_grad(5.0))
        ...     float(sess.run(accumulator.take_grad(1)))
        5.0
    """

    def __init__(
        self, dtype: DTypeLike, shape: Any = None, shared_name: str | None = None,
        name: str = "conditional_accumulator",
    ) -> None:  # fmt: skip
        kind = nodes.ConditionalAccumulator(_floating(dtype), as_shape(shape), "", shared_name or "")
        super().__init__(dtype, shape, apply_node(kind, name=name).outputs[0])

    def apply_grad(self, grad: Any, local_step: Any = 0, name: str | None = None) -> Operation:
        """The operation that adds a gradient, unless it is stale.

        Args:
            grad: the gradient, of the accumulator's dtype and shape.
            local_step: the step that it was computed at.
            name: name of the node.

        Raises:
            ShapeError: if the shapes do not fit.
        """
        value = get_default_graph().as_tensor(grad, self._dtype)
        if not compatible(self._shape, value.static_shape):
            raise ShapeError(
                f"the accumulator {self.name!r} adds up gradients of shape {shape_text(self._shape)}, and "
                f"{value.name!r} has {shape_text(value.static_shape)}."
            )
        return self._node(nodes.AccumulatorApplyGradient(), name, "ApplyGradient", _step(local_step), value)

    def take_grad(self, num_required: Any, name: str | None = None) -> Tensor:
        """The mean of the gradients; waits until so many came, empties the accumulator, and moves it one step on.

        Args:
            num_required: how many gradients there must be, an int32 scalar.
            name: name of the node.
        """
        kind = nodes.AccumulatorTakeGradient(self._dtype, self._shape)
        return self._node(kind, name, "TakeGradient", num_required).outputs[0]


class SparseConditionalAccumulator(ConditionalAccumulatorBase):
    """Adds up gradients that are some rows of a table (`tf.IndexedSlices`), and gives out their mean.

    The mean of a row is over the gradients that had the row: one that a single worker used counts in full.

    Args:
        dtype: of the gradients, a floating-point one.
        shape: of the table; None or () if it is unknown.
        shared_name: accumulators of the same name in one session are the same accumulator.
        name: name of the node.

    Raises:
        DTypeError: if `dtype` is not floating-point.

    Example:
        >>> import labkit as tf
        >>> accumulator = tf.SparseConditionalAccumulator(tf.float32, [9, 1])
        >>> send = [accumulator.apply_grad([3, 7], [[1.0], [2.0]]), accumulator.apply_grad([3], [[5.0]])]
        >>> rows = accumulator.take_indexed_slices_grad(2)
        >>> with tf.Session() as sess:
        ...     _ = sess.run(send)
        ...     sess.run(rows)
        IndexedSlicesValue(values=array([[3.],
               [2.]], dtype=float32), indices=array([3, 7]), dense_shape=array([9, 1]))
    """

    def __init__(
        self, dtype: DTypeLike, shape: Any = None, shared_name: str | None = None,
        name: str = "sparse_conditional_accumulator",
    ) -> None:  # fmt: skip
        known = as_shape(shape) or None  # TensorFlow's programs write () for an unknown shape
        kind = nodes.SparseConditionalAccumulator(_floating(dtype), known, "", shared_name or "")
        super().__init__(dtype, known, apply_node(kind, name=name).outputs[0])

    def apply_indexed_slices_grad(self, grad: Any, local_step: Any = 0, name: str | None = None) -> Operation:
        """The operation that adds an `tf.IndexedSlices`, unless it is stale.

        Args:
            grad: the gradient.
            local_step: the step that it was computed at.
            name: name of the node.

        Raises:
            TypeError: if it is no `tf.IndexedSlices`.
        """
        if not isinstance(grad, IndexedSlices):
            raise DTypeError(
                f"the accumulator {self.name!r} adds up rows of a table, and {grad!r} is not a tf.IndexedSlices: a "
                "gradient has that form only where the variable is used through tf.gather or "
                "tf.nn.embedding_lookup alone.",
                "tf.ConditionalAccumulator(dtype, shape), whose apply_grad takes whole gradients.",
            )
        return self.apply_grad(grad.indices, grad.values, grad.dense_shape, local_step, name)

    def apply_grad(
        self, grad_indices: Any, grad_values: Any, grad_shape: Any = None, local_step: Any = 0,
        name: str | None = None,
    ) -> Operation:  # fmt: skip
        """The operation that adds rows, unless they are stale.

        Args:
            grad_indices: (k,) which rows.
            grad_values: (k, ...) the rows.
            grad_shape: the shape of the table, as a vector.
            local_step: the step that they were computed at.
            name: name of the node.

        Raises:
            ShapeError: if there is not an index for each row.
        """
        graph = get_default_graph()
        values = graph.as_tensor(grad_values, self._dtype)
        shape: Any = [] if grad_shape is None else cast(grad_shape, int64)
        kind = nodes.SparseAccumulatorApplyGradient(grad_shape is not None)
        inputs = (_step(local_step), cast(grad_indices, int64), values, graph.as_tensor(shape, int64))
        return self._node(kind, name, "ApplyGradient", *inputs)

    def take_grad(self, num_required: Any, name: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The mean of the rows: their indices, in order, their values, and the shape of the table.

        Args:
            num_required: how many gradients there must be, an int32 scalar.
            name: name of the node.
        """
        rows = self.take_indexed_slices_grad(num_required, name)
        return rows.indices, rows.values, rows.dense_shape

    def take_indexed_slices_grad(self, num_required: Any, name: str | None = None) -> Any:
        """The mean of the rows, as an `tf.IndexedSlices`.

        Args:
            num_required: how many gradients there must be, an int32 scalar.
            name: name of the node.
        """
        return self._rows(num_required, name, padded=False)

    def _rows(self, num_required: Any, name: str | None, padded: bool) -> IndexedSlices:
        kind = nodes.SparseAccumulatorTakeGradient(self._dtype, self._shape, padded)
        indices, values, shape = self._node(kind, name, "TakeGradient", num_required).outputs
        return IndexedSlices(values, indices, shape)


def rows_for_update(accumulator: SparseConditionalAccumulator, num_required: Any) -> IndexedSlices:
    """As `take_indexed_slices_grad`, for an optimizer: filled up to a power of two with rows beyond the table.

    A compiled update is made anew for each number of rows; optimizers leave out rows that the table does not have.
    """
    return accumulator._rows(num_required, None, padded=True)  # pyright: ignore[reportPrivateUsage]  # of this file


def _floating(dtype: DTypeLike) -> DType:
    found = as_dtype(dtype)
    if not found.is_floating:
        raise DTypeError(f"an accumulator takes the mean of gradients, which are floating-point; {found.name} is not.")
    return found


def _step(step: Any) -> Tensor:
    return cast(step, int64)
