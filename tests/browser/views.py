"""A small program for each view, as a learner would write it, and the same with names that nobody would choose.

The programs are cells of the notebooks that the browser tests open, and they are run here for pages without a kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

import labkit
import labkit_widgets
from labkit.graph import lookup

NET = """
import numpy as np
import labkit as tf
import labkit_widgets as lw
graph = tf.Graph()
with graph.as_default():
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    with tf.name_scope("layer"):
        w = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3) / 10, name="w")
        logits = tf.matmul(x, w, name="logits")
    loss = tf.reduce_mean(tf.square(logits), name="loss")
    rate = tf.Variable(0.1, trainable=False, name="rate")
    train = tf.train.GradientDescentOptimizer(rate).minimize(loss)
    init = tf.global_variables_initializer()
session = tf.Session(graph=graph)
session.run(init)
four = np.ones((2, 4), np.float32)
"""

# What shows itself as the last line of a cell that comes after NET.
PROGRAMS = {
    "GraphView": "graph_view = lw.GraphView(graph, session=session, feed={x: four})\ngraph_view",
    "TraceView": """
_, trace = session.watch([loss, train], {x: four})
trace_view = lw.TraceView(trace, graph)
trace_view
""",
    "ClusterView": """
work = tf.costs.workload([loss, train], {x: [2, 4]})
groups = {}  # what shares a device
places = {n.name: groups.setdefault(n.group or n.name, f"/device:GPU:{len(groups) % 3}") for n in work.nodes}
cluster_view = lw.ClusterView(run=tf.simulator.simulate(work, places, tf.cluster.ready("gpu_server")))
cluster_view.between("/device:GPU:0", "/device:GPU:5").kill("/device:GPU:0", "/device:GPU:1")
""",
    "DebuggerView": "debugger_view = lw.DebuggerView(session, loss, {x: four})\ndebugger_view",
    "ScalingView": """
mine = tf.parallel.scaling_curve(0.4, 1e8, [1, 4, 16], tf.parallel.ParameterServers(4), name="mine")
lw.ScalingView(["inception/p100", "slides/dense", "slides/hours"], mine, times={"sync": [(1, 9.0), (4, None)]})
""",
    "RaceView": """
data = {x: np.arange(256, dtype=np.float32).reshape(64, 4) / 256}
plain = tf.parallel.DataParallel(train, data, loss, workers=3, batch=4)
fault = tf.parallel.Fault(1.0, "worker 2")
hurt = tf.parallel.DataParallel(
    train, data, loss, workers=4, batch=4, mode="async", faults=[fault], recovery=tf.parallel.Recovery(0.2, 0.5, 0.5))
lw.RaceView([plain, hurt], updates=40, target=0.05).run()
""",
    "DeviceNameView": "lw.DeviceNameView('/job:worker/task:1', '/gpu:0', cluster=tf.cluster.ready('gpu_machines'))",
    "RooflineView": "lw.RooflineView(tf.costs.graph_cost([loss, train], {x: [2, 4]}), ['k40', 'tpu_v1', 'phone'])",
    "TrainingView": """
training = lw.TrainingView(
    session, train, {x: four}, steps=20, curves={"loss": loss}, weights=[w], histograms=[w], learning_rate=rate)
training.start().wait()
training
""",
    "PipelineView": "lw.PipelineView(tf.parallel.Pipeline(3, 6, transfer=0.25), '1f1b', other='gpipe', slow=1)",
    "ProcessesView": """
processes = tf.parallel.processes.Processes(1)
processes_view = lw.ProcessesView(processes)
processes_view.train(train, {x: np.ones((9, 4), np.float32)}, loss, steps=20, batch=2).wait()
processes_view.shut_down()
""",
    "PlacementView": """
placement_view = lw.PlacementView(train, "gpu_server", {x: [100, 4]})
placement_view.move("layer", "/gpu:1")
""",
    "ParallelView": """
parallel_view = lw.ParallelView(train, {x: np.ones((40, 4), np.float32)}, loss, workers=3, batch=4, updates=12)
parallel_view.kill("worker 1", seconds=0.5)
""",
    "PlaygroundView": """
playground = lw.PlaygroundView(data="xor", layers=(3, 2), seed=4)
playground.train(5)
playground
""",
}

HOSTILE = {
    "markup": "<img src=x onerror=window.hacked=1>",
    "script": "</script><script>window.hacked=1</script>",
    "comment": "<!-- --!> <svg onload=window.hacked=1>",
    "long": "n" * 10_000,
    "right to left": "\u202eשלום مرحبا",
    "emoji": "👩‍👩‍👧 🏳️‍🌈",
}

# labkit refuses such names, but a graph may come from a file, and a page is no place to rely on that.
HOSTILE_NET = f"""
import re
import labkit as tf
import labkit_widgets as lw
from labkit.graph import lookup
lookup._VALID_NAME = lookup._VALID_INNER_NAME = re.compile(r"[\\s\\S]+")
hostile = {list(HOSTILE.values())!r}
graph = tf.Graph()
with graph.as_default():
    x = tf.constant([1.0, 2.0], name=hostile[0])
    for name in hostile:
        with tf.name_scope(name):
            x = tf.square(x, name=name)
session = tf.Session(graph=graph)
"""

HOSTILE_PROGRAMS = {
    "DeviceNameView": "lw.DeviceNameView(*[name[:999] for name in hostile])",
    "GraphView": "lw.GraphView(graph, open=[op.name.rsplit('/', 1)[0] for op in graph.get_operations()[1:3]])",
    "TraceView": "_, trace = session.watch(x)\nlw.TraceView(trace, graph, names=(hostile[0], hostile[1]))",
    "RooflineView": "lw.RooflineView(tf.costs.graph_cost(x), by='node')",
    "ClusterView": """
from labkit.cluster import Cluster, Device, Network
network = Network(hostile[0])
for name in hostile:
    network.add(f"host {name}", "host")
    if name != hostile[0]:
        network.link(f"host {hostile[0]}", f"host {name}", "ethernet_10g")
devices = [Device(name, "k40", f"host {name}", "pcie3_x16") for name in hostile]
work = tf.costs.workload(x)
places = {node.name: hostile[place % len(hostile)] for place, node in enumerate(work.nodes)}
cluster = Cluster(hostile[1], network, devices)
view = lw.ClusterView(cluster, tf.simulator.simulate(work, places, cluster), chosen=hostile[1])
view.between(hostile[1], hostile[2]).kill(hostile[3])
""",
    "DebuggerView": "lw.DebuggerView(session, x)",
    "ScalingView": """
from labkit.parallel import Curve
curves = [Curve(name, (1, 2, 4), (1.0, 1.1, 1.2), 1.0) for name in hostile]
lw.ScalingView([], curves, times={name: [(1, 2.0), (2, 1.5)] for name in hostile}, panel="time to target")
""",
    "RaceView": """
from labkit.parallel import History
from labkit.parallel.history import Happening, Point
points = lambda k: tuple(Point(float(t), t, t, 1.0 * t, k / t, dict.fromkeys(hostile, 0.1 * t)) for t in range(1, 9))
happened = [Happening(float(t), name[:9], name, name) for t, name in enumerate(hostile, 1)]
runs = [History(name, 2, points(k), (0, 1, 2), tuple(happened)) for k, name in enumerate(hostile, 1)]
lw.RaceView(runs, column=hostile[0], target=0.5)
""",
    "PipelineView": "lw.PipelineView(tf.parallel.Pipeline(len(hostile), 4, devices=hostile), '1f1b')",
    "ParallelView": """
import numpy as np
with graph.as_default():
    fed = tf.placeholder(tf.float32, [None], name=hostile[0])
    v = tf.Variable(5.0, name=hostile[1])
    with tf.name_scope(hostile[2]):
        loss = tf.reduce_mean(tf.square(v * fed))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
ones = {fed: np.ones(20, np.float32)}
lw.ParallelView(train, ones, loss, metrics=dict.fromkeys(hostile, loss), test=ones, workers=2, batch=2, updates=4)
""",
    "PlacementView": """
from labkit.cluster import Cluster, Device, single
named = Cluster(hostile[0], single(), [Device(f"/device:CPU:{n}", "laptop_cpu", "h0", "pcie3_x16") for n in range(2)])
placement_view = lw.PlacementView(x, named, height=700)
placement_view.move(graph.get_operations()[2], "/cpu:1")
""",
    "TrainingView": """
with graph.as_default():
    v = tf.Variable(5.0, name=hostile[1])
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.square(v))
session.run(v.initializer)
training = lw.TrainingView(session, train, steps=5, curves=dict.fromkeys(hostile, v), name=hostile[0])
training.start().wait()
training
""",
}


def there(programs: dict[str, str]) -> list[str]:
    """The views of these programs that there are."""
    return [name for name in programs if hasattr(labkit_widgets, name)]


def view(setup: str, program: str) -> Any:
    """Runs a program here and returns its view."""
    labkit.reset_default_graph()
    names: dict[str, Any] = {}
    *lines, last = program.strip().splitlines()
    plain = lookup._VALID_NAME, lookup._VALID_INNER_NAME
    try:
        exec(compile(setup, "<setup>", "exec"), names)
        exec(compile("\n".join(lines), "<cell>", "exec"), names)
        shown = eval(compile(last, "<cell>", "eval"), names)
    finally:
        lookup._VALID_NAME, lookup._VALID_INNER_NAME = plain
    shown._keeps = names  # views hold graphs and sessions weakly
    return shown


def notebook(*cells: str) -> Any:
    """A notebook with these cells, none of them run."""
    made = nbformat.v4.new_notebook()
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.cells = [nbformat.v4.new_code_cell(cell.strip(), id=f"cell-{number}") for number, cell in enumerate(cells)]
    return made


def write_notebook(path: Path, *cells: str) -> None:
    """Writes it to a file."""
    nbformat.write(notebook(*cells), path)
