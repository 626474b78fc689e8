"""Clos networks: many small switches that act as one large one. How many hosts, how many switches, how much they carry.

A *folded Clos* network (a fat tree) of radix k has switches of k ports in levels. A switch of the first level has half
its ports down, to hosts, and half up; so have those of the levels between; those of the top have all ports down. So as
much goes up as comes from below, and any half of the hosts can talk to the other half at full speed: with L levels
2 (k/2)^L hosts. Three variations:

    oversubscription o   the first level has o ports down for each port up: more hosts, but only 1/o of the speed
    pods p < k           only p of the k subtrees below the top are there; the top then needs p/k of its switches, each
                         joined to every subtree by k/p cables side by side
    hosts                only so many are plugged in, spread evenly over the first level

Bisection: with H hosts of rate B the one half sends H/2 B, or what the uplinks of its first level carry. Counted in
**both directions** that is H B: this is how 100,000 hosts of 10 Gb/s make the 1 Pb/s of Google's Jupiter.

Example:
    >>> JUPITER.hosts, JUPITER.switches, JUPITER.cables
    (100000, (4096, 4096, 4096, 2048), 493216)
    >>> JUPITER.bisection_bandwidth(both_directions=True) * 8 / 1e15  # Pb/s
    1.0
    >>> small = Clos(radix=4, levels=3, link="ethernet_10g")
    >>> small.network()
    <Clos network: 16 hosts, 20 switches, 48 links>
    >>> small.bisection_bandwidth() == small.network().bisection_bandwidth() == 16 / 2 * 10e9 / 8
    True

Source: C. Clos: "A study of non-blocking switching networks", 1953; M. Al-Fares, A. Loukissas, A. Vahdat: "A scalable,
commodity data center network architecture", 2008 (k^3/4 hosts with three levels); A. Singh et al.: "Jupiter rising",
2015. The numbering is that of S. Öhring et al.: "On generalized fat trees", 1995.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from labkit.cluster.errors import ClusterError, checked_count, checked_number
from labkit.cluster.links import LinkKind, link_kind
from labkit.cluster.network import Network


@dataclass(frozen=True)
class Clos:
    """A Clos network, before a node of it exists: asking it for its size costs nothing.

    Args:
        radix: ports of each switch; an even number.
        levels: levels of switches; 1 is a single switch.
        oversubscription: ports down for each port up, on the first level; 3 or 1.5, say.
        link: the kind of all links.
        pods: subtrees below the top that are there; all `radix` if None.
        plugged: hosts that are plugged in; as many as there are ports if None.

    Raises:
        ClusterError: if the numbers make no network: the message says which would.

    Example:
        >>> Clos(radix=64, levels=2, oversubscription=3, pods=32).hosts
        1536
        >>> Clos(radix=6, levels=2, oversubscription=3)
        Traceback (most recent call last):
        labkit.cluster.errors.ClusterError: 6 ports cannot be parted 3 down to 1 up: that makes 4.5 down.
          Try: an oversubscription of 1, 2, 5, or another radix.
    """

    radix: int
    levels: int
    oversubscription: float = 1
    link: str | LinkKind = "ethernet_10g"
    pods: int | None = None
    plugged: int | None = None

    def __post_init__(self) -> None:
        link_kind(self.link)
        checked_count(self.radix, "the radix of a Clos network", 2)
        checked_count(self.levels, "the number of levels of a Clos network")
        checked_number(self.oversubscription, "the oversubscription of a Clos network", "to 1")
        if self.radix % 2:
            raise ClusterError(
                f"the radix of a Clos network is {self.radix}; half of the ports go up: it must be even."
            )
        self._check_parts()
        if self.plugged is not None and checked_count(self.plugged, "the number of hosts", 2) > self.ports:
            raise ClusterError(
                f"{self.plugged} hosts do not fit: {self.levels} levels of radix {self.radix} have {self.ports} ports.",
                "a larger radix, one more level, or more pods.",
            )

    def _check_parts(self) -> None:
        if self.levels == 1:
            if self.oversubscription != 1 or self.pods is not None:
                raise ClusterError("a single switch has no uplinks: neither oversubscription nor pods.", "levels=2.")
            return
        ratio = Fraction(self.oversubscription).limit_denominator(self.radix)
        down = self.radix * ratio / (1 + ratio)
        if down.denominator != 1 or not 0 < down < self.radix:
            fine = (f"{d / (self.radix - d):.3g}" for d in range(self.radix // 2, self.radix) if self.radix > d)
            raise ClusterError(
                f"{self.radix} ports cannot be parted {self.oversubscription:g} down to 1 up: that makes "
                f"{float(down):g} down.", f"an oversubscription of {', '.join(list(fine)[:6])}, or another radix.",
            )  # fmt: skip
        tops = self.radix - int(down) if self.levels == 2 else self.radix // 2
        if self.pods is not None:
            checked_count(self.pods, "the number of pods")
            if self.radix % self.pods or tops % (self.radix // self.pods):
                fine = [p for p in range(1, self.radix + 1) if self.radix % p == 0 and tops % (self.radix // p) == 0]
                raise ClusterError(
                    f"{self.pods} pods do not share the {self.radix} ports of each top switch evenly.",
                    f"pods of {', '.join(map(str, fine))}.",
                )

    @property
    def down(self) -> int:
        """Ports down of a switch of the first level."""
        if self.levels == 1:
            return self.radix
        ratio = Fraction(self.oversubscription).limit_denominator(self.radix)
        return int(self.radix * ratio / (1 + ratio))

    @property
    def up(self) -> int:
        """Ports up of a switch of the first level."""
        return self.radix - self.down

    @property
    def trunk(self) -> int:
        """Cables side by side between a top switch and each switch below it."""
        return self.radix // self.pods if self.pods else 1

    @property
    def children(self) -> tuple[int, ...]:
        """How many nodes of the level below each switch joins, by level (Öhring's m)."""
        if self.levels == 1:
            return (self.radix,)
        return (self.down, *[self.radix // 2] * (self.levels - 2), self.pods or self.radix)

    @property
    def parents(self) -> tuple[int, ...]:
        """How many switches of each level a node below joins (Öhring's w); the first number is that of a host."""
        if self.levels == 1:
            return (1,)
        ups = [1, self.up, *[self.radix // 2] * (self.levels - 2)]
        return (*ups[:-1], ups[-1] // self.trunk)

    @property
    def ports(self) -> int:
        """Hosts that can be plugged in."""
        return math.prod(self.children)

    @property
    def hosts(self) -> int:
        """Hosts that are plugged in."""
        return self.ports if self.plugged is None else self.plugged

    @property
    def switches(self) -> tuple[int, ...]:
        """Switches of each level, from the hosts up."""
        m, w = self.children, self.parents
        return tuple(math.prod(m[level:]) * math.prod(w[:level]) for level in range(1, self.levels + 1))

    @property
    def cables(self) -> int:
        """Cables: one a host, and those between switches."""
        trunks = [1] * (self.levels - 2) + [self.trunk]
        between = (n * w * t for n, w, t in zip(self.switches, self.parents[1:], trunks, strict=False))
        return self.hosts + sum(between)

    def bisection_bandwidth(self, both_directions: bool = False) -> float:
        """What one half of the hosts can send to the other at once, in bytes/s, by formula.

        It holds where the halves are made of whole switches of the first level, with as many hosts each.

        Args:
            both_directions: True counts what the other half sends back too: twice as much.
        """
        rate = link_kind(self.link).bytes_per_second
        uplinks = self.switches[0] * self.up if self.levels > 1 else self.hosts
        return min(self.hosts, uplinks) / 2 * rate * (2 if both_directions else 1)

    def network(self) -> Network:
        """The network, node by node.

        A switch of level l has the number (a, b): `a` says which subtree, `b` which of the switches that this subtree
        has on its level. It joins all switches of level l+1 whose `a` is its own without the last digit and whose `b`
        is its own with one digit more.
        """
        made = Network("Clos network" if self.levels > 1 else "single switch")
        m, w = self.children, self.parents
        for level, count in enumerate(self.switches, 1):
            for number in range(count):
                made.add(f"s{level}.{number}", "switch", level)
        leaves = self.switches[0]
        for number in range(self.hosts):  # spread evenly: the first leaf switches get the one more, if any
            made.add(f"h{number}", "host")
            made.link(f"h{number}", f"s1.{number * leaves // self.hosts}", self.link)
        for level in range(2, self.levels + 1):
            below, ways = math.prod(w[: level - 1]), w[level - 1]
            cables = self.trunk if level == self.levels else 1
            for number in range(self.switches[level - 2]):
                a, b = divmod(number, below)
                first = a // m[level - 1] * ways
                for way in range(ways):
                    made.link(f"s{level - 1}.{number}", f"s{level}.{(first + way) * below + b}", self.link, cables)
        return made


JUPITER = Clos(radix=64, levels=4, pods=4, link="ethernet_10g", plugged=100_000)
"""The Jupiter of the seeds: 100,000 hosts of 10 Gb/s, switch chips of 16 ports of 40 Gb/s taken as 64 of 10 Gb/s.

With all of its 131,072 ports in use it would carry the 1.3 Pb/s of the paper's table 2. The paper's own blocks are
built otherwise inside; their sum is the same.
"""
