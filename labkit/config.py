"""Options of sessions and runs: `tf.ConfigProto`, `tf.GPUOptions`, `tf.RunOptions`, `tf.RunMetadata`.

They are TensorFlow's protocol buffers as plain objects. labkit acts on `allow_soft_placement`, `log_device_placement`,
`device_count`, `operation_timeout_in_ms`, `optimizer_options`, `enable_bfloat16_sendrecv` and `trace_level`; the others
are kept so that programs run, and JAX's own settings take their place (for example the environment variable
XLA_PYTHON_CLIENT_MEM_FRACTION for `per_process_gpu_memory_fraction`).

Source: `tensorflow/core/protobuf/config.proto` (1.4).
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from labkit.graph import Operation, Tensor
from labkit.messages import message
from labkit.step_stats import cost_graph_of, step_stats_of, trace_of
from labkit.trace import Trace


@dataclass
class GPUOptions:
    """Options for GPUs, kept for TensorFlow's signature; JAX decides.

    Example:
        >>> import labkit as tf
        >>> tf.GPUOptions(allow_growth=True).allow_growth
        True
    """

    per_process_gpu_memory_fraction: float = 0.0
    allow_growth: bool = False
    allocator_type: str = ""
    deferred_deletion_bytes: int = 0
    visible_device_list: str = ""
    force_gpu_compatible: bool = False


@dataclass
class OptimizerOptions:
    """Graph passes that run before a session compiles a plan; see `tf.passes`.

    Without any, XLA optimizes the compiled program, as it always does.

    Args:
        do_common_subexpression_elimination: True computes equal nodes once.
        do_constant_folding: True computes what follows from constants before the graph runs.
        opt_level: `L1` runs all passes, `L0` none but those that are asked for; None leaves it to labkit: none.

    Example:
        >>> import labkit as tf
        >>> options = tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L1)
        >>> config = tf.ConfigProto(graph_options=tf.GraphOptions(optimizer_options=options))
        >>> float(tf.Session(config=config).run(tf.constant(2.0) * 3.0))
        6.0
    """

    do_common_subexpression_elimination: bool = False
    do_constant_folding: bool = False
    do_function_inlining: bool = False
    opt_level: int | None = None
    global_jit_level: int = 0

    L1: ClassVar[int] = 0
    L0: ClassVar[int] = -1
    OFF: ClassVar[int] = -1
    ON_1: ClassVar[int] = 1
    ON_2: ClassVar[int] = 2


@dataclass
class GraphOptions:
    """Options for graphs.

    Args:
        enable_bfloat16_sendrecv: True halves what float32 tensors need on their way from device to device: the lower
            16 bits of each number are dropped and arrive as zeros.

    Example:
        >>> import labkit as tf
        >>> tf.GraphOptions().enable_bfloat16_sendrecv
        False
    """

    optimizer_options: OptimizerOptions = field(default_factory=OptimizerOptions)
    enable_recv_scheduling: bool = False
    infer_shapes: bool = False
    place_pruned_graph: bool = False
    enable_bfloat16_sendrecv: bool = False
    build_cost_model: int = 0
    timeline_step: int = 0


@dataclass
class ConfigProto:
    """Options of a session.

    Args:
        allow_soft_placement: what becomes of a device that the program asks for and that does not exist here. None:
            the devices that there are stand in for it, each name one of them, so that a program for four GPUs uses
            four CPU devices (and a laptop's one CPU four times). True: as in TensorFlow, its kind and number are given
            up. False: an error, TensorFlow's default.
        log_device_placement: True prints where each node runs, to standard error.
        device_count: how many devices of a kind to use at most, by kind: {"GPU": 0} hides the GPUs. CPU devices are
            made by JAX when it is first used: {"CPU": 4} needs `jax.config.update("jax_num_cpu_devices", 4)` before.
        device_filters: which tasks of a cluster a session at a server may use, such as ["/job:ps"]; all if empty.

    Example:
        >>> import labkit as tf
        >>> config = tf.ConfigProto(log_device_placement=True)
        >>> config.gpu_options.allow_growth = True
        >>> config.log_device_placement
        True
    """

    allow_soft_placement: bool | None = None
    log_device_placement: bool = False
    device_count: dict[str, int] = field(default_factory=dict[str, int])
    intra_op_parallelism_threads: int = 0
    inter_op_parallelism_threads: int = 0
    use_per_session_threads: bool = False
    device_filters: list[str] = field(default_factory=list[str])
    gpu_options: GPUOptions = field(default_factory=GPUOptions)
    graph_options: GraphOptions = field(default_factory=GraphOptions)
    operation_timeout_in_ms: int = 0
    isolate_session_state: bool = False


@dataclass
class RunOptions:
    """Options of one `Session.run`.

    Args:
        trace_level: `FULL_TRACE` runs each node alone, timed.

    Example:
        >>> import labkit as tf
        >>> tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE).trace_level
        3
    """

    trace_level: int = 0
    timeout_in_ms: int = 0
    inter_op_thread_pool: int = 0
    output_partition_graphs: bool = False
    debug_options: Any = None

    NO_TRACE: ClassVar[int] = 0
    SOFTWARE_TRACE: ClassVar[int] = 1
    HARDWARE_TRACE: ClassVar[int] = 2
    FULL_TRACE: ClassVar[int] = 3


@dataclass
class RunMetadata:
    """What a traced run reports: `trace`, an event and the values of each node; and the same as TensorFlow's messages.

    Example:
        >>> import labkit as tf
        >>> metadata = tf.RunMetadata()
        >>> options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        >>> _ = tf.Session().run(tf.constant(1.0, name="one") + 2.0, options=options, run_metadata=metadata)
        >>> [event.op for event in metadata.trace.events]
        ['Const', 'Const', 'Add']
        >>> [node.node_name for node in metadata.step_stats.dev_stats[0].node_stats]
        ['one', 'add/y', 'add']
    """

    trace: Trace = field(default_factory=Trace)
    _nodes: tuple[Operation, ...] = field(default=(), repr=False)
    _feeds: tuple[Tensor, ...] = field(default=(), repr=False)

    def fill(self, trace: Trace, nodes: Sequence[Operation] = (), feeds: Sequence[Tensor] = ()) -> None:
        """Takes what a run reports.

        Args:
            trace: what ran.
            nodes: the nodes of the run, if the graphs of its devices are wanted.
            feeds: what was fed.
        """
        self.trace = trace
        self._nodes, self._feeds = tuple(nodes), tuple(feeds)

    @property
    def step_stats(self) -> Any:
        """The trace as a `StepStats` message: per device, what ran when and what it made."""
        return step_stats_of(self.trace)

    @property
    def cost_graph(self) -> Any:
        """The trace as a `CostGraphDef` message: per node, its time and the sizes of what it made."""
        return cost_graph_of(self.trace)

    @property
    def partition_graphs(self) -> list[Any]:
        """With `RunOptions(output_partition_graphs=True)`, a GraphDef per device with the nodes that ran there.

        What goes from device to device does so through a `_Send` in one graph and a `_Recv` in the other.
        """
        if not self._nodes:
            return []
        making = importlib.import_module("labkit.partition_graphs")  # floors above: only who asks needs it
        return making.partition_graphs(self._nodes, self._feeds, self.trace)

    def to_message(self) -> Any:
        """All of it as TensorFlow's `RunMetadata` message."""
        return message("RunMetadata")(
            step_stats=self.step_stats, cost_graph=self.cost_graph, partition_graphs=self.partition_graphs
        )

    def SerializeToString(self) -> bytes:  # noqa: N802  # the name that messages have
        """The bytes of the message, for a file or for `FileWriter.add_run_metadata`."""
        return self.to_message().SerializeToString()

    @staticmethod
    def FromString(data: bytes) -> RunMetadata:  # noqa: N802  # likewise
        """What `SerializeToString` gave, also TensorFlow's own; the values of tensors are not in it.

        Example:
            >>> import labkit as tf
            >>> tf.RunMetadata.FromString(tf.RunMetadata().SerializeToString()).trace.events
            []
        """
        return RunMetadata(trace_of(message("RunMetadata").FromString(data).step_stats))
