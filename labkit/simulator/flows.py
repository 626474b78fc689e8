"""Messages on their way through a network, as flows that share its links.

The model. A flow puts its bytes on all links of its way at once, from the moment it is sent, at its max-min fair rate
among all flows under way; the rate changes whenever others come or go. The last byte arrives `latency_seconds` after it
has left: the latency holds no link, so that the next flow may follow at once. Alone, a flow takes

    latency_seconds + bytes / slowest link

just as `Cluster.seconds` says. A message of no bytes, or over no link, takes its latency alone. Packets, headers, loss
and the slow start of TCP are not modelled.

What is kept: each flow has the bytes left at the time of its last change, and the rate since. A heap of ends gives the
next flow to finish. All that starts and ends at an instant is settled once, when nothing else is left to happen at that
instant: `sharing.py` finds the new rates. Ends that lie nearer together than rounding (a millionth of a millionth of
the time the flow took) are one instant.

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

from collections.abc import Callable, Hashable, Iterable, Mapping
from heapq import heappop, heappush, heapreplace
from math import fsum, inf, ulp
from typing import Any, NamedTuple

from labkit.cluster.errors import ClusterError, checked_number, unknown
from labkit.simulator.events import LAST, Events, Handle
from labkit.simulator.loads import carried_bytes, load_curve
from labkit.simulator.sharing import SAME, Flow, Leg, Wire, share_out


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
        self._live: dict[Flow, None] = {}
        self._started: dict[Flow, None] = {}  # since the last time that rates were settled
        self._changed: dict[Wire, None] = {}
        self._floor = inf
        self._settling = False
        self._token = 0
        self._ends: list[tuple[float, int, Flow]] = []
        self._timer: Handle | None = None
        self._timer_seconds = inf

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
        self._direct(flow, hops)
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
        cut = [flow for flow in self._live if flow.state != "cut" and any(wire.failed for wire in flow.wires)]
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
        ways = [self._usable(flow.name, link) for link in hops]
        self._stop(flow)
        flow.state = "streaming"
        self._direct(flow, [wire.link for wire in ways])
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
        return flow.left_at(self.events.now)

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

    def _usable(self, name: str, link: Hashable) -> Wire:
        wire = self._wires.get(link)
        if wire is None:
            error = unknown("link", link, map(str, self._wires))
            error.explain([f"  it is on the way of {name!r}"])
            raise error
        if wire.failed:
            raise ClusterError(f"the link {link!r} on the way of {name!r} has failed.", "another way, or restore it.")
        return wire

    def _known(self, flow: Flow) -> bool:
        """Whether it is under way."""
        if flow in self._live:
            return True
        if flow.state in ("arrived", "cancelled"):
            return False
        raise ClusterError(f"{flow.name!r} was sent through other flows, not through these.")

    def _direct(self, flow: Flow, hops: Iterable[Hashable]) -> None:
        flow.hops = tuple(hops)
        flow.wires = tuple(dict.fromkeys([self._usable(flow.name, link) for link in flow.hops]))
        flow.most = min([wire.capacity for wire in flow.wires], default=inf)

    def _start(self, flow: Flow) -> None:
        if not flow.left or not flow.wires:
            flow.left = 0.0
            self._land(flow)
            return
        flow.since = self.events.now
        flow.leg = leg = Leg(flow)
        for wire in flow.wires:
            wire.add(flow)
            wire.log.append(leg)
            self._changed[wire] = None
        self._started[flow] = None
        self._settle_soon()

    def _leave(self, flow: Flow) -> None:
        """A flow streams no more; its bytes left are those of now."""
        now, leg = self.events.now, flow.leg
        if flow.rate:
            self._floor = min(self._floor, flow.rate)
        flow.rate, flow.since, flow.end, flow.queued, flow.leg = 0.0, now, inf, inf, None
        self._started.pop(flow, None)
        for wire in flow.wires:
            wire.remove(flow)
            self._changed[wire] = None
        if leg is not None:
            leg.times.append(now)
            leg.rates.append(0.0)
            leg.left_at_last = flow.left
        self._settle_soon()

    def _stop(self, flow: Flow) -> None:
        """Whatever a flow is doing, it does so no more."""
        if flow.leg is not None:
            flow.left = self.left_bytes(flow)
            self._leave(flow)
        if flow.landing is not None:
            flow.landing.cancel()
            flow.landing = None

    def _land(self, flow: Flow) -> None:
        flow.state = "landing"
        flow.landing = self.events.after(flow.latency_seconds, self._arrive, flow)
        sent, flow.sent = flow.sent, None
        if sent is not None:
            sent(flow)

    def _arrive(self, flow: Flow) -> None:
        flow.state, flow.ended_seconds, flow.landing = "arrived", self.events.now, None
        del self._live[flow]
        self.arrived = Count(self.arrived.messages + 1, self.arrived.bytes + flow.bytes)
        if flow.done is not None:
            flow.done(flow)

    def _settle_soon(self) -> None:
        if not self._settling:
            self._settling = True
            self.events.at(self.events.now, self._settle, priority=LAST)

    def _settle(self) -> None:
        """All that started and ended at this instant is known: rates anew, and the next end."""
        self._settling = False
        started, changed = self._started, self._changed
        floor, self._floor = self._floor, inf
        self._started, self._changed = {}, {}
        self._token += 1
        now, ends = self.events.now, self._ends
        for flow in share_out(started, changed, floor, self._token):
            rate, old = flow.share, flow.rate
            if abs(rate - old) <= SAME * old:
                flow.share = old
                continue
            if old:
                flow.left = max(0.0, flow.left - old * (now - flow.since))
            flow.since, flow.rate = now, rate
            leg = flow.leg
            if leg is not None:
                leg.times.append(now)
                leg.rates.append(rate)
            flow.end = end = now + flow.left / rate
            if end < flow.queued:  # later ends are found when the queue comes to them
                flow.queued = end
                heappush(ends, (end, flow.number, flow))
        self._wait()

    def _next_end(self) -> float:
        """When the next flow has sent all; what the queue says of flows that ended or were slowed is put right."""
        ends = self._ends
        while ends:
            seconds, number, flow = ends[0]
            if seconds == flow.end:
                return seconds
            if seconds == flow.queued:
                flow.queued = flow.end
                heapreplace(ends, (flow.end, number, flow))
            else:  # it has ended, or the queue has another time for it
                heappop(ends)
        return inf

    def _wait(self) -> None:
        """Sets the timer to the next end."""
        seconds = self._next_end()
        if seconds != self._timer_seconds:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_seconds = seconds
            self._timer = self.events.at(seconds, self._finish) if seconds < inf else None

    def _finish(self) -> None:
        """The last byte of a flow leaves, and with it those of all flows that end with it."""
        now = self.events.now
        self._timer, self._timer_seconds = None, inf
        while (seconds := self._next_end()) < inf:
            flow = self._ends[0][2]
            if seconds - now > SAME * (now - flow.started_seconds) + 4 * ulp(now):
                break
            heappop(self._ends)
            flow.left = 0.0
            self._leave(flow)
            self._land(flow)

    def __repr__(self) -> str:
        return f"<{len(self._wires)} links, {len(self._live)} flows under way, {self.arrived.messages} arrived>"
