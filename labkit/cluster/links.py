"""Kinds of links: how long the first byte takes, and how many follow in a second.

    seconds = latency + bytes / bandwidth

Bandwidths are those of **one direction**; the other direction has as much, at the same time. They are the standards'
rates without the headers of packets. Latencies are those of one hop, a sending end included; no standard fixes them:
they are **assumptions** of the right order, apart from those whose source is named.

Example:
    >>> link_kind("ethernet_10g").seconds(1.25e9)
    1.000005
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labkit.cluster.errors import checked_number, unknown


@dataclass(frozen=True)
class LinkKind:
    """A kind of link.

    Args:
        name: its name in cluster files.
        title: what people call it.
        latency_seconds: until the first byte arrives.
        bytes_per_second: of each direction.
        source: where the figures come from.

    Raises:
        ClusterError: if the bandwidth is not above zero, or the latency below.

    Example:
        >>> LinkKind("post", "a parcel of tapes", 86400.0, 1e9, "invented").seconds(1e9)
        86401.0
    """

    name: str
    title: str
    latency_seconds: float
    bytes_per_second: float
    source: str

    def __post_init__(self) -> None:
        checked_number(self.latency_seconds, f"the latency of the link {self.name!r}", "seconds", zero=True)
        checked_number(self.bytes_per_second, f"the bandwidth of the link {self.name!r}", "bytes/s")

    def seconds(self, bytes: float) -> float:
        """Time of a message that has the link to itself.

        Args:
            bytes: its size.
        """
        return self.latency_seconds + bytes / self.bytes_per_second


def _pcie(generation: int, transfers_per_second: float) -> LinkKind:
    """16 lanes; 128 of 130 bits are data since the third generation."""
    rate = 16 * transfers_per_second * 128 / 130 / 8
    source = f"PCI-SIG, PCI Express {generation}.0: 16 lanes, 128b/130b; latency assumed."
    return LinkKind(f"pcie{generation}_x16", f"PCIe {generation} x16", 1e-6, rate, source)


def _ethernet(gigabits: int, latency_seconds: float, latency_source: str = "assumed") -> LinkKind:
    source = f"IEEE 802.3: {gigabits} Gb/s; latency {latency_source}."
    name = f"ethernet_{gigabits}g"
    return LinkKind(name, f"{gigabits} G Ethernet", latency_seconds, gigabits * 1e9 / 8, source)


_ALL = (
    _pcie(3, 8e9),
    _pcie(4, 16e9),
    _pcie(5, 32e9),
    LinkKind("nvlink1", "NVLink 1", 1e-6, 20e9, "NVIDIA, Pascal P100 whitepaper: one of a GPU's 4 links, 20 GB/s a "
             "direction; latency assumed."),
    LinkKind("nvlink4", "NVLink 4", 1e-6, 18 * 25e9, "NVIDIA, H100 data sheet: 900 GB/s, both directions of a GPU's 18 "
             "links together, which a switch gives to any pair; latency assumed."),
    _ethernet(1, 40e-6, "such that a way of six hops and back takes J. Dean's 500 us within a data centre (2009)"),
    _ethernet(10, 5e-6),
    _ethernet(40, 2e-6),
    _ethernet(100, 1e-6),
    LinkKind("infiniband_qdr", "InfiniBand QDR", 1e-6, 4e9, "InfiniBand Trade Association: 4 lanes of 10 Gb/s, 8b/10b; "
             "latency assumed."),
    LinkKind("infiniband_edr", "InfiniBand EDR", 0.6e-6, 12.5e9, "InfiniBand Trade Association: 4 lanes of 25 Gb/s of "
             "data; latency assumed."),
    LinkKind("tpu_v2_link", "TPU v2 link", 1e-6, 496e9 / 8, "Jouppi et al., CACM 63(7), 2020: 4 links of 496 Gb/s a "
             "chip; latency assumed."),
)  # fmt: skip

LINKS: Mapping[str, LinkKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""The kinds by name."""


def link_kind(name: str | LinkKind) -> LinkKind:
    """The kind of that name.

    Raises:
        ClusterError: if there is none.

    Example:
        >>> round(link_kind("pcie3_x16").bytes_per_second / 1e9, 2)
        15.75
    """
    if isinstance(name, LinkKind):
        return name
    kind = LINKS.get(name)
    if kind is None:
        raise unknown("kind of link", name, LINKS)
    return kind
