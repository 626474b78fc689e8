"""The devices of this process: JAX's, under TensorFlow's names.

A device *name* in a program says where a node should run; these are the devices that there really are. A session runs
what JAX compiles on the first of them, and what runs in Python on the CPU.

Example:
    >>> device_names()[0].startswith("/job:localhost/replica:0/task:0/device:")
    True

Source: the text of the mapping is that of `tensorflow/core/common_runtime/direct_session.cc` (1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import jax

if TYPE_CHECKING:
    from labkit.graph import Operation

_TASK = "/job:localhost/replica:0/task:0/device:"


def device_names() -> list[str]:
    """The names of JAX's devices in this process, such as "/job:localhost/replica:0/task:0/device:CPU:0"."""
    return [_name(device) for device in _devices()]


def device_of(node: Operation) -> str:
    """The name of the device of this process that runs `node`."""
    return _TASK + "CPU:0" if node.kind.host else _name(_devices()[0])


def device_mapping() -> str:
    """What stands behind the names of accelerators: the lines that TensorFlow prints before a placement.

    Example:
        >>> device_mapping().startswith("Device mapping:")
        True
    """
    known = [f"{_name(d)} -> device: {d.id}, name: {d.device_kind}" for d in _devices() if d.platform != "cpu"]
    return "\n".join(["Device mapping:", *known]) if known else "Device mapping: no known devices."


def _devices() -> list[Any]:
    return cast("Any", jax).local_devices()


def _name(device: Any) -> str:
    """A JAX device in TensorFlow's spelling."""
    return f"{_TASK}{device.platform.upper()}:{device.id}"
