"""Placement: which device runs which op, and why.

`constraints.py` is the placer of TensorFlow's runtime: it obeys what the program asks for and prefers fast kinds of
devices. `results.py` is what placers return: a device and a readable reason for each op.

By cost: `tasks.py` is the plain data (tasks, machines), `schedules.py` the white paper's greedy, ETF and HEFT,
`starts.py` the best single device, `search.py` local search, `exact.py` the truth for small graphs, `timetable.py` the
schedule that they return and what checks it, `puzzle.py` eight ops that no rule of thumb places well.
`on_cluster.py` makes tasks and machines of a step and a cluster, `limits.py` says where an op can run at all, and
`by_cost.py` puts it together: a placement with a reason for every op (`cost_reasons.py`).

Example:
    >>> import labkit as tf
    >>> with tf.device("/gpu:1"):
    ...     x = tf.constant(1.0, name="x")
    >>> place(x.graph, ["/cpu:0", "/gpu:0", "/gpu:1"]).device_of("x")
    '/job:localhost/replica:0/task:0/device:GPU:1'
"""

from labkit.placement.by_cost import METHODS, CostPlacement, obey, place_by_cost
from labkit.placement.constraints import kernel_types, place
from labkit.placement.exact import exact
from labkit.placement.limits import Limit, limits
from labkit.placement.on_cluster import machines, measured_seconds, task_graph
from labkit.placement.puzzle import puzzle
from labkit.placement.results import Decision, Placement
from labkit.placement.schedules import etf, greedy, heft
from labkit.placement.search import search
from labkit.placement.starts import one_device
from labkit.placement.tasks import Edge, Machines, TaskGraph, lower_bound_seconds
from labkit.placement.timetable import Choice, Schedule, ScheduledTask, Transfer, violations

__all__ = [
    "METHODS", "Choice", "CostPlacement", "Decision", "Edge", "Limit", "Machines", "Placement", "Schedule",
    "ScheduledTask", "TaskGraph", "Transfer", "etf", "exact", "greedy", "heft", "kernel_types", "limits",
    "lower_bound_seconds", "machines", "measured_seconds", "obey", "one_device", "place", "place_by_cost", "puzzle",
    "search", "task_graph", "violations",
]  # fmt: skip
