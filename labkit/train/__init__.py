"""`tf.train`: what trains, and what looks after training.

Optimizers              `Optimizer` and its subclasses: from a loss to the operation that makes it smaller
Moving averages         `ExponentialMovingAverage`: smoother weights for testing
Learning rates          schedules: tensors computed from the global step
Queues and threads      batches from files, filled by threads that a `Coordinator` stops
State on disk           `Saver`, and what finds and reads its checkpoints
Graphs in files         the graph with its variables, for another process
Looked-after training   sessions that start, save, recover and stop by themselves; hooks
Devices                 variables to parameter servers, all else to workers
Clusters                its tasks, their servers, and workers that wait for one another (`SyncReplicasOptimizer`)
The global step         the variable that counts training steps

Source: the names are those of TensorFlow 1.4's `tf.train`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.cluster_spec import ClusterDef as ClusterDef
from labkit.cluster_spec import ClusterSpec as ClusterSpec
from labkit.cluster_spec import JobDef as JobDef
from labkit.cluster_spec import ServerDef as ServerDef
from labkit.device_setters import replica_device_setter as replica_device_setter
from labkit.global_step import assert_global_step as assert_global_step
from labkit.global_step import create_global_step as create_global_step
from labkit.global_step import get_global_step as get_global_step
from labkit.global_step import get_or_create_global_step as get_or_create_global_step
from labkit.global_step import global_step as global_step
from labkit.messages import message
from labkit.missing import namespace
from labkit.moving_averages import ExponentialMovingAverage as ExponentialMovingAverage
from labkit.optimizers import AdadeltaOptimizer as AdadeltaOptimizer
from labkit.optimizers import AdagradDAOptimizer as AdagradDAOptimizer
from labkit.optimizers import AdagradOptimizer as AdagradOptimizer
from labkit.optimizers import AdamOptimizer as AdamOptimizer
from labkit.optimizers import FtrlOptimizer as FtrlOptimizer
from labkit.optimizers import GradientDescentOptimizer as GradientDescentOptimizer
from labkit.optimizers import MomentumOptimizer as MomentumOptimizer
from labkit.optimizers import Optimizer as Optimizer
from labkit.optimizers import ProximalAdagradOptimizer as ProximalAdagradOptimizer
from labkit.optimizers import ProximalGradientDescentOptimizer as ProximalGradientDescentOptimizer
from labkit.optimizers import RMSPropOptimizer as RMSPropOptimizer
from labkit.schedules import cosine_decay as cosine_decay
from labkit.schedules import exponential_decay as exponential_decay
from labkit.schedules import inverse_time_decay as inverse_time_decay
from labkit.schedules import natural_exp_decay as natural_exp_decay
from labkit.schedules import piecewise_constant as piecewise_constant
from labkit.schedules import polynomial_decay as polynomial_decay
from labkit.servers import Server as Server

if TYPE_CHECKING:  # imported when first used, by `__getattr__` below
    from labkit.graphdef import export_meta_graph as export_meta_graph
    from labkit.graphdef import import_meta_graph as import_meta_graph
    from labkit.graphdef import write_graph as write_graph
    from labkit.monitored import CheckpointSaverHook as CheckpointSaverHook
    from labkit.monitored import CheckpointSaverListener as CheckpointSaverListener
    from labkit.monitored import ChiefSessionCreator as ChiefSessionCreator
    from labkit.monitored import FeedFnHook as FeedFnHook
    from labkit.monitored import FinalOpsHook as FinalOpsHook
    from labkit.monitored import GlobalStepWaiterHook as GlobalStepWaiterHook
    from labkit.monitored import LoggingTensorHook as LoggingTensorHook
    from labkit.monitored import MonitoredSession as MonitoredSession
    from labkit.monitored import MonitoredTrainingSession as MonitoredTrainingSession
    from labkit.monitored import NanLossDuringTrainingError as NanLossDuringTrainingError
    from labkit.monitored import NanTensorHook as NanTensorHook
    from labkit.monitored import Scaffold as Scaffold
    from labkit.monitored import SecondOrStepTimer as SecondOrStepTimer
    from labkit.monitored import SessionCreator as SessionCreator
    from labkit.monitored import SessionManager as SessionManager
    from labkit.monitored import SessionRunArgs as SessionRunArgs
    from labkit.monitored import SessionRunContext as SessionRunContext
    from labkit.monitored import SessionRunHook as SessionRunHook
    from labkit.monitored import SessionRunValues as SessionRunValues
    from labkit.monitored import SingularMonitoredSession as SingularMonitoredSession
    from labkit.monitored import StepCounterHook as StepCounterHook
    from labkit.monitored import StopAtStepHook as StopAtStepHook
    from labkit.monitored import SummarySaverHook as SummarySaverHook
    from labkit.monitored import Supervisor as Supervisor
    from labkit.monitored import WorkerSessionCreator as WorkerSessionCreator
    from labkit.queues import Coordinator as Coordinator
    from labkit.queues import LooperThread as LooperThread
    from labkit.queues import QueueRunner as QueueRunner
    from labkit.queues import add_queue_runner as add_queue_runner
    from labkit.queues import batch as batch
    from labkit.queues import batch_join as batch_join
    from labkit.queues import input_producer as input_producer
    from labkit.queues import limit_epochs as limit_epochs
    from labkit.queues import maybe_batch as maybe_batch
    from labkit.queues import maybe_batch_join as maybe_batch_join
    from labkit.queues import maybe_shuffle_batch as maybe_shuffle_batch
    from labkit.queues import maybe_shuffle_batch_join as maybe_shuffle_batch_join
    from labkit.queues import range_input_producer as range_input_producer
    from labkit.queues import shuffle_batch as shuffle_batch
    from labkit.queues import shuffle_batch_join as shuffle_batch_join
    from labkit.queues import slice_input_producer as slice_input_producer
    from labkit.queues import start_queue_runners as start_queue_runners
    from labkit.queues import string_input_producer as string_input_producer
    from labkit.queues.filenames import match_filenames_once as match_filenames_once
    from labkit.saving import NewCheckpointReader as NewCheckpointReader
    from labkit.saving import Saver as Saver
    from labkit.saving import checkpoint_exists as checkpoint_exists
    from labkit.saving import generate_checkpoint_state_proto as generate_checkpoint_state_proto
    from labkit.saving import get_checkpoint_mtimes as get_checkpoint_mtimes
    from labkit.saving import get_checkpoint_state as get_checkpoint_state
    from labkit.saving import init_from_checkpoint as init_from_checkpoint
    from labkit.saving import latest_checkpoint as latest_checkpoint
    from labkit.saving import list_variables as list_variables
    from labkit.saving import load_checkpoint as load_checkpoint
    from labkit.saving import load_variable as load_variable
    from labkit.saving import remove_checkpoint as remove_checkpoint
    from labkit.saving import update_checkpoint_state as update_checkpoint_state
    from labkit.summary import FileWriter as SummaryWriter  # the name before 1.0
    from labkit.summary import summary_iterator as summary_iterator
    from labkit.train.sync_replicas import SyncReplicasOptimizer as SyncReplicasOptimizer

__all__ = [
    "AdadeltaOptimizer",
    "AdagradDAOptimizer",
    "AdagradOptimizer",
    "AdamOptimizer",
    "CheckpointSaverHook",
    "CheckpointSaverListener",
    "ChiefSessionCreator",
    "ClusterDef",
    "ClusterSpec",
    "Coordinator",
    "ExponentialMovingAverage",
    "FeedFnHook",
    "FinalOpsHook",
    "FtrlOptimizer",
    "GlobalStepWaiterHook",
    "GradientDescentOptimizer",
    "JobDef",
    "LoggingTensorHook",
    "LooperThread",
    "MomentumOptimizer",
    "MonitoredSession",
    "MonitoredTrainingSession",
    "NanLossDuringTrainingError",
    "NanTensorHook",
    "NewCheckpointReader",
    "Optimizer",
    "ProximalAdagradOptimizer",
    "ProximalGradientDescentOptimizer",
    "QueueRunner",
    "RMSPropOptimizer",
    "Saver",
    "Scaffold",
    "SecondOrStepTimer",
    "Server",
    "ServerDef",
    "SessionCreator",
    "SessionManager",
    "SessionRunArgs",
    "SessionRunContext",
    "SessionRunHook",
    "SessionRunValues",
    "SingularMonitoredSession",
    "StepCounterHook",
    "StopAtStepHook",
    "SummarySaverHook",
    "SummaryWriter",
    "Supervisor",
    "SyncReplicasOptimizer",
    "WorkerSessionCreator",
    "add_queue_runner",
    "assert_global_step",
    "batch",
    "batch_join",
    "checkpoint_exists",
    "cosine_decay",
    "create_global_step",
    "exponential_decay",
    "export_meta_graph",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
    "import_meta_graph",
    "init_from_checkpoint",
    "input_producer",
    "inverse_time_decay",
    "latest_checkpoint",
    "limit_epochs",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "match_filenames_once",
    "maybe_batch",
    "maybe_batch_join",
    "maybe_shuffle_batch",
    "maybe_shuffle_batch_join",
    "natural_exp_decay",
    "piecewise_constant",
    "polynomial_decay",
    "range_input_producer",
    "remove_checkpoint",
    "replica_device_setter",
    "shuffle_batch",
    "shuffle_batch_join",
    "slice_input_producer",
    "start_queue_runners",
    "string_input_producer",
    "summary_iterator",
    "update_checkpoint_state",
    "write_graph",
]

_LATE = (
    "labkit.queues",
    "labkit.queues.filenames",
    "labkit.saving",
    "labkit.monitored",
    "labkit.graphdef",
    "labkit.summary",
    "labkit.train.sync_replicas",
)
_missing = namespace(__name__, __all__, _LATE, {"SummaryWriter": "FileWriter"})


def __getattr__(name: str) -> object:
    """Names of `_LATE` and `SaverDef` are imported when first used; other names are explained."""
    return message(name) if name == "SaverDef" else _missing(name)


def __dir__() -> list[str]:
    return __all__
