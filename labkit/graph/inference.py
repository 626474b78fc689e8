"""The default `Op.infer`: trace the kernel with symbols for the unknown sizes.

`jax.eval_shape` runs a kernel on shapes alone. An unknown size becomes a symbol of `jax.export`; a symbol that comes
out again as part of a size means "unknown". Each unknown size gets a symbol of its own, so where an op needs two
unknown sizes to be equal, JAX cannot decide and the answer is "unknown shape": such ops write their own `infer`.

Results are memoised by the graph (op, input specs), because graphs repeat themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.export
import numpy as np

from labkit.dtypes import as_dtype, string
from labkit.errors import LabkitError, ShapeError
from labkit.graph.op import Spec
from labkit.graph.strings import CODE
from labkit.nests import is_listed, listed

if TYPE_CHECKING:
    from labkit.graph.op import Op


def infer_by_tracing(op: Op, inputs: Sequence[Spec]) -> tuple[Spec, ...]:
    """The specs of the outputs of `op`.

    Raises:
        ShapeError: if the kernel refuses the shapes; the message is JAX's.
    """
    unknown = tuple(Spec(dtype, None) for dtype in op.output_dtypes(*inputs))
    scope = jax.export.SymbolicScope()
    arguments: list[Any] = []
    for position, spec in enumerate(inputs):
        if position in op.static_inputs:
            if not _is_known(spec.value):
                return unknown
            arguments.append(np.asarray(spec.value, spec.dtype.np_dtype))
        elif spec.shape is None:
            return unknown
        else:
            dtype = CODE if spec.dtype is string else spec.dtype.np_dtype
            arguments.append(jax.ShapeDtypeStruct(_symbolic(spec.shape, position, scope), dtype))
    traced = [argument for argument in arguments if isinstance(argument, jax.ShapeDtypeStruct)]

    def on_traced(*values: Any) -> Any:
        rest = iter(values)
        return op.kernel(*(next(rest) if isinstance(a, jax.ShapeDtypeStruct) else a for a in arguments))

    try:
        with jax.enable_x64(True):
            result = jax.eval_shape(on_traced, *traced)
    except LabkitError:
        raise
    except Exception as error:
        if any(spec.shape is not None and None in spec.shape for spec in inputs):
            return unknown
        raise ShapeError(f"{op.type} cannot take these inputs: {str(error).splitlines()[0]}") from None
    on_strings = any(spec.dtype is string for spec in inputs)
    return tuple(
        Spec(string if on_strings and out.dtype == CODE else as_dtype(out.dtype), _static(out.shape))
        for out in listed(result)
    )


def _is_known(value: Any) -> bool:
    return value is not None and (not is_listed(value) or all(_is_known(entry) for entry in value))


def _symbolic(shape: tuple[int | None, ...], position: int, scope: jax.export.SymbolicScope) -> tuple[Any, ...]:
    names = [f"d{position}_{axis}" if size is None else str(size) for axis, size in enumerate(shape)]
    return tuple(jax.export.symbolic_shape(", ".join(names), scope=scope)) if names else ()


def _static(shape: Sequence[Any]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)
