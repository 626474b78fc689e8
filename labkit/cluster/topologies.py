"""Networks of well-known forms: one server, a star, a ring, a torus. The Clos network has a file of its own.

Hosts are called `h0`, `h1`, ... and switches `s<level>.<number>`.

Example:
    A pod of second-generation TPUs: 16 x 16 chips in a torus, whose bisection Google gives as 15.9 Tb/s.

    >>> pod = torus(16, 16, "tpu_v2_link")
    >>> round(pod.bisection_bandwidth() * 8 / 1e12, 1)
    15.9

Source: N. Jouppi et al.: "A domain-specific supercomputer for training deep neural networks", CACM 63(7), 2020.
"""

from __future__ import annotations

from labkit.cluster.errors import checked_count
from labkit.cluster.links import LinkKind
from labkit.cluster.network import Network


def single() -> Network:
    """One host and nothing to talk to; its devices talk through their own links.

    Example:
        >>> single()
        <single server: 1 host, 0 switches, 0 links>
    """
    network = Network("single server")
    network.add("h0", "host")
    return network


def star(hosts: int, link: str | LinkKind) -> Network:
    """Hosts around one switch.

    Args:
        hosts: how many.
        link: the kind of each link.

    Example:
        >>> star(50, "ethernet_10g")
        <star: 50 hosts, 1 switch, 50 links>
    """
    network = Network("star")
    network.add("s1.0", "switch", 1)
    for number in range(checked_count(hosts, "the number of hosts of a star")):
        network.add(f"h{number}", "host")
        network.link(f"h{number}", "s1.0", link)
    return network


def ring(hosts: int, link: str | LinkKind) -> Network:
    """Hosts in a circle, each joined to the next; what all-reduce likes.

    Args:
        hosts: how many; at least three.
        link: the kind of each link.

    Example:
        >>> ring(8, "nvlink1")
        <ring: 8 hosts, 0 switches, 8 links>
    """
    checked_count(hosts, "the number of hosts of a ring", 3)
    network = Network("ring")
    for number in range(hosts):
        network.add(f"h{number}", "host")
    for number in range(hosts):
        network.link(f"h{number}", f"h{(number + 1) % hosts}", link)
    return network


def torus(rows: int, columns: int, link: str | LinkKind) -> Network:
    """Hosts in a grid whose edges are joined: each has four neighbours, as the chips of a TPU pod.

    Args:
        rows: how many; at least three, and at least as many as columns for the bisection to be the narrowest.
        columns: how many; at least three.
        link: the kind of each link.

    Returns:
        The network; host `h<row * columns + column>` stands at (row, column), which its node keeps as `place`.

    Example:
        >>> torus(4, 4, "tpu_v2_link")
        <torus of 4 x 4: 16 hosts, 0 switches, 32 links>
    """
    checked_count(rows, "the number of rows of a torus", 3)
    checked_count(columns, "the number of columns of a torus", 3)
    network = Network(f"torus of {rows} x {columns}")
    for number in range(rows * columns):
        network.add(f"h{number}", "host")
        network.graph.nodes[f"h{number}"]["place"] = divmod(number, columns)
    for row in range(rows):
        for column in range(columns):
            here = f"h{row * columns + column}"
            network.link(here, f"h{row * columns + (column + 1) % columns}", link)
            network.link(here, f"h{(row + 1) % rows * columns + column}", link)
    return network
