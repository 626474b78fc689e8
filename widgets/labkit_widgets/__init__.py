"""labkit's views for notebooks: look at a graph, a run and a training, and touch them.

    import labkit as tf
    import labkit_widgets as lw

Importing it makes a `tf.Graph` show itself when it is the last line of a cell.
"""

from __future__ import annotations

from labkit_widgets.cluster_view import ClusterView
from labkit_widgets.compare import compare, snapshot
from labkit_widgets.debugger_view import DebuggerView
from labkit_widgets.device_name_view import DeviceNameView
from labkit_widgets.graph_view import GraphView
from labkit_widgets.parallel_view import ParallelView
from labkit_widgets.pipeline_view import PipelineView
from labkit_widgets.placement_view import PlacementView
from labkit_widgets.playground_view import PlaygroundView
from labkit_widgets.processes_view import ProcessesView
from labkit_widgets.race_view import RaceView
from labkit_widgets.register import register, unregister
from labkit_widgets.roofline_view import RooflineView
from labkit_widgets.scaling_view import ScalingView
from labkit_widgets.trace_view import TraceView
from labkit_widgets.training_view import TrainingView, train
from labkit_widgets.view import View, link

__all__ = [
    "ClusterView",
    "DebuggerView",
    "DeviceNameView",
    "GraphView",
    "ParallelView",
    "PipelineView",
    "PlacementView",
    "PlaygroundView",
    "ProcessesView",
    "RaceView",
    "RooflineView",
    "ScalingView",
    "TraceView",
    "TrainingView",
    "View",
    "compare",
    "link",
    "register",
    "snapshot",
    "train",
    "unregister",
]

register()
