"""Workers on other machines: how ipyparallel starts them over SSH and through Slurm, and a manifest for Kubernetes.

`ssh` and `slurm` give the options that ipyparallel's own launchers take; `Processes(count, launcher=..., folder=...)`
hands them on. What has to be true elsewhere:

    - the same Python with labkit at the same path, or the one that `python` names
    - a folder that all machines see, for the step, the examples and the checkpoints
    - the workers reach the notebook's machine by its name, and one another

    >>> options = slurm(partition="gpu", minutes=30)
    >>> options["engines"], options["config"]["SlurmEngineSetLauncher"]["timelimit"]
    ('slurm', '00:30:00')

    Processes(4, launcher=slurm(partition="gpu"), folder="/shared/run")

On Kubernetes nobody starts engines from a notebook: a job does. `kubernetes(...)` fills in a JobSet in which each pod
calls `labkit.parallel.processes.pod`; Kubeflow Trainer's `jax-distributed` runtime makes the same of a TrainJob.

Source: ipyparallel 9, `ipyparallel/cluster/launcher.py`; JobSet API `jobset.x-k8s.io/v1alpha2`.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from labkit.errors import GraphError


def ssh(hosts: Mapping[str, int], python: str | None = None, location: str | None = None) -> dict[str, Any]:
    """Workers over SSH, with keys that need no password.

    Args:
        hosts: how many workers on each: {"node1": 2, "me@node2": 2}.
        python: the Python there; the path of this one if None.
        location: the name by which they reach this machine; its own name if None.

    Raises:
        GraphError: if there are no hosts, or a number is no positive whole number.

    Example:
        >>> ssh({"node1": 2, "me@node2": 1}, python="/opt/python")["config"]["SSHEngineSetLauncher"]["engines"]
        {'node1': 2, 'me@node2': 1}
    """
    if not isinstance(hosts, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        raise GraphError(
            f"hosts is {hosts!r:.60}; it says for each host how many workers it has.\n  Try: ssh({{'node1': 2}})."
        )
    wrong = {host: count for host, count in hosts.items() if not _whole(count) or not host.strip()}
    if wrong or not hosts:
        raise GraphError(
            f"hosts is {dict(hosts)!r}; it says for each host how many workers it has, at least one.\n"
            '  Try: ssh({"node1": 2, "me@node2": 2}).'
        )
    config = {"remote_python": python or sys.executable}
    return {
        "engines": "ssh",
        **_reachable(location),
        "config": {"SSHEngineSetLauncher": {"engines": dict(hosts), **config}, "SSHEngineLauncher": config},
    }


def slurm(
    partition: str = "", minutes: int = 60, account: str = "", options: str = "", location: str | None = None
) -> dict[str, Any]:
    """Workers as a Slurm job, submitted by `sbatch` from this machine.

    Args:
        partition: the partition ("queue" in ipyparallel); Slurm's default if empty.
        minutes: after which Slurm ends the job.
        account: who pays; Slurm's default if empty.
        options: further lines of the batch script, such as "#SBATCH --cpus-per-task=4".
        location: the name by which the nodes reach this machine; its own name if None.

    Raises:
        GraphError: if the minutes are no positive whole number, or a name holds what no name does.

    Example:
        >>> print(slurm("gpu", account="lab")["config"]["SlurmEngineSetLauncher"]["batch_template"])
        #!/bin/sh
        #SBATCH --export=ALL
        #SBATCH --job-name=labkit-{cluster_id}
        #SBATCH --ntasks={n}
        #SBATCH --time=01:00:00
        #SBATCH --partition=gpu
        #SBATCH --account=lab
        srun {program_and_args}
    """
    if not _whole(minutes):
        raise GraphError(f"minutes is {minutes!r}; it must be a whole number of at least one.")
    for what, name in (("partition", partition), ("account", account)):
        if not isinstance(name, str) or not re.fullmatch(r"[\w.,-]*", name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise GraphError(f"the {what} is {name!r}; a name of Slurm's has letters, digits, and the signs _ . , -.")
    limit = f"{minutes // 60:02}:{minutes % 60:02}:00"
    lines = ["#!/bin/sh", "#SBATCH --export=ALL", "#SBATCH --job-name=labkit-{cluster_id}", "#SBATCH --ntasks={n}"]
    lines.append(f"#SBATCH --time={limit}")
    lines += [f"#SBATCH --{what}={name}" for what, name in (("partition", partition), ("account", account)) if name]
    lines += [*filter(None, options.splitlines()), "srun {program_and_args}"]
    own = {"batch_template": "\n".join(lines), "timelimit": limit, "queue": partition, "account": account}
    return {"engines": "slurm", **_reachable(location), "config": {"SlurmEngineSetLauncher": own}}


def kubernetes(
    name: str = "labkit", workers: int = 4, image: str = "REGISTRY/labkit:latest", claim: str = "labkit-run",
    steps: int = 1000, batch: int = 32,
) -> str:  # fmt: skip
    """A JobSet for `kubectl apply -f -`: workers in step, restarted together from the newest checkpoint when one dies.

    Args:
        name: of the JobSet.
        workers: how many pods.
        image: with Python and labkit.
        claim: a volume claim that all pods can write (ReadWriteMany), with a step in it (`carried.write_step`).
        steps: how many.
        batch: examples of each worker and step.

    Raises:
        GraphError: if a name or a number cannot be used.

    Example:
        >>> [line.strip() for line in kubernetes("mnist", workers=8).splitlines() if "parallelism" in line]
        ['parallelism: 8']
    """
    for what, text in (("name", name), ("claim", claim)):
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", text):
            raise GraphError(f"the {what} is {text!r}; Kubernetes allows small letters, digits, and - between them.")
    if not re.fullmatch(r"[\w./:@-]+", image):
        raise GraphError(f"the image is {image!r}; that is no name of an image.")
    for what, number in (("workers", workers), ("steps", steps), ("batch", batch)):
        if not _whole(number):
            raise GraphError(f"{what} is {number!r}; it must be a whole number of at least one.")
    text = files("labkit.parallel.processes").joinpath("kubernetes.yaml").read_text(encoding="utf-8")
    given = {"NAME": name, "WORKERS": workers, "IMAGE": image, "CLAIM": claim, "STEPS": steps, "BATCH": batch}
    for key, value in given.items():
        text = text.replace("${" + key + "}", str(value))
    return text


def _whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _reachable(location: str | None) -> dict[str, Any]:
    """The controller listens to other machines, which find it under a name."""
    return {"controller_ip": "*", "controller_location": location or socket.gethostname()}
