"""All-reduce by ring, tree and hierarchy, parameter servers, incast: simulated over a network, and by formula.

An *all-reduce* leaves the sum of everybody's bytes with everybody. With n machines, S bytes, links of B bytes/s and a
latency l from one to the next:

    ring        each passes a piece of S/n to the next, n-1 times to add up and n-1 times to spread the sums
                2(n-1)/n S/B + 2(n-1) l: hardly depends on n, but the latencies add up
    tree        pairs add up, then pairs of pairs; the sum comes back the same way
                2 ceil(log2 n) (l + S/B): few latencies, but all bytes in each round
    hierarchy   a tree within each group (a machine's devices), a ring between the groups' first members
    parameter servers  each worker fetches S in all from P servers, and sends S back: a worker moves 2 S, a server
                2 S n/P: 2 S max(1/B, n/(P B)), and two latencies
    incast      n send S to one at once: n S/B + l

The formulas know nothing of the network between. Simulated, each piece is a message that shares links with the others:
the same as the formula where the network has room for all, slower where it has not, and then the order of the machines
matters. Adding up takes no time here.

Example:
    >>> from labkit.cluster import star
    >>> network = star(8, "ethernet_10g")
    >>> round(simulated_seconds(network, ring_all_reduce, network.hosts, 100e6), 6)
    0.14014
    >>> round(ring_seconds(8, 100e6, 1.25e9, 10e-6), 6)
    0.14014
    >>> round(simulated_seconds(network, tree_all_reduce, network.hosts, 100e6), 6)
    0.48006

Source: P. Patarasuk, X. Yuan: "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009 (ring);
R. Thakur, R. Rabenseifner, W. Gropp: "Optimization of collective communication operations in MPICH", 2005 (binomial
tree); M. Li et al.: "Scaling distributed machine learning with the parameter server", 2014.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from labkit.cluster import Cluster, Network
from labkit.cluster.errors import ClusterError, checked_count, checked_number
from labkit.simulator.events import Events
from labkit.simulator.flows import Flows

Then = Callable[[], object]
"""What is called when something is done."""


class Send(Protocol):
    """Sends bytes from one machine to another, and calls `then` when they are there."""

    def __call__(self, source: str, target: str, bytes: float, then: Then, /) -> None:
        """From `source` to `target`."""
        ...


def sender(network: Network | Cluster, flows: Flows) -> Send:
    """A function that sends through a network: between hosts of a `Network`, or between devices of a `Cluster`.

    Messages from one to another go one after the other, each when the last byte of the one before has left, as on one
    connection. From a machine to itself nothing moves.

    Example:
        >>> from labkit.cluster import star
        >>> network, events = star(2, "ethernet_1g"), Events()
        >>> send = sender(network, Flows(events, network.capacities()))
        >>> for number in range(2):
        ...     send("h0", "h1", 125e6, lambda: print(events.now))
        >>> _ = events.run()
        1.00008
        2.00008
    """
    graph: Any = network.graph if isinstance(network, Network) else network.network.graph
    ways: dict[tuple[str, str], tuple[list[tuple[str, str]], float]] = {}
    waiting: dict[tuple[str, str], deque[tuple[float, Then]]] = {}

    def next_one(pair: tuple[str, str]) -> None:
        queue = waiting[pair]
        if not queue:
            del waiting[pair]
            return
        bytes, then = queue.popleft()
        hops, latency = ways[pair]
        name = f"{pair[0]} -> {pair[1]}"
        flows.send(hops, bytes, lambda _: then(), latency, name, lambda _: next_one(pair))

    def send(source: str, target: str, bytes: float, then: Then, /) -> None:
        pair = source, target
        if pair not in ways:
            hops = network.hops(source, target)
            ways[pair] = hops, sum(graph.edges[hop]["latency_seconds"] for hop in hops)
        idle = pair not in waiting
        waiting.setdefault(pair, deque()).append((bytes, then))
        if idle:
            next_one(pair)

    return send


def simulated_seconds(network: Network | Cluster, collective: Callable[..., None], *arguments: Any) -> float:
    """How long something takes that has the network to itself.

    Args:
        network: hosts, or devices, and the links between them.
        collective: one of the functions below.
        *arguments: what it takes besides `send` and `then`.

    Raises:
        ClusterError: if it takes machines that the network lacks, or that nothing joins.

    Example:
        >>> from labkit.cluster import star
        >>> simulated_seconds(star(5, "ethernet_1g"), incast, ["h1", "h2", "h3", "h4"], "h0", 125e6)
        4.00008
    """
    events = Events()
    links = network.capacities() if isinstance(network, Network) else network.network.capacities()
    ended: list[float] = []
    collective(sender(network, Flows(events, links)), *arguments, lambda: ended.append(events.now))
    events.run()
    return ended[0]


def _checked(hosts: Sequence[str], bytes: float) -> tuple[list[str], float]:
    found = list(hosts)
    twice = next((host for host in found if found.count(host) > 1), None)
    if not found or twice is not None:
        raise ClusterError("nobody takes part." if not found else f"{twice!r} takes part twice.")
    return found, checked_number(bytes, "the size of what is summed", "bytes", zero=True)


def _all_of(count: int, then: Then) -> Then:
    """A function that calls `then` when it is called for the `count`-th time."""
    left = [count]

    def one() -> None:
        left[0] -= 1
        if not left[0]:
            then()

    return one


def ring_all_reduce(send: Send, hosts: Sequence[str], bytes: float, then: Then) -> None:
    """All-reduce by a ring: begins it, and calls `then` when everybody has the sum.

    Args:
        send: see `sender`.
        hosts: the ring, in this order.
        bytes: what each has to add.
        then: called at the end.

    Raises:
        ClusterError: if nobody takes part, or somebody does twice.
    """
    hosts, bytes = _checked(hosts, bytes)
    n = len(hosts)
    if n == 1:
        then()
        return
    last = _all_of(n, then)

    def pass_on(place: int, step: int) -> None:
        """A machine sends a piece; the next one adds its own to it, or keeps it, and passes it on."""
        target = (place + 1) % n
        more = step + 1 < 2 * (n - 1)
        send(hosts[place], hosts[target], bytes / n, (lambda: pass_on(target, step + 1)) if more else last)

    for place in range(n):
        pass_on(place, 0)


def tree_reduce(send: Send, hosts: Sequence[str], bytes: float, then: Then) -> None:
    """Adds up along a binomial tree: calls `then` when the first of the hosts has the sum.

    In round r a machine whose number is an odd multiple of 2^r sends what it has to the one 2^r before it, which takes
    one message at a time.
    """
    hosts, bytes = _checked(hosts, bytes)
    n = len(hosts)
    received = [0] * n  # rounds of which it has the bytes
    ready: set[int] = set()  # machines that wait for their turn to send

    def rounds(place: int) -> int:
        """How many it receives before it sends."""
        r = 0
        while (place >> r) % 2 == 0 and place + (1 << r) < n:
            r += 1
        return r

    def proceed(place: int) -> None:
        """It takes the next one's bytes if these are ready; when it has all, it is ready itself."""
        r = received[place]
        child = place + (1 << r)
        if r < rounds(place):
            if child in ready:
                ready.discard(child)
                send(hosts[child], hosts[place], bytes, lambda: receive(place))
        elif place == 0:
            then()
        else:
            ready.add(place)
            parent = place & (place - 1)
            if received[parent] < rounds(parent) and parent + (1 << received[parent]) == place:
                proceed(parent)

    def receive(place: int) -> None:
        received[place] += 1
        proceed(place)

    for place in range(n):
        proceed(place)


def tree_broadcast(send: Send, hosts: Sequence[str], bytes: float, then: Then) -> None:
    """Spreads what the first of the hosts has along a binomial tree: the way of `tree_reduce`, backwards."""
    hosts, bytes = _checked(hosts, bytes)
    n = len(hosts)
    last = _all_of(n, then)

    def spread(place: int, distance: int) -> None:
        """It sends to the one that far on, then to the one half as far on."""
        while distance and place + distance >= n:
            distance //= 2
        if not distance:
            last()
            return
        half, other = distance // 2, place + distance
        send(hosts[place], hosts[other], bytes, lambda: (spread(other, half), spread(place, half)))

    spread(0, 1 << (n - 1).bit_length() >> 1)


def tree_all_reduce(send: Send, hosts: Sequence[str], bytes: float, then: Then) -> None:
    """All-reduce by a binomial tree: `tree_reduce`, then `tree_broadcast`; arguments as `ring_all_reduce`."""
    tree_reduce(send, hosts, bytes, lambda: tree_broadcast(send, hosts, bytes, then))


def hierarchical_all_reduce(send: Send, groups: Sequence[Sequence[str]], bytes: float, then: Then) -> None:
    """All-reduce in two levels: a tree within each group, a ring between the first of each.

    Args:
        send: see `sender`.
        groups: the devices of each machine, say.
        bytes: what each has to add.
        then: called when everybody has the sum.

    Raises:
        ClusterError: if a group is empty, or somebody takes part twice.
    """
    _checked([host for group in groups for host in group], bytes)
    firsts = [_checked(group, bytes)[0][0] for group in groups]
    end = _all_of(len(groups), then)

    def spread() -> None:
        for group in groups:
            tree_broadcast(send, group, bytes, end)

    middle = _all_of(len(groups), lambda: ring_all_reduce(send, firsts, bytes, spread))
    for group in groups:
        tree_reduce(send, group, bytes, middle)


def incast(send: Send, sources: Sequence[str], target: str, bytes: float, then: Then) -> None:
    """Many send to one at once.

    Args:
        send: see `sender`.
        sources: who sends.
        target: who receives.
        bytes: what each sends.
        then: called when it has all.

    Raises:
        ClusterError: if nobody sends, or somebody does twice.
    """
    sources, bytes = _checked(sources, bytes)
    end = _all_of(len(sources), then)
    for source in sources:
        send(source, target, bytes, end)


def parameter_servers(send: Send, workers: Sequence[str], servers: Sequence[str], bytes: float, then: Then) -> None:
    """A step with parameter servers, without the computing: fetch all parameters, send all gradients.

    Args:
        send: see `sender`.
        workers: who fetches and sends.
        servers: who keeps the parameters, a part as large as the others' each.
        bytes: of all parameters.
        then: called when the servers have all gradients.

    Raises:
        ClusterError: if there are no workers or no servers, or one is there twice.
    """
    workers, bytes = _checked(workers, bytes)
    servers, part = _checked(servers, bytes)[0], bytes / len(servers)
    end = _all_of(len(workers) * len(servers), then)

    def push(worker: str) -> None:
        for server in servers:
            send(worker, server, part, end)

    for worker in workers:
        fetched = _all_of(len(servers), lambda worker=worker: push(worker))
        for server in servers:
            send(server, worker, part, fetched)


# Formulas, for a network that has room for all


def ring_seconds(n: int, bytes: float, bandwidth: float, latency_seconds: float = 0.0) -> float:
    """Time of a ring all-reduce: 2(n-1)/n S/B + 2(n-1) l.

    Args:
        n: how many take part.
        bytes: what each has to add, S.
        bandwidth: of the link of each, in bytes/s and each direction, B.
        latency_seconds: from one to the next, l.

    Example:
        >>> ring_seconds(50, 100e6, 1.25e9, 20e-6), ring_seconds(50, 100e6, 1.25e9)
        (0.15875999999999998, 0.1568)
    """
    checked_count(n, "the number of machines")
    return 2 * (n - 1) / n * bytes / bandwidth + 2 * (n - 1) * latency_seconds


def tree_seconds(n: int, bytes: float, bandwidth: float, latency_seconds: float = 0.0) -> float:
    """Time of a binomial-tree all-reduce: 2 ceil(log2 n) (l + S/B); arguments as `ring_seconds`.

    Example:
        >>> tree_seconds(8, 100e6, 1.25e9)
        0.48
    """
    return 2 * (checked_count(n, "the number of machines") - 1).bit_length() * (latency_seconds + bytes / bandwidth)


def incast_seconds(n: int, bytes: float, bandwidth: float, latency_seconds: float = 0.0) -> float:
    """Time until one has received from n at once: n S/B + l; arguments as `ring_seconds`.

    Example:
        >>> incast_seconds(40, 1e6, 1.25e9)
        0.032
    """
    return checked_count(n, "the number of machines") * bytes / bandwidth + latency_seconds


def parameter_server_seconds(
    n: int, servers: int, bytes: float, bandwidth: float, latency_seconds: float = 0.0
) -> float:
    """Time of a step with parameter servers, without the computing: 2 S max(1/B, n/(P B)) + 2 l.

    Args:
        n: how many workers.
        servers: how many servers, P.
        bytes: of all parameters, S.
        bandwidth: of the link of each, in bytes/s and each direction, B.
        latency_seconds: between a worker and a server, l.

    Example:
        50 workers, 100 MB: one server, and as many servers as workers.

        >>> parameter_server_seconds(50, 1, 100e6, 1.25e9), parameter_server_seconds(50, 50, 100e6, 1.25e9)
        (8.0, 0.16)
    """
    ratio = checked_count(n, "the number of workers") / checked_count(servers, "the number of servers")
    return 2 * bytes / bandwidth * max(1.0, ratio) + 2 * latency_seconds
