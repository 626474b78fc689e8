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
from dataclasses import dataclass, replace
from typing import Any

from labkit.errors import LabkitError


class DeviceNameError(LabkitError, ValueError):
    """A device name that does not parse."""


_JOB = re.compile(r"[a-zA-Z][_a-zA-Z0-9]*\Z")
_PARTS = ("job", "replica", "task", "device_type", "device_index")


@dataclass
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
        >>> spec = tf.DeviceSpec(job="worker", task=17, device_type="gpu", device_index=3)
        >>> spec.to_string()
        '/job:worker/task:17/device:gpu:3'
        >>> spec.merge_from(tf.DeviceSpec.from_string("/task:2"))
        >>> spec.task, spec.device_index
        (2, 3)
    """

    job: str | None = None
    replica: int | None = None
    task: int | None = None
    device_type: str | None = None
    device_index: int | None = None

    def __post_init__(self) -> None:
        for part in ("replica", "task", "device_index"):
            value = getattr(self, part)
            if value is not None:
                setattr(self, part, _number(value, part))

    @staticmethod
    def from_string(text: str) -> DeviceSpec:
        """Parses a device name.

        Raises:
            DeviceNameError: if a part is unknown, malformed, or there are two device types.
        """
        found: Any = text
        if not isinstance(found, str):
            raise DeviceNameError(f"a device name is a string such as '/job:worker/device:GPU:1', not {found!r}.")
        parts: dict[str, str | int] = {}
        for part in text.split("/"):
            if not part:
                continue
            key, _, rest = part.partition(":")
            if key == "job" and _JOB.match(rest):
                parts["job"] = rest
            elif key in ("replica", "task") and rest.isdecimal():
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

    def parse_from_string(self, spec: str) -> DeviceSpec:
        """Becomes what the name `spec` says, and returns itself.

        Raises:
            DeviceNameError: as `from_string` does; nothing is changed then.
        """
        parsed = DeviceSpec.from_string(spec)
        for part in _PARTS:
            setattr(self, part, getattr(parsed, part))
        return self

    def to_string(self) -> str:
        """The name, in TensorFlow's order; a type without a number prints `:*`."""
        text = "" if self.job is None else f"/job:{self.job}"
        text += "" if self.replica is None else f"/replica:{self.replica}"
        text += "" if self.task is None else f"/task:{self.task}"
        if self.device_type is not None:
            text += f"/device:{self.device_type}:{'*' if self.device_index is None else self.device_index}"
        return text

    def merge_from(self, dev: DeviceSpec) -> None:
        """Takes from `dev` every part that it says."""
        for part in _PARTS:
            value = getattr(dev, part)
            if value is not None:
                setattr(self, part, value)

    def merged_with(self, inner: DeviceSpec) -> DeviceSpec:
        """This name, with every part that `inner` says taken from `inner`."""
        merged = replace(self)
        merged.merge_from(inner)
        return merged

    def matches(self, other: DeviceSpec) -> bool:
        """True if `other` says the same wherever this name says something: TensorFlow's `IsSpecification`.

        GPU and gpu are one type: names are printed as they were written and compared without regard to case.

        Example:
            >>> import labkit as tf
            >>> asked = tf.DeviceSpec.from_string("/job:worker/gpu:1")
            >>> asked.matches(tf.DeviceSpec.from_string("/job:worker/replica:0/task:3/device:GPU:1"))
            True
        """
        return all(
            said is None or said == found for said, found in zip(self.comparable(), other.comparable(), strict=True)
        )

    def is_compatible_with(self, other: DeviceSpec) -> bool:
        """True if one of the two matches the other: TensorFlow's `AreCompatibleDevNames`."""
        return self.matches(other) or other.matches(self)

    def comparable(self) -> tuple[str | int | None, ...]:
        """The parts, with the type in capitals."""
        kind = None if self.device_type is None else self.device_type.upper()
        return self.job, self.replica, self.task, kind, self.device_index


def merge_names(asked: DeviceSpec, other: DeviceSpec, soft: bool = False) -> DeviceSpec:
    """What both names ask for together: TensorFlow's `MergeDevNames`, for ops that must share a device.

    Args:
        asked: one name.
        other: the other name.
        soft: True forgets type and number where they contradict each other.

    Raises:
        DeviceNameError: if the two contradict each other.

    Example:
        >>> job, gpu = DeviceSpec.from_string("/job:ps"), DeviceSpec.from_string("/gpu:1")
        >>> merge_names(job, gpu).to_string()
        '/job:ps/device:GPU:1'
        >>> merge_names(gpu, DeviceSpec.from_string("/cpu:0"), soft=True).to_string()
        ''
    """
    merged = other.merged_with(asked)
    pairs = zip(_PARTS, asked.comparable(), other.comparable(), strict=True)
    for part, mine, theirs in pairs:
        if mine is None or theirs is None or mine == theirs:
            continue
        if not soft or not part.startswith("device"):
            raise DeviceNameError(
                f"cannot merge devices with incompatible {_PLURALS[part]}: {asked.to_string()!r} and "
                f"{other.to_string()!r}."
            )
        merged.device_index = None
        if part == "device_type":
            merged.device_type = None
            break
    return merged


_PLURALS = {
    "job": "jobs", "replica": "replicas", "task": "tasks", "device_type": "types", "device_index": "ids",
}  # fmt: skip


def _number(value: Any, part: str) -> int:
    """A part that counts, as TensorFlow takes it: 3 or "3"."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise DeviceNameError(f"{part} of a device name must be a whole number from 0 on, not {value!r}.")
    return number


def _add_device(parts: dict[str, str | int], device_type: str, index: str, text: str) -> None:
    if "device_type" in parts:
        raise DeviceNameError(f"cannot specify multiple device types: {text!r}.")
    parts["device_type"] = device_type
    if index.isdecimal():
        parts["device_index"] = int(index)
    elif index not in ("", "*"):
        raise DeviceNameError(f"the device number {index!r} in {text!r} must be a whole number or *.")


def canonical_name(device: str) -> str:
    """A device name in TensorFlow's standard spelling: `/gpu:0` becomes `/device:GPU:0`."""
    return DeviceSpec.from_string(device).to_string() if device else ""
