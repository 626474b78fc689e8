"""The replicated step on real processes, driven from the notebook.

carried.py      a training step as files: graph, names, examples, checkpoints
engine.py       what runs in the other processes
engines.py      starts and ends processes, calls functions in them
group.py        `Processes`: trains, survives deaths
live.py         processes of this machine, by the mark that they carry
"""

from labkit.parallel.processes.engines import Engines, require
from labkit.parallel.processes.group import Failure, Processes, Progress

__all__ = ["Engines", "Failure", "Processes", "Progress", "require"]
