"""Training that looks after itself: sessions that start, save, recover and stop, with hooks around each step.

    base.py       `SessionRunHook`, and what a hook is given
    control.py    hooks that stop or watch: `StopAtStepHook`, `NanTensorHook`, `LoggingTensorHook`, ...
    record.py     hooks that write: `CheckpointSaverHook`, `StepCounterHook`, `SummarySaverHook`
    timing.py     `SecondOrStepTimer`: every so many steps, or seconds
    scaffold.py   `Scaffold`: the operations and the Saver that a session needs
    manager.py    `SessionManager`: a session that is initialized, or goes on from a checkpoint
    wrapping.py   sessions around sessions: with hooks, with threads, with recovery
    session.py    `MonitoredTrainingSession`, `MonitoredSession`, `SingularMonitoredSession`
    supervisor.py `Supervisor`: the older way, with threads that save and write summaries

A run that is killed and started again goes on from its last checkpoint and draws the same random numbers as one that
was never killed, because checkpoints hold the places in the random streams too, and the manager takes them up; likewise
the places in data sets (with seeds for their shuffles) whose iterators are one-shot or started by `local_init_op`. What
is fed must follow from the step: `batch(step)`, not from how often the program was started; what waits in queues is
lost.

Source: the names are those of TensorFlow 1.4's `tf.train`.
"""

from labkit.monitored.base import SessionRunArgs as SessionRunArgs
from labkit.monitored.base import SessionRunContext as SessionRunContext
from labkit.monitored.base import SessionRunHook as SessionRunHook
from labkit.monitored.base import SessionRunValues as SessionRunValues
from labkit.monitored.control import FeedFnHook as FeedFnHook
from labkit.monitored.control import FinalOpsHook as FinalOpsHook
from labkit.monitored.control import GlobalStepWaiterHook as GlobalStepWaiterHook
from labkit.monitored.control import LoggingTensorHook as LoggingTensorHook
from labkit.monitored.control import NanLossDuringTrainingError as NanLossDuringTrainingError
from labkit.monitored.control import NanTensorHook as NanTensorHook
from labkit.monitored.control import StopAtStepHook as StopAtStepHook
from labkit.monitored.manager import SessionManager as SessionManager
from labkit.monitored.record import CheckpointSaverHook as CheckpointSaverHook
from labkit.monitored.record import CheckpointSaverListener as CheckpointSaverListener
from labkit.monitored.record import StepCounterHook as StepCounterHook
from labkit.monitored.record import SummarySaverHook as SummarySaverHook
from labkit.monitored.scaffold import Scaffold as Scaffold
from labkit.monitored.session import MonitoredSession as MonitoredSession
from labkit.monitored.session import MonitoredTrainingSession as MonitoredTrainingSession
from labkit.monitored.session import SingularMonitoredSession as SingularMonitoredSession
from labkit.monitored.supervisor import Supervisor as Supervisor
from labkit.monitored.timing import SecondOrStepTimer as SecondOrStepTimer
from labkit.monitored.wrapping import ChiefSessionCreator as ChiefSessionCreator
from labkit.monitored.wrapping import SessionCreator as SessionCreator
from labkit.monitored.wrapping import WorkerSessionCreator as WorkerSessionCreator
