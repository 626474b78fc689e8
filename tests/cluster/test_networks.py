"""Networks against networkx, formulas and published numbers: sizes, routes, cuts, failures."""

import itertools
from collections import Counter

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster import JUPITER, Clos, ClusterError, LinkKind, Network, ring, single, star, torus

GIGABYTE = LinkKind("unit", "a link", 1e-6, 1e9, "round")


def clos(*sizes, **more):
    return Clos(*sizes, link=GIGABYTE, **more)


SMALL = [
    clos(8, 1), clos(4, 2), clos(8, 2), clos(4, 3), clos(6, 3), clos(4, 4), clos(8, 2, oversubscription=3),
    clos(6, 3, oversubscription=2), clos(8, 2, pods=2), clos(8, 3, pods=4), clos(4, 4, pods=2), clos(8, 2, plugged=16),
    clos(12, 2, oversubscription=2, pods=6),
]  # fmt: skip


@pytest.mark.parametrize("spec", SMALL, ids=str)
def test_a_clos_network_is_as_large_as_its_formulas_say(spec):
    network = spec.network()
    assert len(network.hosts) == spec.hosts
    levels = Counter(level for node, level in network.graph.nodes(data="level") if node.startswith("s"))
    assert tuple(levels[level] for level in range(1, spec.levels + 1)) == spec.switches
    assert sum(cables for *_, cables in network.graph.edges(data="cables")) == spec.cables
    assert nx.is_connected(network.graph)


@pytest.mark.parametrize("spec", SMALL, ids=str)
def test_no_switch_has_more_cables_than_ports(spec):
    """And all ports of a full network are in use."""
    network = spec.network()
    used = dict(network.graph.degree(weight="cables"))
    for switch in network.switches:
        assert used[switch] <= spec.radix
        assert used[switch] == spec.radix or spec.plugged is not None


@pytest.mark.parametrize("spec", SMALL, ids=str)
def test_its_bisection_by_formula_is_the_minimum_cut(spec):
    network = spec.network()
    assert network.bisection_bandwidth() == pytest.approx(spec.bisection_bandwidth())
    half = set(network.hosts[: spec.hosts // 2])
    graph = nx.DiGraph(network.graph)  # the same cut, put together another way
    for _, _, edge in graph.edges(data=True):
        edge["capacity"] = edge["bytes_per_second"]
    graph.add_edges_from(("s", host) if host in half else (host, "t") for host in network.hosts)
    value, (near, _) = nx.minimum_cut(graph, "s", "t")
    assert value == pytest.approx(spec.bisection_bandwidth())
    crossing = [e for e in network.graph.edges(data="bytes_per_second") if (e[0] in near) != (e[1] in near)]
    assert sum(rate for *_, rate in crossing) == pytest.approx(value)


@pytest.mark.parametrize("sizes", [(4, 2), (4, 3)])
def test_no_way_to_halve_a_full_clos_network_is_narrower(sizes):
    """Rearrangeably non-blocking: every half reaches the other at full speed."""
    network = clos(*sizes).network()
    hosts = network.hosts
    for half in itertools.islice(itertools.combinations(hosts, len(hosts) // 2), 0, None, 35 if sizes[1] == 2 else 901):
        assert network.cut_bandwidth(half) >= len(hosts) / 2 * 1e9 * (1 - 1e-12)


@pytest.mark.parametrize("radix", [4, 8, 48])
def test_three_levels_are_the_fat_tree_of_al_fares(radix):
    """k^3/4 hosts, 5k^2/4 switches; 27,648 hosts for k = 48."""
    spec = Clos(radix, 3)
    assert spec.hosts == radix**3 // 4
    assert sum(spec.switches) == 5 * radix**2 // 4


def test_jupiter_carries_what_the_seeds_and_the_paper_say():
    """10 G x 100,000 hosts = 1 Pb/s, both directions counted; all ports: the 1.3 Pb/s of "Jupiter rising"."""
    assert JUPITER.bisection_bandwidth(both_directions=True) * 8 == 10e9 * 100_000 == 1e15
    full = Clos(radix=64, levels=4, pods=4)
    assert round(full.bisection_bandwidth(both_directions=True) * 8 / 1e15, 1) == 1.3


def test_a_scaled_down_jupiter_carries_its_share_by_maximum_flow():
    """The same form (four levels, a sixteenth of the pods in trunks of 2), radix 8: 10 G x hosts."""
    small = Clos(radix=8, levels=4, pods=4, link="ethernet_10g", plugged=200)
    network = small.network()
    assert network.bisection_bandwidth(both_directions=True) * 8 == pytest.approx(10e9 * 200)


def test_tpu_pods_have_google_s_bisection():
    """CACM 63(7), 2020: 256 chips, 15.9 Tb/s; two rows of 16 links are cut."""
    assert torus(16, 16, "tpu_v2_link").bisection_bandwidth() * 8 == pytest.approx(32 * 496e9)


@pytest.mark.parametrize(
    ("network", "links"),
    [(star(6, GIGABYTE), 3), (ring(3, GIGABYTE), 2), (ring(8, GIGABYTE), 2), (torus(4, 4, GIGABYTE), 8),
     (torus(4, 3, GIGABYTE), 6)],
    ids=str,
)  # fmt: skip
def test_bisections_of_known_forms_are_the_narrowest(network, links):
    """By formula, and by trying every half."""
    hosts = network.hosts
    assert network.bisection_bandwidth() == links * 1e9
    if len(hosts) <= 8:
        halves = itertools.combinations(hosts, len(hosts) // 2)
        assert min(network.cut_bandwidth(half) for half in halves) == links * 1e9


@pytest.mark.parametrize(
    ("made", "known"),
    [(star(5, GIGABYTE), nx.star_graph(5)), (ring(7, GIGABYTE), nx.cycle_graph(7)),
     (torus(4, 5, GIGABYTE), nx.grid_2d_graph(4, 5, periodic=True)), (clos(4, 2).network(), None)],
    ids=str,
)  # fmt: skip
def test_forms_are_networkx_s(made, known):
    graph = made.graph
    if known is None:  # the core of a leaf-spine network joins everything with everything
        graph, known = graph.subgraph(made.switches), nx.complete_bipartite_graph(4, 2)
    assert nx.is_isomorphic(graph, known)


@given(st.sampled_from(SMALL), st.randoms(use_true_random=False))
def test_routes_are_among_networkx_s_shortest(spec, random):
    network = spec.network()
    source, target = random.sample(network.hosts, 2)
    ways = [tuple(way) for way in nx.all_shortest_paths(network.graph, source, target)]
    assert {tuple(network.route(source, target, flow)) for flow in range(8)} <= set(ways)
    assert network.route(source, target, 3) == spec.network().route(source, target, 3)
    assert network.route(source, source) == [source]


def test_flows_spread_over_all_ways():
    """The flows between two pods of a fat tree of radix 8 use each of its 16 ways."""
    network = clos(8, 3).network()
    ways = Counter(tuple(network.route("h0", "h127", flow)) for flow in range(400))
    assert len(ways) == 16 == len(list(nx.all_shortest_paths(network.graph, "h0", "h127")))
    assert max(ways.values()) < 3 * 400 / 16


def test_routes_are_the_same_on_every_machine():
    """A hash of the names, not Python's hash, which differs from process to process."""
    assert clos(4, 3).network().route("h0", "h15", 1) == ["h0", "s1.0", "s2.0", "s3.2", "s2.6", "s1.7", "h15"]


def test_permutations_through_a_clos_network_get_less_than_the_cut_where_hashes_collide():
    network = clos(8, 3).network()
    hosts = network.hosts
    rates = network.rates([(hosts[i], hosts[(i + 64) % 128]) for i in range(128)])
    assert max(rates) <= 1e9
    assert 0.3e9 < sum(rates) / 128 < 1e9


def test_a_dead_spine_leaves_a_narrower_network_and_a_dead_leaf_cuts_its_hosts_off():
    network = clos(8, 2).network()
    spines = [s for s in network.switches if s.startswith("s2.")]
    assert network.without(spines[:1]).bisection_bandwidth() == pytest.approx(0.75 * network.bisection_bandwidth())
    broken = network.without(["s1.0"])
    with pytest.raises(ClusterError, match="no links of the network 'Clos network' lead from 'h0' to 'h31'"):
        broken.route("h0", "h31")


def test_a_message_takes_its_latencies_and_its_slowest_link():
    network = Network("chain")
    for node, role in (("a", "host"), ("s", "switch"), ("b", "host")):
        network.add(node, role)
    network.link("a", "s", "ethernet_10g")
    network.link("s", "b", "ethernet_1g")
    assert network.seconds("a", "b", 125e6) == 5e-6 + 40e-6 + 1.0
    assert network.seconds("a", "a", 125e6) == 0.0
    assert network.latency_seconds("a", "b") == 5e-6 + 40e-6


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: star(2, "ethernet_11g"), "no kind of link called 'ethernet_11g'"),
        (lambda: star(0, "ethernet_10g"), "the number of hosts of a star is 0"),
        (lambda: ring(2, "ethernet_10g"), "the number of hosts of a ring is 2; it must be a whole number of at least"),
        (lambda: torus(2, 4, "ethernet_10g"), "the number of rows of a torus is 2"),
        (lambda: single().add("h0", "host"), "two nodes of the network 'single server' are called 'h0'"),
        (lambda: single().add("", "host"), "a host of the network 'single server' is called ''"),
        (lambda: single().add("x", "router"), "no role of a node called 'router'"),
        (lambda: single().link("h0", "h1", "ethernet_1g"), "no node called 'h1'"),
        (lambda: single().link("h0", "h0", "ethernet_1g"), "joins a node with itself"),
        (lambda: star(2, GIGABYTE).link("h0", "s1.0", GIGABYTE), "'h0' and 's1.0' are joined twice"),
        (lambda: star(2, GIGABYTE).route("h0", "h9"), "no node called 'h9'"),
        (lambda: star(2, GIGABYTE).cut_bandwidth(["h0", "h1"]), "a cut parts the 2 hosts"),
        (lambda: star(2, GIGABYTE).without(["h9"]), "no node called 'h9'"),
        (lambda: Clos(5, 2), "half of the ports go up: it must be even"),
        (lambda: Clos(8, 0), "the number of levels of a Clos network is 0"),
        (lambda: Clos(8, 2, oversubscription=2.5), "8 ports cannot be parted 2.5 down to 1 up"),
        (lambda: Clos(8, 2, oversubscription=-1), "the oversubscription of a Clos network is -1"),
        (lambda: Clos(8, 1, oversubscription=3), "a single switch has no uplinks"),
        (lambda: Clos(8, 2, pods=3), "3 pods do not share the 8 ports of each top switch evenly"),
        (lambda: Clos(8, 2, plugged=33), "33 hosts do not fit: 2 levels of radix 8 have 32 ports"),
    ],
)
def test_what_makes_no_network_is_an_error_that_says_so(act, said):
    with pytest.raises(ClusterError) as caught:
        act()
    assert said in str(caught.value)
