"""The replicated step on real processes, driven from the notebook.

carried.py      a training step as files: graph, names, examples, checkpoints
engine.py       what runs in the other processes
engines.py      starts and ends processes, calls functions in them
group.py        `Processes`: trains, survives deaths
servers.py      `ParameterServer`: asynchronous, this process keeps the weights
launchers.py    options for SSH and Slurm, a JobSet for Kubernetes (kubernetes.yaml, pod.py)
twin.py         the step time of N processes, predicted from one and from all-reduces alone
live.py         processes of this machine, by the mark that they carry
"""

from labkit.parallel.processes import live
from labkit.parallel.processes.engines import Engines, require
from labkit.parallel.processes.group import NOTICE_SECONDS, Failure, Processes, Progress
from labkit.parallel.processes.launchers import kubernetes, slurm, ssh
from labkit.parallel.processes.servers import ParameterServer
from labkit.parallel.processes.twin import Compared, Twin, compare

__all__ = [
    "NOTICE_SECONDS", "Compared", "Engines", "Failure", "ParameterServer", "Processes", "Progress", "Twin", "compare",
    "kubernetes", "live", "require", "slurm", "ssh",
]  # fmt: skip
