"""Messages on their way through a network, as flows that share its links.

The model. A flow puts its bytes on all links of its way at once, from the moment it is sent, at its max-min fair rate
among all flows under way; the rate changes whenever others come or go. The last byte arrives `latency_seconds` after it
has left: the latency holds no link, so that the next flow may follow at once. Alone, a flow takes

    latency_seconds + bytes / slowest link

just as `Cluster.seconds` says. A message of no bytes, or over no link, takes its latency alone. Packets, headers, loss
and the slow start of TCP are not modelled.

How it goes on: `streams.py` follows the flows from start to end, `rates.py` finds their rates, `sharing.py` keeps who
shares what.

Example:
    Two messages of 10 and 30 bytes over a link of 10 bytes/s: both get 5 bytes/s until the first is through, at 2 s.

    >>> from labkit.simulator.events import Events
    >>> events = Events()
    >>> flows = Flows(events, {"wire": 10.0})
    >>> for name, size in [("short", 10), ("long", 30)]:
    ...     _ = flows.send(["wire"], size, lambda flow: print(f"{events.now} s: {flow.name}"), name=name)
    >>> events.run()
    2.0 s: short
    4.0 s: long
    4.0
    >>> flows.load("wire")
    ([0.0, 4.0], [10.0, 0.0])

Source: flow-level simulation as in H. Casanova et al.: "SimGrid", 2014; max-min fairness: `labkit.cluster.sharing`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import fsum
from typing import Any, NamedTuple

from labkit.cluster.errors import ClusterError, checked_number, unknown
from labkit.simulator.events import Events
from labkit.simulator.loads import carried_bytes, load_curve
from labkit.simulator.sharing import Flow, Route, Wire
from labkit.simulator.streams import Streams


class Count(NamedTuple):
    """How many messages, and their bytes together."""

    messages: int
    bytes: float


class Flows:
    """The flows on a network.

    Args:
        events: the clock.
        capacities: bytes/s of each directed link, as `Network.capacities` gives them.

    Attributes:
        events: the clock.
        asked: what was sent, as (messages, bytes).
        arrived: what has arrived.
        cancelled: what was called off.

    Raises:
        ClusterError: if a capacity is not above zero.

    Example:
        >>> from labkit.cluster import star
        >>> from labkit.simulator.events import Events
        >>> network, events = star(3, "ethernet_1g"), Events()
        >>> flows = Flows(events, network.capacities())
        >>> for host in ("h0", "h1"):
        ...     _ = flows.send(network.hops(host, "h2"), 125e6, latency_seconds=network.latency_seconds(host, "h2"))
        >>> events.run()  # 1 Gb each, over one link of 1 Gb/s
        2.00008
    """

    def __init__(self, events: Events, capacities: Mapping[Any, float]) -> None:
        self.events = events
        self._wires = {
            link: Wire(link, order, checked_number(rate, f"the capacity of {link!r}", "bytes/s"))
            for order, (link, rate) in enumerate(capacities.items())
        }
        self.asked = self.arrived = self.cancelled = Count(0, 0.0)
        self._routes: dict[tuple[Hashable, ...], Route] = {}
        self._live: dict[Flow, None] = {}
        self._streams = Streams(events, self._land)

    # What callers do

    def send(
        self,
        hops: Iterable[Hashable],
        bytes: float,
        done: Callable[[Flow], object] | None = None,
        latency_seconds: float = 0.0,
        name: str | None = None,
        sent: Callable[[Flow], object] | None = None,
    ) -> Flow:
        """Sends a message, now.

        Args:
            hops: the directed links on its way.
            bytes: its size.
            done: called with the flow when its last byte has arrived.
            latency_seconds: what its last byte takes besides; the sum of the latencies on its way.
            name: what errors and pictures call it.
            sent: called with the flow when its last byte has left, so that the next message of a queue may go.

        Raises:
            ClusterError: if a link is unknown or has failed, or the size or latency is below zero.
        """
        number = self.asked.messages
        name = f"message {number}" if name is None else name
        bytes = checked_number(bytes, f"the size of {name!r}", "bytes", zero=True)
        latency_seconds = checked_number(latency_seconds, f"the latency of {name!r}", "seconds", zero=True)
        flow = Flow(name, bytes, latency_seconds, self.events.now, number)
        flow.route = self._route(name, hops)
        flow.done, flow.sent = done, sent
        self.asked = Count(number + 1, self.asked.bytes + bytes)
        self._live[flow] = None
        self._start(flow)
        return flow

    def cancel(self, flow: Flow) -> bool:
        """Calls a message off; what it has sent is lost, and `done` is not called.

        Returns:
            True if it was under way; False if it has arrived, or was cancelled before.
        """
        if not self._known(flow):
            return False
        self._stop(flow)
        del self._live[flow]
        flow.state, flow.ended_seconds = "cancelled", self.events.now
        self.cancelled = Count(self.cancelled.messages + 1, self.cancelled.bytes + flow.bytes)
        return True

    def fail(self, *links: Hashable) -> list[Flow]:
        """Links fail: nothing passes until `restore`.

        Returns:
            The flows that are cut by it, those whose last byte was on its way included. Each waits for `reroute` or
            `cancel`.

        Raises:
            ClusterError: if a link is unknown.

        Example:
            >>> from labkit.cluster import ring
            >>> from labkit.simulator.events import Events
            >>> network, events = ring(4, "ethernet_1g"), Events()
            >>> flows = Flows(events, network.capacities())
            >>> flow = flows.send(network.hops("h0", "h2"), 125e6)
            >>> events.run(until=0.5)
            0.5
            >>> flows.fail(*flows.links_at("h3"))
            [<message 0: 1.25e+08 bytes, cut>]
            >>> flows.reroute(flow, network.without(["h3"]).hops("h0", "h2"))
            >>> events.run()
            1.0
        """
        for wire in [self._wire(link) for link in links]:
            wire.failed = True
        cut = [f for f in self._live if f.state != "cut" and f.route and any(wire.failed for wire in f.route.wires)]
        for flow in cut:
            self._stop(flow)
            flow.state = "cut"
        return cut

    def restore(self, *links: Hashable) -> None:
        """Links work again; flows that were cut still wait for `reroute` or `cancel`."""
        for wire in [self._wire(link) for link in links]:
            wire.failed = False

    def reroute(self, flow: Flow, hops: Iterable[Hashable], latency_seconds: float | None = None) -> None:
        """A message takes another way from now on; what it has sent is not sent again.

        Args:
            flow: a message under way, cut or not.
            hops: the directed links on its new way.
            latency_seconds: what its last byte takes there; as before if None.

        Raises:
            ClusterError: if it has arrived or was cancelled, or the new way is none.
        """
        if not self._known(flow):
            raise ClusterError(f"{flow.name!r} is {flow.state} and takes no other way.")
        if latency_seconds is not None:
            latency_seconds = checked_number(latency_seconds, f"the latency of {flow.name!r}", "seconds", zero=True)
        route = self._route(flow.name, hops)
        self._stop(flow)
        flow.state, flow.route = "streaming", route
        flow.latency_seconds = flow.latency_seconds if latency_seconds is None else latency_seconds
        self._start(flow)

    # What callers ask

    @property
    def links(self) -> list[Any]:
        """The directed links."""
        return list(self._wires)

    def links_at(self, node: Any) -> list[Any]:
        """The directed links (from, to) that end or begin at a node: what fails with it.

        Raises:
            ClusterError: if there are none.
        """
        pairs: list[Any] = [link for link in self._wires if isinstance(link, tuple)]
        found = [link for link in pairs if node in link]
        if not found:
            raise unknown("node with links", node, {str(end): None for pair in pairs for end in pair})
        return found

    @property
    def in_flight(self) -> Count:
        """What is under way, or cut and waiting, as (messages, bytes)."""
        return Count(len(self._live), fsum(flow.bytes for flow in self._live))

    @property
    def under_way(self) -> list[Flow]:
        """The flows that have neither arrived nor been cancelled, in the order they were sent."""
        return list(self._live)

    def left_bytes(self, flow: Flow) -> float:
        """What a flow has still to send, now."""
        return flow.route.left(flow, self.events.now) if flow.rate and flow.route else flow.left

    def carried_bytes(self, link: Hashable) -> float:
        """What a link has carried by now.

        Raises:
            ClusterError: if the link is unknown.
        """
        return carried_bytes(self._wire(link).log, self.events.now)

    def load(self, link: Hashable) -> tuple[list[float], list[float]]:
        """A link's load over time.

        Returns:
            times: when it changed, in seconds; rising.
            rates: bytes/s from each of these times on.

        Raises:
            ClusterError: if the link is unknown.
        """
        return load_curve(self._wire(link).log)

    def utilisation(self, link: Hashable) -> float:
        """What a link has carried by now, as a part of what it could have; 0 at the start.

        Raises:
            ClusterError: if the link is unknown.
        """
        seconds = self.events.now
        return self.carried_bytes(link) / (self._wire(link).capacity * seconds) if seconds else 0.0

    # How it works

    def _wire(self, link: Hashable) -> Wire:
        wire = self._wires.get(link)
        if wire is None:
            raise unknown("link", link, map(str, self._wires))
        return wire

    def _route(self, name: str, hops: Iterable[Hashable]) -> Route:
        """The route along these links, if all work."""
        way = tuple(hops)
        route = self._routes.get(way)
        if route is None:
            for link in way:
                if link not in self._wires:
                    error = unknown("link", link, map(str, self._wires))
                    error.explain([f"  it is on the way of {name!r}"])
                    raise error
            wires = tuple(dict.fromkeys([self._wires[link] for link in way]))
            self._routes[way] = route = Route(way, wires, len(self._routes))
        for wire in route.wires:
            if wire.failed:
                why = f"the link {wire.link!r} on the way of {name!r} has failed."
                raise ClusterError(why, "another way, or restore it.")
        return route

    def _known(self, flow: Flow) -> bool:
        """Whether it is under way."""
        if flow in self._live:
            return True
        if flow.state in ("arrived", "cancelled"):
            return False
        raise ClusterError(f"{flow.name!r} was sent through other flows, not through these.")

    def _start(self, flow: Flow) -> None:
        route = flow.route
        if flow.left and route is not None and route.wires:
            self._streams.start(flow, route)
        else:
            flow.left = 0.0
            self._land([flow])

    def _stop(self, flow: Flow) -> None:
        """Whatever a flow is doing, it does so no more."""
        route = flow.route
        if route is not None and flow in route.flows:
            self._streams.stop(flow, route)
        if flow.landing is not None:
            flow.landing.cancel()
            flow.landing = None

    def _land(self, flows: Sequence[Flow]) -> None:
        """The last bytes of flows have left."""
        for flow in flows:
            flow.state = "landing"
            flow.landing = self.events.after(flow.latency_seconds, self._arrive, flow)
        for flow in flows:  # when all is in order: what is called here may cancel one
            sent, flow.sent = flow.sent, None
            if sent is not None and flow.state == "landing":
                sent(flow)

    def _arrive(self, flow: Flow) -> None:
        flow.state, flow.ended_seconds, flow.landing = "arrived", self.events.now, None
        del self._live[flow]
        self.arrived = Count(self.arrived.messages + 1, self.arrived.bytes + flow.bytes)
        if flow.done is not None:
            flow.done(flow)

    def __repr__(self) -> str:
        return f"<{len(self._wires)} links, {len(self._live)} flows under way, {self.arrived.messages} arrived>"
