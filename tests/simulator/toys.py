"""Small machines and steps whose times one can work out by hand: links of 10 bytes/s, ops that take what they say."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from labkit.cluster import Cluster, Device, DeviceKind, LinkKind, Network
from labkit.trace import Output
from labkit.workload import Workload, WorkNode

WIRE = LinkKind("toy wire", "a toy wire", 0.5, 10.0, "invented")
TOY = DeviceKind("toy", "a toy", {"float32": 1.0}, 1000.0, 1.0, 0.0, "invented")


def flops_are_seconds(node, kind):
    """How long an op takes: a FLOP a second."""
    return node.flops


def pair(memory=1000.0):
    """a0 and a1 on the host A, b0 on the host B; one wire of 10 bytes/s each way and 0.5 s latency."""
    network = Network("two hosts")
    network.add("A", "host")
    network.add("B", "host")
    network.link("A", "B", WIRE)
    kind = DeviceKind("toy", "a toy", {"float32": 1.0}, memory, 1.0, 0.0, "invented")
    return Cluster("pair", network, [Device(name, "toy", name[0].upper(), own=kind) for name in ("a0", "a1", "b0")])


def op(name, *inputs, seconds=0.0, bytes=(0,), type="MatMul", **more):
    """An op that takes `seconds` and makes a tensor of each of `bytes`."""
    sizes = (bytes,) if isinstance(bytes, int) else bytes
    outputs = tuple(Output(f"{name}:{slot}", "uint8", (size,), size) for slot, size in enumerate(sizes))
    return WorkNode(name, type, inputs, outputs, float(seconds), 0.0, **more)


def variable(name, bytes):
    """A variable."""
    return op(name, bytes=bytes, type="VariableV2", state_bytes=bytes, holds_reference=True)


def training_step(ops, seed):
    """Variables, ops forward and backward, updates: `ops` in all; numbers from `random`, the same everywhere."""
    noise = random.Random(seed)
    half = ops // 4
    nodes, takers = [], [[] for _ in range(half)]
    for i in range(half):
        size = 4 * (1000 + int(noise.random() * 100_000))
        before = sorted({i - 1 - int(noise.random() * min(i, 20)) for _ in range(2)} if i else set())
        for j in before:
            takers[j].append(i)
        out = Output(f"w{i}:0", "float32", (size // 4,), size)
        nodes.append(WorkNode(f"w{i}", "VariableV2", (), (out,), state_bytes=size, holds_reference=True))
        inputs = (*(f"f{j}:0" for j in before), f"w{i}:0")
        nodes.append(WorkNode(f"f{i}", "MatMul", inputs, (Output(f"f{i}:0", "float32", (size // 4,), size),),
                              1e8 * noise.random(), 3.0 * size))  # fmt: skip
    for i in reversed(range(half)):
        size = nodes[2 * i + 1].outputs[0].bytes
        inputs = (*(f"g{j}:0" for j in takers[i]), f"f{i}:0")
        nodes.append(WorkNode(f"g{i}", "MatMul", inputs, (Output(f"g{i}:0", "float32", (size // 4,), size),),
                              2e8 * noise.random(), 5.0 * size))  # fmt: skip
        nodes.append(WorkNode(f"u{i}", "ApplyGradientDescent", (f"w{i}:0", f"g{i}:0"), (), size / 4, 3.0 * size,
                              holds_reference=True))  # fmt: skip
    return Workload(tuple(nodes))


def spread(work, devices):
    """Layer i, its variable and its gradient on device i, round and round."""
    return {node.name: devices[int(node.name[1:]) % len(devices)] for node in work.nodes}


@st.composite
def workloads(draw, most=12):
    """Random steps: ops that take no time or some, several outputs, aliases, control edges, variables, fetches."""
    count = draw(st.integers(1, most))
    nodes = []
    for i in range(count):
        before = draw(st.lists(st.integers(0, i - 1), max_size=3)) if i else []
        inputs = []
        for j in before:
            slots = len(nodes[j].outputs)
            slot = draw(st.integers(-1, slots - 1))
            inputs.append(f"^n{j}" if slot < 0 else f"n{j}:{slot}")
        inputs += ["fed:0"] * draw(st.booleans())
        shape = draw(st.sampled_from(["op", "op", "op", "alias", "nothing", "variable"]))
        sizes = draw(st.lists(st.integers(0, 64), min_size=1, max_size=2))
        seconds = draw(st.integers(0, 12)) / 4
        if shape == "variable":
            nodes.append(variable(f"n{i}", sizes[0]))
        elif shape == "alias" and inputs and not inputs[0].startswith("^"):
            nodes.append(op(f"n{i}", *inputs, bytes=sizes[0], type=draw(st.sampled_from(["Identity", "Reshape"]))))
        elif shape == "nothing":
            nodes.append(op(f"n{i}", *inputs, bytes=(), type="NoOp"))
        else:
            nodes.append(op(f"n{i}", *inputs, seconds=seconds, bytes=tuple(sizes)))
    names = [output.name for node in nodes for output in node.outputs]
    fetched = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
    return Workload(tuple(nodes), tuple(fetched))
