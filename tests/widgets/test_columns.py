"""The columns say what the graph says: compared with networkx and with the graph's own objects."""

from __future__ import annotations

import json
import zlib
from typing import Any

import networkx as nx
import pytest

import labkit as tf
from labkit.draw.units import parts_of
from labkit.executor import prune
from labkit_widgets.columns import PARTS, bodies, columns, decode, encode, find
from tests.widgets.samples import HOSTILE, SAMPLES, control_flow, convnet, hostile, softmax, training

SMALL = [name for name in SAMPLES if name not in {"1k", "20k"}]


def as_networkx(made: dict[str, Any]) -> nx.MultiDiGraph:
    """The columns' edges as networkx holds them."""
    found = nx.MultiDiGraph()
    found.add_nodes_from(made["names"])
    for start, slot, end, place in zip(made["from"], made["slot"], made["to"], made["input"], strict=True):
        found.add_edge(made["names"][start], made["names"][end], slot=slot, input=place)
    return found


@pytest.mark.parametrize("sample", SMALL)
def test_nodes_and_edges_are_those_of_the_graph(sample: str) -> None:
    graph = SAMPLES[sample]()
    made = columns(graph)
    found = as_networkx(made)
    for node in graph.get_operations():
        edges = {(e[0], e[2]["slot"], e[2]["input"]) for e in found.in_edges(node.name, data=True)}
        expected = {(t.op.name, t.value_index, i) for i, t in enumerate(node.inputs)}
        expected |= {(other.name, -1, -1) for other in node.control_inputs}
        assert edges == expected
    inner = sum(len(inside) for _, inside in bodies(graph.get_operations()))
    assert len(made["names"]) == graph.version + inner == len(set(made["names"]))
    assert nx.is_directed_acyclic_graph(found)


@pytest.mark.parametrize("sample", SMALL)
def test_columns_have_one_entry_for_each_node_and_point_into_their_lists(sample: str) -> None:
    made = columns(SAMPLES[sample]())
    count = len(made["names"])
    for column, into in (("op", "ops"), ("device", "devices"), ("site", "sites")):
        assert len(made[column]) == count
        assert all(0 <= i < len(made[into]) for i in made[column])
    assert [len(made[name]) for name in ("part", "outputs", "flops")] == [count] * 3
    assert all(0 <= part < len(PARTS) for part in made["part"])
    assert len(made["outputTypes"]) == sum(made["outputs"])
    assert len(made["from"]) == len(made["slot"]) == len(made["to"]) == len(made["input"])


def test_what_a_tensor_depends_on_is_what_networkx_finds() -> None:
    graph = convnet()
    guesses = graph.get_operation_by_name("guesses")
    made = columns(graph, prune([guesses], ()))
    whole = as_networkx(columns(graph))
    assert set(made["names"]) == nx.ancestors(whole, "guesses") | {"guesses"}


def test_dtypes_shapes_and_sizes_are_written_as_tensorflow_writes_them() -> None:
    made = columns(softmax())
    types = {(kind["dtype"], kind["shape"]): kind["bytes"] for kind in made["types"]}
    assert types[("float32", "(784, 10)")] == 784 * 10 * 4
    assert types[("float32", "(?, 784)")] is None
    with tf.Graph().as_default() as graph:
        tf.placeholder(tf.float32, name="anything")
        tf.constant(["a"], name="words")
    assert [kind["shape"] for kind in columns(graph)["types"]] == ["<unknown>", "(1,)"]
    assert [kind["bytes"] for kind in columns(graph)["types"]] == [None, None]


def test_flops_are_those_of_the_formula_and_unknown_where_a_size_is() -> None:
    with tf.Graph().as_default() as graph:
        for rows in (32, None):
            with tf.name_scope("known" if rows else "unknown"):
                tf.matmul(tf.placeholder(tf.float32, [rows, 784]), tf.zeros([784, 10]), name="product")
    made = columns(graph)
    flops = dict(zip(made["names"], made["flops"], strict=True))
    assert flops["known/product"] == 2 * 32 * 784 * 10
    assert flops["unknown/product"] is None


def test_parts_of_a_training_graph() -> None:
    graph = convnet()
    made = columns(graph)
    part = {name: PARTS[i] for name, i in zip(made["names"], made["part"], strict=True)}
    assert part["images"] == part["keep"] == "input"
    assert {part[f"conv1/weights{end}"] for end in ("", "/Assign", "/read")} == {"state"}
    assert part["conv1/truncated_normal/TruncatedNormal"] == "state"  # it only starts a variable
    assert part["conv1/weights/Momentum"] == part["train/update_conv1/weights/ApplyMomentum"] == "optimizer"
    assert part["conv1/Conv2D"] == part["guesses"] == "forward"
    assert part["init"] == "other"
    gradients = {name for name in part if name.startswith("gradients/")}
    assert {part[name] for name in gradients} == {"gradient"}
    assert parts_of(graph.get_operations()) == [part[node.name] for node in graph.get_operations()]


def test_the_learners_line_is_told() -> None:
    with tf.Graph().as_default() as graph:
        tf.constant(1.0, name="here")
    (line,) = columns(graph)["sites"]
    assert line.endswith('tf.constant(1.0, name="here")')


def test_devices_are_told() -> None:
    with tf.Graph().as_default() as graph:
        tf.constant(1.0)
        with tf.device("/device:GPU:1"):
            tf.constant(2.0)
    made = columns(graph)
    assert [made["devices"][i] for i in made["device"]] == ["", "/device:GPU:1"]


def test_bodies_are_nodes_under_the_node_that_holds_them() -> None:
    graph = control_flow()
    names = columns(graph)["names"]
    assert names[: graph.version] == [node.name for node in graph.get_operations()]
    inside = set(names[graph.version :])
    holders = {node.name for node in graph.get_operations() if hasattr(node.kind, "bodies")}
    assert all(any(name.startswith(holder + "/") for holder in holders) for name in inside)
    assert any(name.startswith("loop/Exit/body/choose/Merge/true/") for name in inside)  # a branch within a loop
    for name in inside:
        node = find(graph, name)
        assert node is not None
        assert node.name.rpartition("/")[2] == name.rpartition("/")[2]
    assert find(graph, "loop/Exit") is graph.get_operation_by_name("loop/Exit")
    assert find(graph, "not there") is None


def test_hostile_names_arrive_as_they_are() -> None:
    made = decode(encode(hostile()))
    for name in HOSTILE:
        assert name in made["names"]


def test_the_bytes_are_zlib_and_the_same_each_time() -> None:
    graph = convnet()
    data = encode(graph)
    assert data == encode(graph)
    assert json.loads(zlib.decompress(data)) == columns(graph)


def test_twenty_thousand_operations_fit_well_into_a_message() -> None:
    graph = training(2000)
    assert graph.version >= 2000
    assert len(encode(graph)) < 40_000  # 20,000 of them are about 150 kB: see the benchmarks
