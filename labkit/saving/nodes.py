"""The nodes that a `Saver` adds to the graph, with TensorFlow's names.

    save/Const                       the name of the checkpoint; `Saver.save` and `restore` feed it
    save/SaveV2                      writes all variables
    save/control_dependency          the name again, after the writing
    save/RestoreV2, save/Assign      for each variable (then RestoreV2_1, Assign_1, ...), in the order of their names
    save/restore_all                 after all of them

Source: `BaseSaverBuilder` of `tensorflow/python/training/saver.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from labkit.errors import DTypeError, GraphError
from labkit.graph import Graph, Operation, Tensor, constant_value
from labkit.nests import is_listed
from labkit.ops.array import identity, reshape
from labkit.ops.checkpointing import restore_v2, save_v2
from labkit.ops.control_flow import group
from labkit.ops.source import constant
from labkit.ops.state import assign


class SaverNodes(NamedTuple):
    """The names by which a Saver finds its nodes: two tensors and an operation."""

    filename: str
    save: str
    restore: str


class Restored(NamedTuple):
    """A variable, the name under which a checkpoint has it, and whether its shape may differ."""

    name: str
    variable: Tensor
    reshapes: bool


def named_references(var_list: Any) -> dict[str, Tensor]:
    """The references of variables, by the name under which each is stored.

    Args:
        var_list: a list of variables, or a dictionary from name to variable.

    Raises:
        DTypeError: if something in it is no variable.
        GraphError: if two have one name.
    """
    if isinstance(var_list, Mapping):
        given = cast("Mapping[Any, Any]", var_list)
        wrong = [key for key in given if not isinstance(key, str)]
        if wrong:
            raise DTypeError(f"the keys of var_list are the names in the checkpoint, not {wrong[0]!r}.")
        pairs = [(str(key), _reference(variable)) for key, variable in given.items()]
    elif is_listed(var_list) or isinstance(var_list, (set, frozenset)):
        pairs = [(ref.op.name, ref) for ref in map(_reference, cast("Any", var_list))]
    else:
        raise DTypeError(
            f"var_list is a list of variables or a dictionary from name to variable, not {var_list!r}.\n"
            "  Try: tf.train.Saver([variable])."
        )
    named: dict[str, Tensor] = {}
    for name, ref in sorted(pairs, key=lambda pair: pair[0]):
        if name in named and named[name] is not ref:
            raise GraphError(f"two variables would be stored under the name {name!r}.")
        named[name] = ref
    return named


def _reference(variable: Any) -> Tensor:
    ref = getattr(variable, "ref", variable)
    if isinstance(ref, Tensor) and ref.op.type == "Identity" and ref.op.inputs[0].op.kind.is_ref:
        ref = ref.op.inputs[0]  # the value of a variable stands for it
    if not isinstance(ref, Tensor) or not ref.op.kind.is_ref:
        advice = " Give tf.train.Saver a list of variables." if isinstance(variable, str) else ""
        raise DTypeError(f"only variables can be saved, and {variable!r} is none.{advice}")
    return ref


def add_nodes(
    graph: Graph, references: Mapping[str, Tensor], name: str, filename: str, reshapes: bool, in_order: bool
) -> SaverNodes:
    """Adds the nodes.

    Args:
        graph: the graph of the variables.
        references: references of variables, by the name to store them under.
        name: the scope of the nodes.
        filename: what `save/Const` is while it is not fed.
        reshapes: gives what is restored the shape of the variable.
        in_order: restores one variable after another.
    """
    with graph.as_default(), graph.name_scope(name), graph.control_dependencies(None):
        path = constant(filename, name="Const")
        listed = list(references)
        with graph.name_scope("SaveV2") as scope:
            pass
        saved = save_v2(path, listed, [""] * len(listed), list(references.values()), name=scope)
        with graph.control_dependencies([saved]):
            result = identity(path, name="control_dependency")
        assigned: list[Operation] = []
        for key, ref in references.items():
            with graph.control_dependencies(assigned[-1:] if in_order else []):
                value = restore_v2(path, [key], [""], [ref.dtype])[0]
            known = ref.static_shape is not None and None not in ref.static_shape
            if reshapes and known:
                value = reshape(value, list(ref.static_shape or ()))
            with graph.colocate_with(ref.op):
                assigned.append(assign(ref, value, validate_shape=known, name="Assign").op)
        restored = group(*assigned, name="restore_all")
    return SaverNodes(path.name, result.name, restored.name)


def restored_variables(graph: Graph, restore: str) -> list[Restored]:
    """What the operation named `restore` restores, found in the graph itself; empty where it is built otherwise."""
    found: list[Restored] = []
    seen: set[Operation] = set()
    stack = list(graph.get_operation_by_name(restore).control_inputs)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.type != "Assign":
            stack.extend(node.control_inputs)
            continue
        value, reshapes = node.inputs[1], False
        if value.op.type == "Reshape":
            value, reshapes = value.op.inputs[0], True
        names = constant_value(value.op.inputs[1]) if value.op.type == "RestoreV2" else None
        if names is not None:
            found.append(Restored(names[value.value_index].decode(), node.inputs[0], reshapes))
    return sorted(found, key=lambda each: each.name)
