"""State on disk: `tf.train.Saver` and what finds, reads and lists checkpoints.

    saver.py        `Saver`: saves and restores the variables of a session
    nodes.py        the nodes that a Saver adds to the graph
    fit.py          does a checkpoint fit the variables? Said before anything is changed
    state.py        the file `checkpoint`, which names the newest ones
    reading.py      looking into a checkpoint without a graph

The files of a checkpoint, and how they survive a crash: `labkit.checkpoints`.

Source: the names are those of TensorFlow 1.4's `tf.train`.
"""

from labkit.saving.reading import NewCheckpointReader as NewCheckpointReader
from labkit.saving.reading import init_from_checkpoint as init_from_checkpoint
from labkit.saving.reading import list_variables as list_variables
from labkit.saving.reading import load_checkpoint as load_checkpoint
from labkit.saving.reading import load_variable as load_variable
from labkit.saving.saver import Saver as Saver
from labkit.saving.saver import restore_random_states as restore_random_states
from labkit.saving.state import CheckpointState as CheckpointState
from labkit.saving.state import checkpoint_exists as checkpoint_exists
from labkit.saving.state import generate_checkpoint_state_proto as generate_checkpoint_state_proto
from labkit.saving.state import get_checkpoint_mtimes as get_checkpoint_mtimes
from labkit.saving.state import get_checkpoint_state as get_checkpoint_state
from labkit.saving.state import latest_checkpoint as latest_checkpoint
from labkit.saving.state import remove_checkpoint as remove_checkpoint
from labkit.saving.state import update_checkpoint_state as update_checkpoint_state
