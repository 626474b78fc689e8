"""The servers of a cluster, in one process: what `tf.train.Server` is made of.

A TensorFlow server holds the state of one task: variables and queues live there, by name, and a session finds them
through the device of their node. Here all servers of a cluster live in one process, usually a thread each
(`tf.parallel.run_cluster`), and nothing travels; everything else is as TensorFlow has it:

    server.py     `Server`: a task of a cluster, found by its address; who waits for it, who joins it
    tasks.py      which task a device name means, and the server of it
    state.py      the state of a session at a server: each variable and queue at the task where its device says
    plans.py      a run that shares its variables: reads, computes and updates, with the lock only where it must

Read in this order.
"""

from labkit.servers.server import Server, find_server, servers_of
from labkit.servers.state import Connection

__all__ = ["Connection", "Server", "find_server", "servers_of"]
