"""The devices of this process: JAX's, under TensorFlow's names.

A device *name* in a program says where a node should run; these are the devices that there really are: those of the
platform that JAX prefers (GPUs, TPUs), and the CPU beside them. A process has one CPU device unless JAX is told
otherwise, before it is used first:

    jax.config.update("jax_num_cpu_devices", 4)

Example:
    >>> device_names()[0].startswith("/job:localhost/replica:0/task:0/device:")
    True

Source: the text of the mapping is that of `tensorflow/core/common_runtime/direct_session.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import jax

if TYPE_CHECKING:
    from labkit.graph import Operation

_TASK = "/job:localhost/replica:0/task:0/device:"
CPU = _TASK + "CPU:0"
"""The name of the device on which Python runs."""


def local_devices() -> dict[str, Any]:
    """The JAX devices of this process by their names; first those of the platform that JAX prefers.

    Example:
        >>> list(local_devices()) == device_names()
        True
    """
    found = list(_devices())
    if all(device.platform != "cpu" for device in found):
        found += _cpus()
    counts: dict[str, int] = {}
    named: dict[str, Any] = {}
    for device in found:
        kind = device.platform.upper()
        named[f"{_TASK}{kind}:{counts.setdefault(kind, 0)}"] = device
        counts[kind] += 1
    return named


def device_names() -> list[str]:
    """The names of JAX's devices in this process, such as "/job:localhost/replica:0/task:0/device:CPU:0"."""
    return list(local_devices())


def device_of(node: Operation) -> str:
    """The name of the device of this process that runs `node` where no other was chosen for it."""
    return CPU if node.kind.host else device_names()[0]


def device_mapping(stand_ins: Mapping[str, str] | None = None) -> str:
    """What stands behind the names of devices: the lines that TensorFlow prints before a placement.

    Args:
        stand_ins: by names that a program asks for and this process lacks, the names of what stands in for them.

    Example:
        >>> print(device_mapping({"/device:GPU:7": "/device:CPU:1"}).splitlines()[-1])
        /device:GPU:7 -> stood in for by /device:CPU:1
    """
    devices = local_devices()
    known = [f"{n} -> device: {d.id}, name: {d.device_kind}" for n, d in devices.items() if d.platform != "cpu"]
    known += [f"{name} -> stood in for by {device}" for name, device in (stand_ins or {}).items()]
    return "\n".join(["Device mapping:", *known]) if known else "Device mapping: no known devices."


def _devices() -> list[Any]:
    return cast("Any", jax).local_devices()


def _cpus() -> list[Any]:
    """JAX's CPU devices beside its accelerators; none where JAX is told to do without (JAX_PLATFORMS=cuda)."""
    try:
        return cast("Any", jax).local_devices(backend="cpu")
    except RuntimeError:
        return []
