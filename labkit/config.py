"""Options of sessions and runs: `tf.ConfigProto`, `tf.GPUOptions`, `tf.RunOptions`, `tf.RunMetadata`.

They are TensorFlow's protocol buffers as plain objects. labkit acts on `log_device_placement` and `trace_level`; the
others are kept so that programs run, and JAX's own settings take their place (for example the environment variable
XLA_PYTHON_CLIENT_MEM_FRACTION for `per_process_gpu_memory_fraction`).

Source: `tensorflow/core/protobuf/config.proto` (1.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

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
    """Graph optimizations, kept for TensorFlow's signature; XLA does them all.

    Example:
        >>> import labkit as tf
        >>> tf.OptimizerOptions().opt_level
        0
    """

    do_common_subexpression_elimination: bool = False
    do_constant_folding: bool = False
    do_function_inlining: bool = False
    opt_level: int = 0
    global_jit_level: int = 0

    L1: ClassVar[int] = 0
    L0: ClassVar[int] = -1
    OFF: ClassVar[int] = -1
    ON_1: ClassVar[int] = 1
    ON_2: ClassVar[int] = 2


@dataclass
class GraphOptions:
    """Options for graphs.

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
        log_device_placement: True prints where each node runs, to standard error.

    Example:
        >>> import labkit as tf
        >>> config = tf.ConfigProto(log_device_placement=True)
        >>> config.gpu_options.allow_growth = True
        >>> config.log_device_placement
        True
    """

    allow_soft_placement: bool = False
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
    """What a traced run reports: `trace`, with an event and the values of each node.

    Example:
        >>> import labkit as tf
        >>> metadata = tf.RunMetadata()
        >>> options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        >>> _ = tf.Session().run(tf.constant(1.0, name="one") + 2.0, options=options, run_metadata=metadata)
        >>> [event.op for event in metadata.trace.events]
        ['Const', 'Const', 'Add']
    """

    trace: Trace = field(default_factory=Trace)
