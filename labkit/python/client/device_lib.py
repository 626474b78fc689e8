"""`tf.python.client.device_lib`, from which programs take `list_local_devices`.

Example:
    >>> from labkit.python.client import device_lib
    >>> [device.name for device in device_lib.list_local_devices()][0]
    '/device:CPU:0'

Source: `tensorflow/python/client/device_lib.py`, `tensorflow/core/framework/device_attributes.proto` (1.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.local_devices import local_devices

__all__ = ["DeviceAttributes", "list_local_devices"]


@dataclass(frozen=True)
class DeviceAttributes:
    """A device: TensorFlow's message as a plain object.

    Args:
        name: its name in this process, such as "/device:GPU:0".
        device_type: "CPU", "GPU" or "TPU".
        memory_limit: bytes that JAX may use of its memory; 0 where JAX does not say.
        physical_device_desc: what it is.
        incarnation: kept for TensorFlow's sake.
    """

    name: str
    device_type: str
    memory_limit: int = 0
    physical_device_desc: str = ""
    incarnation: int = 0


def list_local_devices(session_config: Any = None) -> list[DeviceAttributes]:
    """The devices of this process, the CPUs first, as TensorFlow lists them.

    Args:
        session_config: kept for TensorFlow's signature.
    """
    found = [_attributes(name, device) for name, device in local_devices().items()]
    return sorted(found, key=lambda device: device.device_type != "CPU")


def _attributes(name: str, device: Any) -> DeviceAttributes:
    short = "/device:" + name.partition("/device:")[2]
    kind = device.platform.upper()
    stats: dict[str, int] = {} if kind == "CPU" else device.memory_stats() or {}
    about = "" if kind == "CPU" else f"device: {device.id}, name: {device.device_kind}"
    return DeviceAttributes(short, kind, stats.get("bytes_limit", 0), about)
