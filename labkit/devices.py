"""Device names: `/job:worker/replica:0/task:3/device:GPU:1`.

A device *name* says where a node should run; it is not a machine and not a JAX device. A `DeviceSpec` parses, prints
and merges names as TensorFlow does: every part is optional, an inner `tf.device` scope wins part by part, and the old
spellings `/cpu:0` and `/gpu:0` are accepted.

Example:
    >>> outer, inner = DeviceSpec.from_string("/job:ps/cpu:0"), DeviceSpec.from_string("/task:3")
    >>> outer.merged_with(inner).to_string()
    '/job:ps/task:3/device:CPU:0'

Source: `tensorflow/python/framework/device.py` (1.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from labkit.errors import LabkitError


class DeviceNameError(LabkitError, ValueError):
    """A device name that does not parse."""


_JOB = re.compile(r"[a-zA-Z][_a-zA-Z0-9]*\Z")


@dataclass(frozen=True)
class DeviceSpec:
    """A device name, taken apart; None stands for a part that is not said.

    Args:
        job: name of the job, such as "worker".
        replica: number of the replica.
        task: number of the task in its job.
        device_type: "CPU", "GPU", "TPU", as written.
        device_index: number of the device of that type.

    Example:
        >>> import labkit as tf
        >>> tf.DeviceSpec(job="worker", task=17, device_type="gpu", device_index=3).to_string()
        '/job:worker/task:17/device:gpu:3'
    """

    job: str | None = None
    replica: int | None = None
    task: int | None = None
    device_type: str | None = None
    device_index: int | None = None

    @staticmethod
    def from_string(text: str) -> DeviceSpec:
        """Parses a device name.

        Raises:
            DeviceNameError: if a part is unknown, malformed, or there are two device types.
        """
        parts: dict[str, str | int] = {}
        for part in text.split("/"):
            if not part:
                continue
            key, _, rest = part.partition(":")
            if key == "job" and _JOB.match(rest):
                parts["job"] = rest
            elif key in ("replica", "task") and rest.isdigit():
                parts[key] = int(rest)
            elif key == "device" and rest:
                device_type, _, index = rest.partition(":")
                _add_device(parts, device_type, index, text)
            elif key.lower() in ("cpu", "gpu", "tpu"):
                _add_device(parts, key.upper(), rest, text)
            else:
                raise DeviceNameError(
                    f"unknown attribute {part!r} in device name {text!r}. A name looks like "
                    f"/job:worker/replica:0/task:3/device:GPU:1; every part may be left out."
                )
        return DeviceSpec(**parts)  # pyright: ignore[reportArgumentType]  # checked part by part above

    def to_string(self) -> str:
        """The name, in TensorFlow's order; a type without a number prints `:*`."""
        text = "" if self.job is None else f"/job:{self.job}"
        text += "" if self.replica is None else f"/replica:{self.replica}"
        text += "" if self.task is None else f"/task:{self.task}"
        if self.device_type is not None:
            text += f"/device:{self.device_type}:{'*' if self.device_index is None else self.device_index}"
        return text

    def merged_with(self, inner: DeviceSpec) -> DeviceSpec:
        """This name, with every part that `inner` says taken from `inner`."""
        said = {field.name: getattr(inner, field.name) for field in fields(inner)}
        return replace(self, **{name: value for name, value in said.items() if value is not None})


def _add_device(parts: dict[str, str | int], device_type: str, index: str, text: str) -> None:
    if "device_type" in parts:
        raise DeviceNameError(f"cannot specify multiple device types: {text!r}.")
    parts["device_type"] = device_type
    if index.isdigit():
        parts["device_index"] = int(index)
    elif index not in ("", "*"):
        raise DeviceNameError(f"the device number {index!r} in {text!r} must be a whole number or *.")


def canonical_name(device: str) -> str:
    """A device name in TensorFlow's standard spelling: `/gpu:0` becomes `/device:GPU:0`."""
    return DeviceSpec.from_string(device).to_string() if device else ""
