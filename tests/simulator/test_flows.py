"""Flows against hand-computed schedules, against the batch rates, and against what must never break."""

import hashlib
import struct
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster import Clos, ClusterError, fair_rates, ready, ring, star
from labkit.simulator.events import Events
from labkit.simulator.flows import Flows


def sent(capacities, messages):
    """Arrival times of messages (start, hops, bytes[, latency])."""
    events = Events()
    flows = Flows(events, capacities)
    arrivals = [None] * len(messages)

    def send(number, hops, bytes, latency=0.0):
        flows.send(hops, bytes, lambda flow: arrivals.__setitem__(number, events.now), latency)

    for number, (start, *rest) in enumerate(messages):
        events.at(start, send, number, *rest)
    events.run()
    return arrivals, flows


# Schedules by hand: all numbers are exact in binary, so the last digit counts


def test_alone_a_flow_takes_what_the_network_says():
    cluster = ready("gpu_machines")
    a, b = "/job:worker/task:0/device:GPU:0", "/job:worker/task:41/device:GPU:0"
    hops = cluster.hops(a, b)
    latency = sum(cluster.network.graph.edges[hop]["latency_seconds"] for hop in hops)
    for size in (0, 1, 4096, 62e6, 1e12):
        assert sent(cluster.network.capacities(), [(0.0, hops, size, latency)])[0] == [cluster.seconds(a, b, size)]


def test_two_flows_on_one_link():
    assert sent({"x": 8.0}, [(0.0, ["x"], 8.0), (0.0, ["x"], 24.0)])[0] == [2.0, 4.0]


def test_one_comes_while_the_other_is_under_way():
    """From 0 to 1 alone: 8 of 16 bytes. Then 4 bytes/s each: 8 left take 2 s. The second has 4 left, alone: 0.5 s."""
    assert sent({"x": 8.0}, [(0.0, ["x"], 16.0), (1.0, ["x"], 12.0)])[0] == [3.0, 3.5]


def test_three_flows_over_two_links():
    """Rates 2, 8, 2. The second ends at 1; y still holds the first to 2. The third ends at 2; 4 for the first."""
    messages = [(0.0, ["x", "y"], 12.0), (0.0, ["x"], 8.0), (0.0, ["y"], 4.0)]
    assert sent({"x": 10.0, "y": 4.0}, messages)[0] == [4.0, 1.0, 2.0]


def test_the_parking_lot():
    """The long way gets a half of each link until the short ones are through; the last link carries 4 alone."""
    links = dict.fromkeys(range(3), 4.0)
    messages = [(0.0, [0, 1, 2], 8.0), (0.0, [0], 2.0), (0.0, [1], 4.0), (0.0, [2], 6.0)]
    # 2 each; at 1 the first is through, at 2 the second, at 3 the third; the long one has 2 left, at 4 bytes/s
    assert sent(links, messages)[0] == [3.5, 1.0, 2.0, 3.0]


def test_a_flow_that_starts_takes_from_the_fast_and_gives_to_their_others():
    """a alone is held to 2 by y. b starts on x: a still has 2, b the other 6. c starts on y: a and c have 1, b 7."""
    messages = [(0.0, ["x", "y"], 8.0), (1.0, ["x"], 19.0), (2.0, ["y"], 3.0)]
    # until 1: a 2 gone. until 2: a 4, b 6. a 1, b 7: c ends at 5, a has 7, b 27 > 19: b ends at 2 + 13/7
    arrivals, _ = sent({"x": 8.0, "y": 2.0}, messages)
    assert arrivals == [5.5, 2.0 + 13 / 7, 5.0]


def test_latency_adds_once_and_holds_no_link():
    messages = [(0.0, ["x", "y"], 8.0, 5.0), (1.0, ["x", "y"], 8.0, 5.0)]
    assert sent({"x": 8.0, "y": 8.0}, messages)[0] == [6.0, 7.0]


def test_no_bytes_or_no_link_is_latency_alone():
    messages = [(0.0, ["x"], 80.0), (1.0, ["x"], 0, 0.5), (1.0, [], 1e9, 0.25), (1.0, [], 0)]
    arrivals, flows = sent({"x": 8.0}, messages)
    assert arrivals == [10.0, 1.5, 1.25, 1.0]
    assert flows.load("x") == ([0.0, 10.0], [8.0, 0.0])


def test_a_link_twice_on_the_way_counts_once():
    assert sent({"x": 8.0}, [(0.0, ["x", "x"], 8.0)])[0] == [1.0]


def test_what_starts_at_one_instant_is_settled_once(monkeypatch):
    from labkit.simulator import streams as module

    calls = []
    monkeypatch.setattr(module, "share_out", lambda *a, old=module.share_out: calls.append(1) or old(*a))
    network = star(20, "ethernet_1g")
    sent(network.capacities(), [(1.0, network.hops(f"h{a}", "h0"), 1e6) for a in range(1, 20)])
    assert len(calls) == 2  # all start, all end


def test_a_sender_hears_when_the_last_byte_has_left():
    """Before it arrives; once, though the message takes another way while it lands; at once if there are no bytes."""
    events, heard = Events(), []
    flows = Flows(events, {"x": 8.0})
    flow = flows.send(["x"], 8.0, None, 5.0, "w", lambda f: heard.append((events.now, f.name, f.state)))
    events.run(until=2.0)
    flows.reroute(flow, ["x"], latency_seconds=1.0)
    assert events.run() == 3.0
    flows.send(["x"], 0, None, 5.0, "empty", lambda f: heard.append((events.now, f.name, f.state)))
    assert heard == [(1.0, "w", "landing"), (3.0, "empty", "landing")]


def test_one_that_has_left_may_cancel_another_that_left_with_it():
    events = Events()
    flows = Flows(events, {"x": 8.0})
    arrived, sent_off = [], []
    first = flows.send(["x"], 8.0, arrived.append, sent=lambda flow: flows.cancel(second))
    second = flows.send(["x"], 8.0, arrived.append, 1.0, sent=sent_off.append)
    assert events.run() == 2.0
    assert (arrived, sent_off, second.state) == ([first], [], "cancelled")
    assert flows.in_flight == (0, 0.0)


def test_messages_on_one_route_share_with_others_one_by_one():
    """Three on one way, one on another, over a link of 8: 2 each. The three end at 1, 2 (of 2, 4 bytes) and later.

    At 1 the short one is through: 8/3 each. At 1 + 2/(8/3) = 1.75 the second is; then 4 each.
    """
    messages = [(0.0, ["x"], 2.0), (0.0, ["x"], 4.0), (0.0, ["x"], 8.0), (0.0, ["x", "y"], 16.0)]
    arrivals, _ = sent({"x": 8.0, "y": 8.0}, messages)
    # third: 8 - 2 - 2 = 4 left at 1.75, until 2.75; fourth: 12 left at 1.75, 8 at 2.75, alone until 3.75
    assert arrivals == pytest.approx([1.0, 1.75, 2.75, 3.75], rel=1e-15)


def test_slow_messages_on_one_route_keep_what_they_have_each():
    """x carries 10, y 2. Two over both have 1 each, two over x alone 4 each; when one of these ends the other has 8."""
    messages = [(0.0, ["x", "y"], 3.0), (0.0, ["x", "y"], 3.0), (0.0, ["x"], 4.0), (0.0, ["x"], 12.0)]
    assert sent({"x": 10.0, "y": 2.0}, messages)[0] == [3.0, 3.0, 1.0, 2.0]


# Against the batch truth

CAPACITIES = st.integers(1, 20).map(float)


@st.composite
def traffics(draw):
    """Links, and messages (start, hops, bytes, latency) over them."""
    count = draw(st.integers(1, 6))
    capacities = {link: draw(CAPACITIES) for link in range(count)}
    message = st.tuples(
        st.integers(0, 8).map(lambda n: n / 4),
        st.lists(st.integers(0, count - 1), max_size=4, unique=True),
        st.integers(0, 30),
        st.sampled_from([0.0, 0.25, 1.0]),
    )
    return capacities, draw(st.lists(message, min_size=1, max_size=25))


@given(traffics(), st.lists(st.floats(0, 12), max_size=6))
def test_at_any_time_the_rates_are_the_fair_rates(traffic, moments):
    capacities, messages = traffic
    events = Events()
    flows = Flows(events, capacities)
    for start, hops, bytes, latency in messages:
        events.at(start, flows.send, hops, bytes, None, latency)
    for moment in sorted({*moments, *(start for start, *_ in messages)}):
        events.run(until=moment)
        streaming = [flow for flow in flows.under_way if flow.state == "streaming"]
        assert [flow.rate for flow in streaming] == pytest.approx(
            fair_rates([flow.hops for flow in streaming], capacities), rel=1e-9
        )


@given(traffics(), st.data())
def test_rates_stay_fair_when_flows_are_cancelled_and_links_fail(traffic, data):
    capacities, messages = traffic
    events = Events()
    flows = Flows(events, capacities)
    for start, hops, bytes, latency in messages:
        events.at(start, flows.send, hops, bytes, None, latency)
    events.run(until=2.0)
    failed = set()
    for step in range(5):
        live = flows.under_way
        choice = data.draw(st.sampled_from(["cancel", "fail", "reroute", "restore"]))
        if choice == "fail":
            link = data.draw(st.sampled_from(sorted(capacities)))
            failed.add(link)
            cut = flows.fail(link)
            assert {flow.state for flow in cut} <= {"cut"}
            assert all(link in flow.hops for flow in cut)
            assert [flow.rate for flow in cut] == [0.0] * len(cut)
        elif choice == "restore":
            flows.restore(*failed)
            failed.clear()
        elif live:
            flow = data.draw(st.sampled_from(live))
            usable = sorted(capacities.keys() - failed)
            if choice == "cancel":
                assert flows.cancel(flow)
            elif usable:
                flows.reroute(flow, data.draw(st.lists(st.sampled_from(usable), max_size=3, unique=True)))
        events.run(until=2.0 + (step + 1) / 8)
        streaming = [flow for flow in flows.under_way if flow.state == "streaming"]
        assert [flow.rate for flow in streaming] == pytest.approx(
            fair_rates([flow.hops for flow in streaming], capacities), rel=1e-9
        )
        assert not any(link in failed for flow in streaming for link in flow.hops)
    events.run()
    assert {flow.state for flow in flows.under_way} <= {"cut"}
    counts = [flows.arrived, flows.cancelled, flows.in_flight]
    assert flows.asked.messages == sum(count.messages for count in counts)
    assert flows.asked.bytes == sum(count.bytes for count in counts)


# What must never break


def runs(capacities, messages, order=None):
    """All that happened, as (seconds, state, message, rates)."""
    events = Events()
    flows = Flows(events, capacities)
    happened = []
    for number in order if order is not None else range(len(messages)):
        start, hops, bytes, latency = messages[number]
        events.at(
            start, flows.send, hops, bytes, lambda flow: happened.append((events.now, flow.name)), latency, number
        )
    times = []
    while (seconds := events.next_seconds()) is not None:
        times.append(events.run(until=seconds))
        for link in capacities:
            load = fsum(flow.rate for flow in flows.under_way if link in flow.hops)
            assert load <= capacities[link] * (1 + 1e-9)
        assert flows.asked.messages == flows.arrived.messages + flows.in_flight.messages
        assert flows.asked.bytes == flows.arrived.bytes + flows.in_flight.bytes
        for flow in flows.under_way:
            assert 0 <= flows.left_bytes(flow) <= flow.bytes
    return happened, times, flows


@given(traffics())
def test_nothing_is_lost_time_never_runs_back_and_no_link_carries_more_than_it_can(traffic):
    capacities, messages = traffic
    happened, times, flows = runs(capacities, messages)
    assert times == sorted(times)
    assert sorted(name for _, name in happened) == list(range(len(messages)))
    assert flows.arrived == (len(messages), sum(bytes for _, _, bytes, _ in messages))
    assert flows.in_flight == (0, 0)
    for seconds, name in happened:  # nobody is faster than alone
        start, hops, bytes, latency = messages[name]
        alone = bytes / min((capacities[link] for link in hops), default=float("inf"))
        assert seconds >= (start + alone + latency) * (1 - 1e-9)
    for link, capacity in capacities.items():
        asked = sum(bytes for _, hops, bytes, _ in messages if link in hops)
        assert flows.carried_bytes(link) == asked
        starts, rates = flows.load(link)
        assert starts == sorted(set(starts))
        assert max(rates, default=0.0) <= capacity * (1 + 1e-9)
        area = sum(rate * (b - a) for a, b, rate in zip(starts, starts[1:], rates, strict=False))
        assert area == pytest.approx(asked, rel=1e-9)
        if asked:
            assert rates[-1] == 0.0
            assert flows.utilisation(link) == pytest.approx(asked / capacity / flows.events.now)


@given(traffics(), st.randoms(use_true_random=False))
def test_the_order_in_which_messages_of_an_instant_are_sent_does_not_matter(traffic, random):
    capacities, messages = traffic
    order = list(range(len(messages)))
    random.shuffle(order)
    ways = [runs(capacities, messages, order)[0], runs(capacities, messages)[0]]
    assert sorted(ways[0], key=lambda pair: pair[1]) == sorted(ways[1], key=lambda pair: pair[1])  # to the last bit


def test_the_same_messages_make_the_same_trace():
    """The hash is that of one run, kept: it changes if an arrival moves by its last bit."""
    network = Clos(radix=8, levels=2, link="ethernet_10g").network()
    messages = []
    for n in range(400):
        hops = network.hops(f"h{n * 7 % 32}", f"h{(n * 7 + 1 + n * 13 % 31) % 32}", n)
        messages.append((n % 20 / 1e4, hops, 1000.0 * (n * 37 % 101), 1e-5))
    happened, _ = sent(network.capacities(), messages)
    digest = hashlib.sha256(struct.pack(f"<{len(happened)}d", *happened)).hexdigest()
    assert digest[:16] == "be467dcea7d0bb27"


def test_a_long_simulation_ends_equal_flows_together():
    """After a thousand seconds the clock has 1e-13 s to spare: equal flows still end at one instant."""
    network = star(8, "ethernet_10g")
    start = 1000.1
    messages = [(start, network.hops(f"h{a}", f"h{b}"), 1e6) for a in range(8) for b in range(8) if a != b]
    arrivals, _ = sent(network.capacities(), messages)
    assert len(set(arrivals)) == 1
    assert arrivals[0] == pytest.approx(start + 7e6 / 1.25e9, rel=1e-12)


# Failures


def test_a_killed_switch_cuts_flows_that_then_take_another_way():
    network = Clos(radix=4, levels=2, link="ethernet_1g").network()  # two top switches
    events = Events()
    flows = Flows(events, network.capacities())
    arrived = []
    for host, other in [("h0", "h4"), ("h1", "h5")]:
        for number in range(40):  # until one goes over each top switch
            hops = network.hops(host, other, number)
            if any(("s2.0" if host == "h0" else "s2.1") in hop for hop in hops):
                flows.send(hops, 125e6, lambda flow: arrived.append((events.now, flow.name)), name=host)
                break
    events.run(until=0.5)
    (flow,) = flows.fail(*flows.links_at("s2.0"))
    assert (flow.name, flow.state, flow.rate, flows.left_bytes(flow)) == ("h0", "cut", 0.0, 62.5e6)
    events.run(until=0.75)  # nothing happens to it meanwhile
    flows.reroute(flow, network.without(["s2.0"]).hops("h0", "h4"))
    events.run()
    # the second is alone until 0.75, then each has a half of what leads up to and down from the other top switch
    assert arrived == [(1.25, "h1"), (1.5, "h0")]
    assert flows.carried_bytes(("h0", "s1.0")) == 125e6


def test_the_last_byte_on_its_way_is_cut_too_and_a_cut_flow_can_be_cancelled():
    events = Events()
    flows = Flows(events, {"x": 10.0, "y": 10.0})
    arrived = []
    flow = flows.send(["x"], 10.0, arrived.append, latency_seconds=5.0)
    other = flows.send(["y"], 0.0, arrived.append, latency_seconds=5.0)
    events.run(until=2.0)
    assert flow.state == other.state == "landing"
    assert flows.fail("x", "y") == [flow, other]
    assert flows.fail("x") == []
    with pytest.raises(ClusterError, match=r"the link 'x' on the way of 'again' has failed"):
        flows.send(["x"], 1.0, name="again")
    flows.restore("x")
    flows.reroute(other, ["x"], latency_seconds=1.0)
    assert flows.cancel(flow)
    assert not flows.cancel(flow)
    events.run()
    assert (events.now, arrived) == (3.0, [other])
    assert (flows.asked, flows.arrived, flows.cancelled) == ((2, 10.0), (1, 0.0), (1, 10.0))
    assert not flows.cancel(other)
    assert (flow.ended_seconds, other.ended_seconds) == (2.0, 3.0)


def test_what_is_cancelled_makes_room():
    """Half of 8 bytes/s each; at 1 the one is cancelled, and the other's 12 bytes left take 1.5 s."""
    events = Events()
    flows = Flows(events, {"x": 8.0})
    first, second = flows.send(["x"], 16.0), flows.send(["x"], 16.0)
    events.at(1.0, flows.cancel, first)
    assert events.run() == 2.5
    assert second.state == "arrived"
    assert flows.carried_bytes("x") == 4.0 + 16.0
    assert flows.load("x") == ([0.0, 2.5], [8.0, 0.0])
    assert flows.utilisation("x") == 1.0


def test_a_flow_sent_and_cancelled_at_one_instant_leaves_no_mark():
    events = Events()
    flows = Flows(events, {"x": 8.0})
    flows.cancel(flows.send(["x"], 16.0))
    assert events.run() == 0.0
    assert (flows.load("x"), flows.carried_bytes("x"), flows.utilisation("x")) == (([], []), 0.0, 0.0)


def test_when_a_message_arrives_the_next_can_be_sent_at_once():
    events = Events()
    flows = Flows(events, {"x": 8.0})
    flows.send(["x"], 8.0, lambda flow: flows.send(["x"], 16.0))
    assert events.run() == 3.0


def test_a_flow_that_starts_and_ends_at_a_time_that_was_settled_leaves_no_load():
    events = Events()
    flows = Flows(events, {"x": 8.0})
    flow = flows.send(["x"], 16.0)
    events.run(until=0.0)
    assert flow.rate == 8.0
    flows.cancel(flow)
    events.run()
    assert flows.load("x") == ([], [])
    flows.send(["x"], 8.0)
    flows.send(["x"], 24.0)
    assert events.run() == 4.0
    assert flows.load("x") == ([0.0, 4.0], [8.0, 0.0])
    assert flows.carried_bytes("x") == 32.0


def test_a_trickle_beside_a_torrent_gets_what_is_its_own():
    """The torrent's rate is so large that the trickle's share of the link is lost in rounding."""
    events = Events()
    flows = Flows(events, {"wide": 1e15, "narrow": 1e-3})
    flows.send(["wide"], 4e15)
    events.run(until=1.0)
    trickle = flows.send(["narrow", "wide"], 1e-3)
    events.run()
    assert trickle.ended_seconds == 2.0


# Wrong input


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda f: f.send(["x"], -1), "the size of 'message 0' is -1 bytes; it must be a number at least zero"),
        (lambda f: f.send(["x"], float("nan")), "the size of 'message 0' is nan bytes"),
        (lambda f: f.send(["x"], 1, name="w", latency_seconds=-1e-6), "the latency of 'w' is -1e-06 seconds"),
        (lambda f: f.send(["xx"], 1, name="w"), "there is no link called 'xx'.\n  it is on the way of 'w'\n  Try: x"),
        (lambda f: f.fail("z"), "there is no link called 'z'"),
        (lambda f: f.load("z"), "there is no link called 'z'"),
        (lambda f: f.links_at("a"), "there is no node with links called 'a'"),
        (lambda f: Flows(Events(), {"x": 0.0}), "the capacity of 'x' is 0.0 bytes/s; it must be a number above zero"),
        (lambda f: f.cancel(Flows(Events(), {"x": 1.0}).send(["x"], 1)), "was sent through other flows"),
    ],
)
def test_wrong_input_is_refused(wrong, message):
    flows = Flows(Events(), {"x": 8.0})
    with pytest.raises(ClusterError) as caught:
        wrong(flows)
    assert message in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert flows.asked == (0, 0.0)
    assert flows.in_flight == (0, 0.0)


def test_what_has_arrived_takes_no_other_way():
    events = Events()
    flows = Flows(events, {"x": 8.0})
    flow = flows.send(["x"], 8.0, name="w")
    events.run()
    with pytest.raises(ClusterError, match="'w' is arrived and takes no other way"):
        flows.reroute(flow, ["x"])


def test_a_wrong_new_way_leaves_the_message_on_the_old_one():
    events = Events()
    flows = Flows(events, {"x": 8.0})
    flow = flows.send(["x"], 8.0)
    with pytest.raises(ClusterError, match="no link called 'y'"):
        flows.reroute(flow, ["y"])
    assert events.run() == 1.0
    assert flow.state == "arrived"


def test_nodes_have_links_at_them():
    flows = Flows(Events(), ring(3, "ethernet_1g").capacities())
    assert sorted(flows.links_at("h1")) == [("h0", "h1"), ("h1", "h0"), ("h1", "h2"), ("h2", "h1")]
    assert len(flows.links) == 6
    assert repr(flows) == "<6 links, 0 flows under way, 0 arrived>"
