"""One node of a file as a node of a graph: its op with its fields, the subgraphs it holds.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     node_def = tf.NodeDef(name="n", op="NoOp")
    ...     NodeReader({}, lambda name: None).make(graph, node_def, [], "n")
    <tf.Operation 'n' type=NoOp>
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from labkit.errors import GraphError, LabkitError
from labkit.graph import OPS, Graph, Op, Operation, Tensor
from labkit.graph.subgraph import Body
from labkit.graphdef.alternatives import ALTERNATIVES
from labkit.graphdef.attributes import build, declared_types, decode
from labkit.graphdef.matching import FIELD_NAMES, bind, counts, places
from labkit.graphdef.signatures import MISSING, Signature, signature
from labkit.shapes import Shape, compatible
from labkit.tensor_messages import to_shape

Known = Callable[[str], Any]

_MAY_DIFFER = {
    "container", "shared_name", "use_cudnn_on_gpu", "use_locking", "parallel_iterations", "swap_memory", "Truncate",
    "grad_a", "grad_b", "output_shapes", "validate_indices", "output_types", "Tcond", "allowed_devices", "debug_name",
    "batch_dims", "T", "cardinality", "metadata", "lower_using_switch_merge",
}  # fmt: skip
"""Attributes of TensorFlow that labkit has no use for: they change no value."""


class NodeReader:
    """Makes nodes from `NodeDef`s.

    Args:
        functions: the file's library.
        known: the tensor or operation of a name in the file, if it was made already.
        open: the functions that are being read, to find circles.
    """

    def __init__(self, functions: dict[str, Any], known: Known, open: tuple[str, ...] = ()) -> None:
        self.functions = functions
        self.known = known
        self.open = open

    def make(self, graph: Graph, node: Any, inputs: list[Tensor], name: str) -> Operation:
        """Adds the node.

        Args:
            graph: where it goes.
            node: the `NodeDef`.
            inputs: its inputs.
            name: its full name, which is taken as it is.

        Raises:
            LabkitError: if it does not fit its op.
        """
        alternative = ALTERNATIVES.get(node.op)
        if alternative is not None and alternative.build is not None:
            self._check_counts(node, inputs)

            def place(kind: Op, given: Sequence[Tensor], suffix: str) -> Tensor:
                own = claimed(graph, f"{name}/{suffix}") if suffix else name
                return graph.apply_node(kind, given, f"{own}/").outputs[0]

            return alternative.build(place, inputs, node.attr).op
        op_type = node.op
        if alternative is not None:
            self._check_counts(node, inputs)
            op_type = alternative.op
            inputs = [inputs[i] for i in alternative.order(len(inputs))] if alternative.order else inputs
        kind = self._kind(op_type, node, inputs)
        _check_count(kind, inputs)
        made = graph.apply_node(kind, inputs, f"{name}/")
        _check_types(node, inputs, made)
        _add_shapes(node, made)
        return made

    def _check_counts(self, node: Any, inputs: Sequence[Tensor]) -> None:
        known = signature(node.op)
        if known is not None and len(inputs) != sum(counts(known.inputs, len(inputs), _numbers(node.attr))):
            raise GraphError(f"it takes {len(known.inputs)} input(s), and the file gives {len(inputs)}.")

    def _kind(self, op_type: str, node: Any, inputs: list[Tensor]) -> Op:
        """The op with its fields."""
        if op_type == "If" or (op_type == "While" and "cond" in node.attr):
            return self._functional(op_type, node, inputs)
        kind = OPS[op_type.removeprefix("Labkit") if op_type not in OPS else op_type]
        known = None if op_type.startswith("Labkit") else signature(op_type)
        values = self._values(kind, node.attr, inputs, known)
        _check_strangers(kind, node.attr, known or signature(node.op))
        return build(kind, values)

    def _values(self, kind: type[Op], attrs: Any, inputs: list[Tensor], known: Signature | None) -> dict[str, Any]:
        """The fields that the attributes give."""
        values: dict[str, Any] = {}
        declared = declared_types(kind)
        bound = None
        for name, text in declared.items():
            written = FIELD_NAMES.get((kind.type, name), name)
            written = written if written in attrs else f"_labkit_{name}"
            try:
                if name == "captured":
                    values[name] = self._captured(attrs, inputs)
                elif written in attrs and text == "Body":
                    values[name] = self._body(attrs[written].func.name, values, inputs, attrs)
                elif written in attrs and name == "of" and _holds_subgraphs(attrs[written].func):
                    values[name] = self._nested(attrs[written].func, inputs)
                elif written in attrs:
                    values[name] = decode(attrs[written], text)
                elif known is not None and name in known.attrs:
                    bound = bound or bind(known, known.inputs, [t.dtype for t in inputs], {}, all_of_them=True) or {}
                    default = known.attrs[name].default
                    if name in bound:
                        values[name] = bound[name]
                    elif default is not MISSING and default is not None:
                        values[name] = known.attrs[name].value()
            except LabkitError as error:
                raise GraphError(f"the attribute {written!r}: {error}") from None
        if {"seed", "seed2"} <= set(declared) and not values.get("seed") and not values.get("seed2"):
            values["seed"] = values["seed2"] = None  # TensorFlow's way to say that none was given
        if any(text.startswith("Counter") for text in declared.values()):
            values["counter"] = _counter(values, inputs)
        return values

    def _captured(self, attrs: Any, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        """The tensors that the subgraphs take from outside: the inputs after the op's own."""
        own = attrs["own"].i if "own" in attrs else 0
        if not 0 <= own <= len(inputs):
            raise GraphError(f"own is {own}, and there are {len(inputs)} inputs.")
        names = [name.decode("utf-8", "replace") for name in attrs["captured"].list.s] if "captured" in attrs else []
        given = inputs[own : own + len(names)] if names else inputs[own:]
        if len(given) < len(names):
            raise GraphError(f"it captures {len(names)} tensors, and there are {len(given)} inputs for them.")
        return tuple(given)

    def _nested(self, function: Any, inputs: list[Tensor]) -> Any:
        """The op with subgraphs whose gradient a node is."""
        attrs = function.attr
        forward = self.known(attrs["_node"].s.decode("utf-8", "replace")) if "_node" in attrs else None
        if isinstance(forward, Operation) and forward.type == function.name:
            return forward.kind
        kind = OPS.get(function.name)
        if kind is None:
            raise GraphError(f"it is the gradient of the op {function.name!r}, which labkit does not have.")
        given = list(inputs)
        if "captured" in attrs:
            own = attrs["own"].i if "own" in attrs else 0
            for position, name in enumerate(attrs["captured"].list.s):
                found = self.known(_with_index(name.decode("utf-8", "replace")))
                if isinstance(found, Tensor) and 0 <= own + position < len(given):
                    given[own + position] = found
        return build(kind, self._values(kind, attrs, given, None))

    def _functional(self, op_type: str, node: Any, inputs: list[Tensor]) -> Op:
        """TensorFlow's `If` or `While` as labkit's `Cond` or `While`."""
        attrs = node.attr
        _need(attrs, *(("then_branch", "else_branch") if op_type == "If" else ("cond", "body")))
        if op_type == "If":
            if not inputs:
                raise GraphError("it takes a bool as its first input, and it has no inputs.")
            captured = inputs[1:]
            branches = [
                self.body(attrs[which].func.name, captured, 0, [t.static_shape for t in captured])
                for which in ("then_branch", "else_branch")
            ]
            if [t.dtype for t in branches[0].outputs] != [t.dtype for t in branches[1].outputs]:
                raise GraphError("its branches give different dtypes.")
            return build(OPS["Cond"], {"true": branches[0], "false": branches[1], "captured": tuple(captured)})
        own = attrs["_labkit_own"].i if "_labkit_own" in attrs else len(inputs)
        if not 0 <= own <= len(inputs):
            raise GraphError(f"it has {own} loop variables, and {len(inputs)} inputs.")
        captured = inputs[own:]
        shapes = [t.static_shape for t in inputs]
        test = self.body(attrs["cond"].func.name, captured, own, shapes)
        step = self.body(attrs["body"].func.name, captured, own, shapes, keep=own)
        if [t.dtype.name for t in test.outputs] != ["bool"] or len(step.outputs) != own:
            raise GraphError("its condition must give one bool, and its body as many values as it takes.")
        values: dict[str, Any] = {"test": test, "body": step, "captured": tuple(captured), "own": own}
        for name, text in declared_types(OPS["While"]).items():
            if f"_labkit_{name}" in attrs and name not in values:
                values[name] = decode(attrs[f"_labkit_{name}"], text)
        if "counter" in declared_types(OPS["While"]):
            values["counter"] = _counter(values, inputs)
        return build(OPS["While"], values)

    def _body(self, name: str, values: dict[str, Any], inputs: list[Tensor], attrs: Any) -> Body:
        """A subgraph of an op in labkit's own form."""
        function = self._function(name)
        captured = self._captured(attrs, inputs)
        parameters = function.attr["_labkit_parameters"].i if "_labkit_parameters" in function.attr else 0
        return self.body(name, list(captured), parameters, [])

    def _function(self, name: str) -> Any:
        found = self.functions.get(name)
        if found is None:
            raise GraphError(f"the file has no function {name!r}.")
        return found

    def body(
        self, name: str, captured: Sequence[Tensor], parameters: int, shapes: Sequence[Shape], keep: int | None = None
    ) -> Body:
        """A function of the file as a subgraph.

        Args:
            name: the function.
            captured: what its arguments after the parameters are, as tensors of the graph around it.
            parameters: how many parameters it has.
            shapes: static shapes of the parameters, where the function says nothing.
            keep: how many of the outputs to keep; all if None.
        """
        from labkit.graphdef.functions import read_function

        function = self._function(name)
        if name in self.open:
            raise GraphError(f"the function {name!r} calls itself.")
        return read_function(self, function, captured, parameters, shapes, keep)


def claimed(graph: Graph, name: str) -> str:
    """A name that no node has, whatever scope is open; nodes made later keep away from it."""
    with graph.name_scope(None):
        return graph.unique_name(name)


def _with_index(name: str) -> str:
    return name if ":" in name else f"{name}:0"


def _holds_subgraphs(function: Any) -> bool:
    return "_node" in function.attr or "captured" in function.attr or (
        "of" in function.attr and _holds_subgraphs(function.attr["of"].func)
    )  # fmt: skip


def _need(attrs: Any, *names: str) -> None:
    for name in names:
        if name not in attrs or not attrs[name].func.name:
            raise GraphError(f"the attribute {name!r}, which names a function, is missing.")


def _counter(values: dict[str, Any], inputs: list[Tensor]) -> Any:
    """What bounds a loop, found again."""
    from labkit.ops.loop_bounds import counter_of

    return counter_of(values["test"], values["body"], inputs[: values["own"]])


def _check_count(kind: Op, inputs: Sequence[Tensor]) -> None:
    least = len(kind.arg_rules) - (1 if kind.variadic >= 0 else 0)
    if len(inputs) < least or (kind.variadic < 0 and len(inputs) > least):
        more = "at least " if kind.variadic >= 0 else ""
        names = ", ".join(name for name, _ in kind.arg_rules)
        raise GraphError(f"it takes {more}{least} input(s) ({names}), and the file gives {len(inputs)}.")


def _check_strangers(kind: type[Op], attrs: Any, known: Signature | None) -> None:
    """Attributes that labkit does not have must be what they are by default."""
    fields = {FIELD_NAMES.get((kind.type, name), name) for name in declared_types(kind)}
    for name in attrs:
        if name.startswith("_") or name in fields:
            continue
        if known is None:
            raise GraphError(f"it has the attribute {name!r}, which {kind.type} does not have.")
        if name in known.tied() or name in _MAY_DIFFER or name not in known.attrs:
            continue
        default = known.attrs[name].default
        if default is MISSING and known.attrs[name].kind in ("type", "shape", "tensor", "list(type)", "list(shape)"):
            continue  # said once more by the inputs
        value = decode(attrs[name])
        same = value == known.attrs[name].value()
        if not same and value is not None and set(map(str, _listed(value))) - {"1", "0", "False"}:
            raise GraphError(f"labkit has {kind.type} only with {name} = {default!r}, and the file says {value!r}.")


def _listed(value: Any) -> Sequence[Any]:
    return cast("Any", value) if isinstance(value, tuple) else (value,)


def _numbers(attrs: Any) -> dict[str, Any]:
    """The attributes that say how many inputs or outputs there are, or of which dtypes."""
    result: dict[str, Any] = {}
    for name in attrs:
        which = attrs[name].WhichOneof("value")
        if which in ("i", "type") or (which == "list" and attrs[name].list.type):
            result[name] = decode(attrs[name])
    return result


def _check_types(node: Any, inputs: Sequence[Tensor], made: Operation) -> None:
    """The dtypes that the file gives must be those of the inputs."""
    known = signature(node.op)
    if known is None or (made.kind.ref_inputs and made.type != node.op):
        return
    for argument, (at, count) in zip(known.inputs, _ranges(known, node, len(inputs)), strict=True):
        for tensor in inputs[at : at + count]:
            if argument.kind in node.attr and not argument.listed and node.attr[argument.kind].type:
                said = node.attr[argument.kind].type
                if said % 100 != tensor.dtype.as_datatype_enum and tensor.dtype.name != "resource":
                    raise GraphError(
                        f"the attribute {argument.kind!r} says dtype {said}, and its input {argument.name!r} is "
                        f"{tensor.dtype.name} ({tensor.dtype.as_datatype_enum})."
                    )


def _ranges(known: Signature, node: Any, total: int) -> list[tuple[int, int]]:
    at, result = 0, list[tuple[int, int]]()
    for count in counts(known.inputs, total, _numbers(node.attr)):
        result.append((at, count))
        at += count
    return result


def _add_shapes(node: Any, made: Operation) -> None:
    """The static shapes that the file adds."""
    if "_output_shapes" not in node.attr:
        return
    for tensor, proto in zip(made.outputs, node.attr["_output_shapes"].list.shape, strict=False):
        shape = to_shape(proto)
        if not compatible(tensor.static_shape, shape):
            raise GraphError(f"the file says that {tensor.name} has shape {shape}, and it has {tensor.static_shape}.")
        tensor.set_shape(shape)


def flat_position(node: Any, argument: str, index: int) -> int:
    """The number of the output that functions name `node:argument:index`."""
    known = signature(node.op)
    if known is not None:
        for name, first, count in places(known, 1_000_000, _numbers(node.attr)):
            if name == argument and index < max(count, 1):
                return first + index
    if argument != "output":
        raise GraphError(f"{node.op} has no output {argument!r}.")
    return index
