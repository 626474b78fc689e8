"""Kinds of devices: how fast each computes, how much it remembers, how fast it reads what it remembers.

Each kind carries the source of its figures. *Peak* rates are what the maker promises, or cores x clock x operations a
cycle where the maker promises nothing; real programs stay below. The *launch overhead*, the time from one op to the
next when there is nothing to compute, is on no data sheet: CPUs have that of TensorFlow's executor (2,000,000 empty ops
a second, OSDI 2016); the others are **assumptions**, right in their order of magnitude, and say so.

Example:
    >>> k40 = device_kind("k40")
    >>> k40.rate("float32"), k40.bytes_per_second, k40.memory_bytes
    (4290000000000.0, 288000000000.0, 12000000000.0)
    >>> print(k40.source)
    NVIDIA, Tesla K40 data sheet, 2013, base clock; launch overhead assumed.

What this is not: a model of caches, of warps or of a systolic array; `labkit.cluster.roofline` makes one time of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from labkit.cluster.errors import ClusterError, checked_number, unknown
from labkit.nests import is_mapping

_WIDER = {
    "bool": "uint8", "uint8": "int8", "int8": "int16", "uint16": "int16", "int16": "int32", "uint32": "int32",
    "int32": "float32", "bfloat16": "float32", "float16": "float32", "complex64": "float32", "uint64": "int64",
    "int64": "float64", "complex128": "float64",
}  # fmt: skip
"""What a dtype is computed as where a device has no unit of its own for it."""

_EXECUTOR_SECONDS = 0.5e-6  # 2,000,000 empty ops a second: TensorFlow (OSDI 2016), section 5


@dataclass(frozen=True)
class DeviceKind:
    """A kind of device.

    Args:
        name: its name in cluster files.
        title: what people call it.
        peak: operations a second by dtype; a multiplication with an addition is two.
        memory_bytes: size of its memory.
        bytes_per_second: how fast it reads or writes its memory.
        launch_seconds: from one op to the next, when there is nothing to compute.
        source: where the figures come from.
        type: the device type that stands in device names: "CPU", "GPU", "TPU".

    Raises:
        ClusterError: if a figure is not above zero, or no dtype has a rate.

    Example:
        >>> DeviceKind("toy", "a toy", {"float32": 1e6}, 1024, 1e6, 0.0, "invented").rate("float16")
        1000000.0
    """

    name: str
    title: str
    peak: Mapping[str, float]
    memory_bytes: float
    bytes_per_second: float
    launch_seconds: float
    source: str
    type: str = "CPU"

    def __post_init__(self) -> None:
        of = f"of the kind {self.name!r}"
        if not self.peak:
            raise ClusterError(f"the kind {self.name!r} computes in no dtype: peak is empty.")
        for dtype, rate in self.peak.items():
            checked_number(rate, f"the {dtype} rate {of}", "operations/s")
        checked_number(self.memory_bytes, f"the memory {of}", "bytes")
        checked_number(self.bytes_per_second, f"the memory bandwidth {of}", "bytes/s")
        checked_number(self.launch_seconds, f"the launch overhead {of}", "seconds", zero=True)
        object.__setattr__(self, "peak", MappingProxyType(dict(self.peak)))

    def __hash__(self) -> int:  # the mapping has none
        return hash((self.name, self.memory_bytes, self.bytes_per_second))

    def as_dict(self) -> dict[str, Any]:
        """Its figures, as a cluster file holds them; the name is the key there."""
        return {
            "title": self.title, "peak": dict(self.peak), "memory_bytes": self.memory_bytes,
            "bytes_per_second": self.bytes_per_second, "launch_seconds": self.launch_seconds, "source": self.source,
            "type": self.type,
        }  # fmt: skip

    @staticmethod
    def from_dict(name: str, data: Any) -> DeviceKind:
        """The kind that `as_dict` described.

        Raises:
            ClusterError: if a figure is missing, is no number, or cannot be.

        Example:
            >>> toy = DeviceKind("toy", "a toy", {"float32": 1e6}, 1024, 1e6, 0.0, "invented")
            >>> DeviceKind.from_dict("toy", toy.as_dict()) == toy
            True
        """
        keys = ("title", "peak", "memory_bytes", "bytes_per_second", "launch_seconds", "source", "type")
        if not is_mapping(data):
            raise ClusterError(f"the kind of device {name!r} must be an object {{...}}, not {data!r}.")
        missing = [key for key in keys if key not in data]
        if missing:
            raise ClusterError(f"the kind of device {name!r} lacks {missing[0]!r}.")
        spoken = next((key for key in ("title", "source", "type") if not isinstance(data[key], str)), None)
        if spoken is not None:
            raise ClusterError(f"the {spoken} of the kind {name!r} is {data[spoken]!r}; it must be a text.")
        if not is_mapping(data["peak"]):
            raise ClusterError(
                f"the peak rates of the kind {name!r} are {data['peak']!r}; they must be rates by dtype."
            )
        return DeviceKind(name, **{key: data[key] for key in keys})

    def computes_as(self, dtype: Any) -> str | None:
        """The dtype whose unit computes `dtype` here; None if there is none.

        Example:
            >>> device_kind("k40").computes_as("float16"), device_kind("tpu_v1").computes_as("float32")
            ('float32', None)
        """
        name: str | None = str(getattr(dtype, "name", dtype))
        while name is not None and name not in self.peak:
            name = _WIDER.get(name)
        return name

    def rate(self, dtype: Any = "float32") -> float:
        """Peak operations a second in a dtype.

        Args:
            dtype: a dtype or its name. What a device has no unit for, it computes in the next wider one.

        Raises:
            ClusterError: if the device cannot compute in it.
        """
        unit = self.computes_as(dtype)
        if unit is None:
            able = ", ".join(kind.name for kind in KINDS.values() if kind.computes_as(dtype) is not None)
            raise ClusterError(
                f"{self.title} has no unit for {getattr(dtype, 'name', dtype)}; it computes in {', '.join(self.peak)}.",
                f"another kind of device: {able or 'none here has it'}.",
            )
        return self.peak[unit]

    def ridge(self, dtype: Any = "float32") -> float:
        """FLOPs a byte above which this device waits for its arithmetic, below which for its memory.

        Example:
            >>> device_kind("p100").ridge("float32") > device_kind("server_cpu").ridge("float32") / 2
            True
        """
        return self.rate(dtype) / self.bytes_per_second


_ALL = (
    DeviceKind(
        "microcontroller", "a microcontroller of 256 KB", {"float32": 64e6, "int16": 256e6}, 256 * 1024, 256e6, 2e-6,
        "Nordic, nRF52840 product specification: 64 MHz, 256 KB of RAM. Arm, Cortex-M4 technical reference manual: a "
        "float32 sum or product a cycle, two 16-bit multiply-adds a cycle (SMLAD), a 32-bit bus. Launch assumed.",
    ),
    DeviceKind(
        "phone", "a phone", {"float32": 179.2e9, "float16": 358.4e9}, 4e9, 29.9e9, 5e-6,
        "Qualcomm, Snapdragon 845 product brief, 2018: 2.8 GHz, LPDDR4X 4 x 16 bit at 1866 MHz; 4 GB as in a Pixel 3. "
        "Computed: the 4 large cores x 2 NEON pipes x 4 lanes x 2; float16 twice. Launch assumed.",
    ),
    DeviceKind(
        "laptop_cpu", "a laptop's CPU", {"float32": 230.4e9, "float64": 115.2e9}, 16e9, 34.1e9, _EXECUTOR_SECONDS,
        "Intel, Core i7-8550U data sheet: 4 cores, 1.8 GHz base, LPDDR3-2133 in two channels; 16 GB as often sold. "
        "Computed: AVX2, 32 float32 operations a cycle and core. Launch: TensorFlow, OSDI 2016.",
    ),
    DeviceKind(
        "server_cpu", "a server's CPU", {"float32": 1.3e12, "float64": 0.66e12, "int8": 2.6e12}, 128e9, 51e9,
        _EXECUTOR_SECONDS,
        "Jouppi et al., ISCA 2017, table 2: Xeon E5-2699 v3, one of the two in a server of 256 GB. float64 computed: "
        "18 cores x 2.3 GHz x 16. Launch: TensorFlow, OSDI 2016.",
    ),
    DeviceKind(
        "k40", "K40", {"float32": 4.29e12, "float64": 1.43e12}, 12e9, 288e9, 5e-6,
        "NVIDIA, Tesla K40 data sheet, 2013, base clock; launch overhead assumed.", "GPU",
    ),
    DeviceKind(
        "p100", "P100", {"float32": 10.6e12, "float64": 5.3e12, "float16": 21.2e12}, 16e9, 732e9, 5e-6,
        "NVIDIA, Tesla P100 data sheet (SXM2), 2016; launch overhead assumed.", "GPU",
    ),
    DeviceKind(
        "h100", "H100",
        {"float32": 67e12, "float64": 67e12, "float16": 989e12, "bfloat16": 989e12, "int8": 1979e12}, 80e9, 3.35e12,
        3e-6,
        "NVIDIA, H100 data sheet (SXM5), 2022: without sparsity, tensor cores for all but float32; launch assumed.",
        "GPU",
    ),
    DeviceKind(
        "tpu_v1", "TPU v1", {"int8": 92e12, "int16": 23e12}, 8 * 2.0**30, 34e9, 5e-6,
        "Jouppi et al., ISCA 2017: 65,536 8-bit multipliers at 700 MHz, a quarter of the speed at 16 bits, 8 GiB of "
        "weight memory at 34 GB/s; launch overhead assumed.", "TPU",
    ),
    DeviceKind(
        "tpu_v2", "TPU v2", {"bfloat16": 45e12, "float32": 3e12}, 16 * 2.0**30, 700e9, 3e-6,
        "One of the four chips of a board of 180 teraflops (Google, 2017; 64 boards: the seeds' 11.5 petaflops). "
        "Memory and float32: Jouppi et al., CACM 63(7), 2020, which rounds up to 46 teraflops. Launch assumed.", "TPU",
    ),
)  # fmt: skip

KINDS: Mapping[str, DeviceKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""The kinds by name, the slowest first within CPUs, GPUs and TPUs."""


def device_kind(name: str | DeviceKind) -> DeviceKind:
    """The kind of that name.

    Raises:
        ClusterError: if there is none.

    Example:
        >>> device_kind("phone").title
        'a phone'
    """
    if isinstance(name, DeviceKind):
        return name
    kind = KINDS.get(name)
    if kind is None:
        raise unknown("kind of device", name, KINDS)
    return kind
