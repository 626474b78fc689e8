"""A trace as TensorFlow's messages: `StepStats` (what ran when), `CostGraphDef` (what each node costs), and back.

TensorBoard's graph tab reads `StepStats` from the event file and colours nodes by compute time and memory.

Example:
    >>> from labkit.trace import Event, Trace
    >>> stats = step_stats_of(Trace([Event("mul", "Mul", "/device:CPU:0", 0.0, 2e-6, 4, inputs=("a:0", "b:0"))]))
    >>> stats.dev_stats[0].node_stats[0].timeline_label
    'mul = Mul(a:0, b:0)'

Source: `tensorflow/core/framework/step_stats.proto`, `cost_graph.proto` (1.4).
"""

from __future__ import annotations

import math
from typing import Any

from labkit.dtypes import as_dtype
from labkit.messages import message
from labkit.trace import Event, Output, Trace


def step_stats_of(trace: Trace) -> Any:
    """The `StepStats` message of a trace, times in microseconds since 1970."""
    stats = message("StepStats")()
    devices: dict[str, Any] = {}
    for event in trace.events:
        if event.device not in devices:
            devices[event.device] = stats.dev_stats.add(device=event.device)
        start = round((trace.started_at_seconds + event.start_seconds) * 1e6)
        duration = max(1, round(event.duration_seconds * 1e6))
        node = devices[event.device].node_stats.add(
            node_name=event.node, all_start_micros=start, scheduled_micros=start, op_start_rel_micros=0,
            op_end_rel_micros=duration, all_end_rel_micros=duration,
            timeline_label=f"{event.node} = {event.op}({', '.join(event.inputs)})",
        )  # fmt: skip
        allocator = "cpu" if "cpu" in event.device.lower() else "device"
        if event.output_bytes:
            node.memory.add(allocator_name=allocator, total_bytes=event.output_bytes, peak_bytes=event.output_bytes)
        for slot, output in enumerate(event.outputs):
            made = node.output.add(slot=slot)
            made.tensor_description.dtype = _enum(output.dtype)
            _set_shape(made.tensor_description.shape, output.shape)
            allocation = made.tensor_description.allocation_description
            allocation.requested_bytes = allocation.allocated_bytes = output.bytes
            allocation.allocator_name = allocator
    return stats


def cost_graph_of(trace: Trace) -> Any:
    """The `CostGraphDef` message of a trace: compute cost in microseconds, sizes of what each node made."""
    graph = message("CostGraphDef")()
    numbers: dict[str, int] = {event.node: number for number, event in enumerate(trace.events)}
    for number, event in enumerate(trace.events):
        micros = max(1, round(event.duration_seconds * 1e6))
        node = graph.node.add(
            name=event.node, device=event.device, id=number, compute_cost=micros, compute_time=micros,
            temporary_memory_size=0,
        )  # fmt: skip
        for tensor in event.inputs:
            source, _, port = tensor.rpartition(":")
            if source in numbers:
                node.input_info.add(preceding_node=numbers[source], preceding_port=int(port))
        for output in event.outputs:
            info = node.output_info.add(size=output.bytes, dtype=_enum(output.dtype), alias_input_port=-1)
            _set_shape(info.shape, output.shape)
    return graph


def trace_of(step_stats: Any) -> Trace:
    """The trace of a `StepStats` message, also of one that TensorFlow made; its costs are not known.

    Example:
        >>> from labkit.trace import Event, Trace
        >>> event = Event("mul", "Mul", "/device:CPU:0", 0.0, 2e-6, 4, inputs=("a:0", "b:0"))
        >>> trace_of(step_stats_of(Trace([event]))).events == [event]
        True
    """
    stats = [(device.device, node) for device in step_stats.dev_stats for node in device.node_stats]
    first = min((node.all_start_micros for _, node in stats), default=0)
    events: list[Event] = []
    for device, node in sorted(stats, key=lambda pair: pair[1].all_start_micros):
        op, inputs = parse_label(node.timeline_label, node.node_name)
        outputs = tuple(_output(node.node_name, made) for made in node.output)
        made_bytes = sum(memory.total_bytes for memory in node.memory)
        start, duration = (node.all_start_micros - first) / 1e6, node.all_end_rel_micros / 1e6
        events.append(Event(node.node_name, op, device, start, duration, made_bytes, inputs, outputs))
    return Trace(events, started_at_seconds=first / 1e6)


def parse_label(label: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The op and the inputs that a timeline label names.

    Args:
        label: such as "c = MatMul(a, b)", or anything else.
        name: name of the node; the op where the label says nothing.

    Example:
        >>> parse_label("c = MatMul(a, b)", "c")
        ('MatMul', ('a', 'b'))
        >>> parse_label("memcpy", "copy")
        ('copy', ())
    """
    op, opens, inputs = label.partition(" = ")[2].partition("(")  # no pattern: labels come from files
    if not op or not opens or not inputs.endswith(")"):
        return name, ()
    return op, tuple(part for part in inputs[:-1].split(", ") if part)


def _output(node: str, made: Any) -> Output:
    about = made.tensor_description
    dtype = as_dtype(about.dtype).name if about.dtype else "float32"
    shape = tuple(dim.size for dim in about.shape.dim)
    size = about.allocation_description.requested_bytes or math.prod(shape) * as_dtype(dtype).size
    return Output(f"{node}:{made.slot}", dtype, shape, size)


def _enum(dtype: str) -> int:
    return as_dtype(dtype).as_datatype_enum


def _set_shape(message_shape: Any, shape: tuple[int, ...]) -> None:
    message_shape.SetInParent()
    for size in shape:
        message_shape.dim.add(size=size)
