"""The words of a placer: why an op is where it is, and what is wrong if it can be nowhere.

Example:
    >>> import labkit as tf
    >>> with tf.device("/job:worker"), tf.device("/gpu:1"):
    ...     x = tf.constant(1.0)
    >>> asked_text(x.op).split(" and ")[0].partition(" asked ")[2]
    'for /gpu:1'
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from labkit.devices import DeviceSpec
from labkit.errors import InvalidArgumentError
from labkit.graph import Operation

_HOW = {
    "takes": "which it takes",
    "updates": "which it updates",
    "uses": "whose state it uses",
}


def asked_text(node: Operation) -> str:
    """Which lines asked for the device of a node: of several blocks those that said something that counts."""
    said = DeviceSpec()
    found: list[str] = []
    for request in node.device_requests:  # innermost first
        more = DeviceSpec.from_string(request.asked).merged_with(said)
        if more != said:
            found.append(f"{os.path.basename(request.site.where())} asked for {request.asked}")
        said = more
    return " and ".join(found) or f"{node.name!r} asks for {node.device}"


def asked_lines(node: Operation) -> list[str]:
    """For errors: the lines of the program that asked for the device of a node."""
    found = [f"  {node.name!r}: {request.asked} asked for at {request.site.text()}" for request in node.device_requests]
    return found or ([f"  {node.name!r} asks for {node.device}"] if node.device else [])


def colocated_text(node: Operation, leader: Operation, link: tuple[Operation, str] | None) -> str:
    """Why a node is where the others of its group are.

    Args:
        node: the node.
        leader: the member of the group whose request decided.
        link: the op that it goes with and how the two belong together, or None if others go with it.
    """
    if link is None:
        why = asked_text(leader) if leader.device else "they share state"
        return f"placed with `{leader.name}`, which must be where it is: {why}"
    other, how = link
    if how == "colocate_with":
        return f"placed with `{other.name}`: {os.path.basename(node.site.where())} is inside colocate_with"
    return f"placed with `{other.name}`, {_HOW[how]}"


def placement_error(
    nodes: Sequence[Operation], message: str, advice: str, asked: Sequence[str] | None = None
) -> InvalidArgumentError:
    """An error that names the ops, the lines that made them and the lines that asked for their devices.

    Args:
        nodes: the ops that it is about.
        message: what is wrong.
        advice: what to do.
        asked: the lines that asked; those of `nodes` if None.
    """
    error = InvalidArgumentError(None, nodes[0], f"{message}\n  Try: {advice}")
    lines = asked if asked is not None else [line for node in nodes for line in asked_lines(node)]
    error.explain([*(f"  in {node.describe()}" for node in nodes), *dict.fromkeys(lines)])
    return error
