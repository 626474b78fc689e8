"""`tf.TensorArray`: a list of tensors of one shape that loops fill and read, element by element.

Every write returns a new array, which is the one to use from then on. As a loop variable of `tf.while_loop` it is what
collects the results of the steps:

Example:
    >>> import labkit as tf
    >>> squares = tf.TensorArray(tf.int32, size=5)
    >>> _, squares = tf.while_loop(
    ...     lambda i, ta: i < 5, lambda i, ta: (i + 1, ta.write(i, i * i)), (0, squares))
    >>> tf.Session().run(squares.stack())
    array([ 0,  1,  4,  9, 16], dtype=int32)

How it differs from TensorFlow's: an element may be read as often as one likes (`clear_after_read` has no meaning), one
that was never written is zero, and in a compiled loop an index outside of the array means the nearest element. The
elements of an array have one shape, because the array is one tensor.

Source: `tensorflow/python/ops/tensor_array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import DType, as_dtype, int32, string
from labkit.errors import DTypeError, InvalidArgumentError, LabkitError, ShapeError, UnimplementedError
from labkit.graph import Tensor, apply, get_default_graph, known_array, known_value
from labkit.ops.array import identity, reshape, shape
from labkit.ops.gathering import gather, scatter_nd
from labkit.ops.joining import concat
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_max
from labkit.ops.tensor_array_ops import TensorArrayReadV3, TensorArrayRows, TensorArrayV3, TensorArrayWriteV3
from labkit.shapes import TensorShape, as_shape, merge


class TensorArray:
    """An array of tensors of one dtype and shape, written and read by index.

    Args:
        dtype: dtype of the elements.
        size: how many elements; a number or a scalar tensor.
        dynamic_size: True lets the array grow when it is written past its end.
        clear_after_read: kept for TensorFlow's signature.
        tensor_array_name: kept for TensorFlow's signature.
        handle: kept for TensorFlow's signature.
        flow: the tensor (size, ...) that holds the elements; a new one if None.
        infer_shape: kept for TensorFlow's signature.
        element_shape: shape of an element, where it is known before the first write.
        name: name of the node.

    Raises:
        ValueError: if neither `size` nor `flow` is given.
        DTypeError: for strings.

    Example:
        >>> import labkit as tf
        >>> ta = tf.TensorArray(tf.float32, size=2).write(0, [1.0, 2.0]).write(1, [3.0, 4.0])
        >>> tf.Session().run(ta.read(1))
        array([3., 4.], dtype=float32)
    """

    def __init__(
        self, dtype: Any, size: Any = None, dynamic_size: bool | None = None, clear_after_read: bool | None = None,
        tensor_array_name: str | None = None, handle: Any = None, flow: Any = None, infer_shape: bool = True,
        element_shape: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        graph = get_default_graph()
        self._dtype = as_dtype(dtype)
        if self._dtype is string:
            raise DTypeError("a TensorArray holds numbers, not strings.", "indices into a tensor of the strings.")
        self._dynamic = bool(dynamic_size)
        given = flow if flow is not None else handle
        self._element_shape = as_shape(element_shape)
        if given is None:
            if size is None:
                raise ValueError("a TensorArray needs a size.\n  Try: tf.TensorArray(tf.float32, size=10).")
            rows = graph.as_tensor(size, int32)
            given = apply(TensorArrayV3(self._dtype, self._element_shape), rows, name=name or "TensorArray")
        self._flow: Tensor = graph.as_tensor(given, self._dtype)
        self._count: Tensor | None = _rows(self._flow) if self._dynamic and size is None else None
        if self._dynamic and size is not None:
            self._count = graph.as_tensor(size, int32)

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return self._dtype

    @property
    def flow(self) -> Tensor:
        """The tensor (rows, ...) that holds the elements."""
        return self._flow

    @property
    def handle(self) -> Tensor:
        """The same tensor; TensorFlow has the array's resource here."""
        return self._flow

    @property
    def element_shape(self) -> TensorShape:
        """What is known of the shape of an element."""
        known = self._flow.static_shape
        return TensorShape(self._element_shape if known is None else known[1:])

    def take_apart(self) -> tuple[list[Tensor], Any]:
        """What a loop hands on, and the function that makes an array of it again; see `labkit.ops.structure`."""
        parts = [self._flow] if self._count is None else [self._flow, self._count]

        def build(values: Sequence[Any]) -> TensorArray:
            return self._with(values[0], values[1] if len(parts) > 1 else None)

        return parts, build

    def _with(self, flow: Any, count: Any = None) -> TensorArray:
        """This array with another flow."""
        made = object.__new__(TensorArray)
        made._dtype, made._dynamic, made._element_shape = self._dtype, self._dynamic, self._element_shape
        made._flow, made._count = flow, count
        return made

    def identity(self) -> TensorArray:
        """The same array, after the operations of an open `tf.control_dependencies`."""
        return self._with(identity(self._flow), self._count)

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with `value` at `index`.

        Args:
            index: scalar integer.
            value: a tensor of the elements' dtype and shape.
            name: name of the node.

        Raises:
            ShapeError: if the shape is not that of the other elements.
            OutOfRangeError: if the index is known to lie outside.
        """
        graph = get_default_graph()
        at = graph.as_tensor(index, int32)
        element = graph.as_tensor(value, self._dtype)
        merge(self._element_shape, element.static_shape)
        if self._element_shape is not None:
            element.set_shape(self._element_shape)
        known: Any = known_value(at)
        rows = 0 if known is None or not self._dynamic else int(known) + 1
        self._check(known)
        flow = apply(TensorArrayWriteV3(rows, self._dynamic), self._flow, at, element, name=name or "TensorArrayWrite")
        count = None if self._count is None else maximum(self._count, cast(at, int32) + 1)
        return self._with(flow, count)

    def read(self, index: Any, name: str | None = None) -> Tensor:
        """The element at `index`, a scalar integer."""
        at = get_default_graph().as_tensor(index, int32)
        self._check(known_value(at))
        element = apply(TensorArrayReadV3(), self._flow, at, name=name or "TensorArrayRead")
        if self._element_shape is not None:
            element.set_shape(self._element_shape)
        return element

    def _check(self, index: int | None) -> None:
        rows = self._flow.static_shape[0] if self._flow.static_shape else None
        if rows is None and self._flow.op.type == "TensorArrayV3":
            rows = known_value(self._flow.op.inputs[0])
        too_large = rows is not None and not self._dynamic and index is not None and index >= rows
        if index is not None and (index < 0 or too_large):
            raise InvalidArgumentError(
                None, self._flow.op,
                f"index {index} lies outside of a TensorArray of {rows} elements.\n"
                "  Try: a larger size, or dynamic_size=True.",
            )  # fmt: skip

    def stack(self, name: str | None = None) -> Tensor:
        """All elements as one tensor (elements, ...)."""
        self._check_written()
        with get_default_graph().name_scope(name or "TensorArrayStack"):
            if self._count is not None:
                return apply(TensorArrayRows(), self._flow, self._count, name="TensorArrayRows")
            rows = identity(self._flow, "TensorArrayGatherV3")
            if self._element_shape is not None:
                rows.set_shape((None, *self._element_shape))
            return rows

    def _check_written(self) -> None:
        """Raises LabkitError if no element was ever written, though there should be some."""
        node = self._flow.op
        if node.type == "TensorArrayV3" and self._element_shape is None and (known_value(node.inputs[0]) or 0) > 0:
            raise LabkitError(
                f"no element was written to this TensorArray: {node.describe()}.",
                "ta = ta.write(i, x): write returns the array that holds the element, and leaves the old one as it is.",
            )

    pack = stack  # the name before TensorFlow 1.0

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        """The elements at `indices` (n,), as one tensor (n, ...)."""
        return gather(self._flow, indices, name=name or "TensorArrayGatherV3")

    def concat(self, name: str | None = None) -> Tensor:
        """All elements joined along their first axis: (elements * n, ...)."""
        with get_default_graph().name_scope(name or "TensorArrayConcat"):
            rows = self.stack()
            known = rows.static_shape
            if known is not None and len(known) < 2:
                raise ShapeError("concat joins elements along their first axis, and these are scalars.", "stack().")
            if known is not None and None not in known[2:]:
                return reshape(rows, [-1, *known[2:]])
            return reshape(rows, concat([[-1], shape(rows)[2:]], 0))

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The array with the rows of `value` (elements, ...) as its elements."""
        with get_default_graph().name_scope(name or "TensorArrayUnstack"):
            rows: Tensor = identity(get_default_graph().as_tensor(value, self._dtype), "TensorArrayScatterV3")
            if rows.static_shape == ():
                raise ShapeError("unstack takes a tensor with a first axis, not a scalar.")
            return self._with(rows, None if self._count is None else _rows(rows))

    unpack = unstack

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with row k of `value` (n, ...) at `indices[k]`; elements that are not named stay as they are."""
        with get_default_graph().name_scope(name or "TensorArrayScatter"):
            graph = get_default_graph()
            at, rows = graph.as_tensor(indices, int32), graph.as_tensor(value, self._dtype)
            known = known_array(at)
            if known is not None:
                array = self
                for position, index in enumerate(known.tolist()):
                    array = array.write(int(index), rows[position])
                return array
            if self._flow.op.type != "TensorArrayV3" and self._count is None:
                raise UnimplementedError(
                    None, None,
                    "scatter with indices that are computed works on a new TensorArray only.\n"
                    "  Try: scatter first and write after, or write in a loop.",
                )  # fmt: skip
            size = self.size() if self._count is None else maximum(self._count, reduce_max(at) + 1)
            flow = scatter_nd(reshape(at, [-1, 1]), rows, concat([reshape(size, [1]), shape(rows)[1:]], 0))
            return self._with(flow, None if self._count is None else size)

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """The array with pieces of `value` along its first axis as elements; `lengths` are equal constants here."""
        with get_default_graph().name_scope(name or "TensorArraySplit"):
            graph = get_default_graph()
            rows = graph.as_tensor(value, self._dtype)
            known = known_array(graph.as_tensor(lengths, int32))
            pieces = None if known is None else known.tolist()
            if pieces is None or len(set(pieces)) > 1:
                raise UnimplementedError(
                    None, None,
                    f"the elements of a TensorArray have one shape, so it can be split into equal pieces only, not "
                    f"{'lengths that are computed' if pieces is None else pieces}.\n"
                    "  Try: tf.split(value, lengths) for a Python list of tensors.",
                )  # fmt: skip
            inner = shape(rows)[1:]
            flow = reshape(rows, concat([[len(pieces), pieces[0] if pieces else 0], inner], 0))
            return self._with(flow, None if self._count is None else _rows(flow))

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements, a scalar int32."""
        if self._count is not None:
            return identity(self._count, name or "TensorArraySize")
        made = self._flow.op
        if made.type == "TensorArrayV3":
            return identity(made.inputs[0], name or "TensorArraySize")
        return _rows(self._flow, name)

    def grad(self, source: str, flow: Any = None, name: str | None = None) -> Any:
        """TensorFlow's array of gradients, which labkit does not need: `tf.gradients` passes through arrays.

        Raises:
            UnimplementedError: always.
        """
        raise UnimplementedError(
            None, None, "labkit keeps no array of gradients.\n  Try: tf.gradients(y, ta.flow), of the same shape."
        )

    def close(self, name: str | None = None) -> Any:
        """Nothing: an operation for programs that want one."""
        from labkit.ops.control_flow import no_op

        return no_op(name or "TensorArrayClose")

    def __repr__(self) -> str:
        return f"<tf.TensorArray of {self._dtype.name}, elements {self.element_shape}>"


def _rows(flow: Tensor, name: str | None = None) -> Tensor:
    return shape(flow, name or "TensorArraySize")[0]
