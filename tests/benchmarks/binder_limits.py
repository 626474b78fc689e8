"""mybinder's limits: notebooks 00 to 06 one after the other, each with one processor and 1 GB of memory.

What runs inside is what runs in a learner's container: a JupyterLab, and a kernel in which the notebook is run from top
to bottom; nbclient is there in the browser's place, and makes it a little harder. `binder/start` begins it, and nothing
was compiled before, which is harder still.

The limits are those of a cgroup, which is what holds a container on mybinder: too much, and the system ends the process
(what learners know as "kernel died"); one processor's time, however many threads ask for it. In this order:

    a cgroup of version 1      where this may make one (root, and not within a container that has none)
    systemd-run --scope        where systemd runs: the same limits, in a cgroup of version 2
    one core, and a watcher    elsewhere: `taskset`'s way, and whoever holds more than 1 GB is ended

Why not `ulimit -v`: it counts addresses, not memory, and a kernel with JAX reserves several times what it ever touches
(the last column): with 1 GB of addresses it does not even start.

Peaks are sampled ten times a second: PSS, in which what several processes share is counted once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from labkit.datasets import mnist
from tests.benchmarks.warm_cache import data_of_here

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[0-6]_*.ipynb"))
LIMIT_BYTES = 10**9
PERIOD_US = 100_000

_INSIDE = """
import os, subprocess, sys, time, urllib.request
from pathlib import Path
folder, notebook = sys.argv[1:]
root = ["--allow-root"] if os.geteuid() == 0 else []
address = Path(folder, "lab.sock")
lab = subprocess.Popen(
    [sys.executable, "-m", "jupyterlab", "--no-browser", *root,
     f"--ServerApp.root_dir={folder}", f"--ServerApp.sock={address}"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not address.exists():
    if lab.poll() is not None:
        sys.exit("JupyterLab did not start")
    time.sleep(0.1)
import nbformat
from nbclient import NotebookClient
NotebookClient(nbformat.read(notebook, 4), timeout=1200, resources={"metadata": {"path": folder}}).execute()
lab.terminate()
lab.wait()
print("through")
"""


def binder_limits() -> None:
    """A line for each notebook."""
    how = _how()
    if mnist.find() is None:
        print("MNIST is not here: 03 and 05 run on scikit-learn's digits, which are fewer (labkit data mnist)")
    print(f"{'notebooks in 1 GB and one processor, held by ' + how:<62} peak MB  CPU s  seconds  addresses GB")
    for notebook in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            peak, addresses, cpu, seconds, ended = _run(notebook, Path(folder), how)
        wanted = "wanted < 1000" if ended == "through" else f"NOT THROUGH: {ended}"
        print(
            f"{'  ' + notebook.stem:<62} {peak / 1e6:7.0f} {cpu:6.1f} {seconds:8.1f} {addresses / 1e9:13.1f}  {wanted}"
        )


def _how() -> str:
    with contextlib.suppress(OSError), _cgroup():
        return "a cgroup"
    if Path("/run/systemd/system").is_dir() and shutil.which("systemd-run"):
        return "systemd-run"
    return "a watcher, on one core"


def _run(notebook: Path, folder: Path, how: str) -> tuple[int, int, float, float, str]:
    """Peak PSS and addresses in bytes, CPU and clock seconds, and how it ended."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "JUPYTER"))}
    environment = plain | data_of_here() | {
        "HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), "XDG_RUNTIME_DIR": str(folder),
        "IPYTHONDIR": str(folder / ".ipython"), "LABKIT_SEED": str(folder / "none"), "LABKIT_PROGRESS": "",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    command = [ROOT / "binder" / "start", sys.executable, "-c", _INSIDE, str(folder), str(notebook)]
    if how == "systemd-run":
        user = [] if os.geteuid() == 0 else ["--user"]
        limits = ("MemoryMax=1G", "MemorySwapMax=0", "CPUQuota=100%")
        command = ["systemd-run", *user, "--scope", "--quiet", "--collect", *(f"-p{one}" for one in limits), *command]
    with contextlib.ExitStack() as stack:
        groups = stack.enter_context(_cgroup()) if how == "a cgroup" else []
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        for group in groups:  # it is a shell yet
            (group / "cgroup.procs").write_text(str(process.pid))
        if how.startswith("a watcher"):
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        log = stack.enter_context(process.stdout)
        peak = addresses = 0
        spent: dict[int, float] = {}
        while process.poll() is None:
            now, most = _held(process.pid, spent)
            peak, addresses = max(peak, now), max(addresses, most)
            if how.startswith("a watcher") and now > LIMIT_BYTES:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.1)
        said = log.read().splitlines() or [f"ended with {process.returncode}"]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return peak, addresses, sum(spent.values()), time.perf_counter() - begin, said[-1]


def _held(pid: int, spent: dict[int, float]) -> tuple[int, int]:
    """Bytes of PSS of a process and all below it, and the most addresses of one; notes the CPU seconds of each."""
    total = most = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        above = psutil.Process(pid)
        for each in (above, *above.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
                memory, times = each.memory_full_info(), each.cpu_times()
                total, most = total + memory.pss, max(most, memory.vms)
                spent[each.pid] = times.user + times.system
    return total, most


@contextlib.contextmanager
def _cgroup() -> Iterator[list[Path]]:
    """One of memory and one of processors, with the limits.

    Raises:
        OSError: where this may not make them.
    """
    name = f"labkit-{secrets.token_hex(4)}"
    memory, processors = (Path("/sys/fs/cgroup", kind, name) for kind in ("memory", "cpu"))
    made: list[Path] = []
    try:
        for group in (memory, processors):
            if not (group.parent / "cgroup.procs").exists():
                raise OSError(f"{group.parent} is no cgroup")
            group.mkdir()
            made.append(group)
        (memory / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES))
        (processors / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (processors / "cpu.cfs_quota_us").write_text(str(PERIOD_US))
        yield made
    finally:
        for group in made:
            for _ in range(50):  # until the last of its processes is gone
                with contextlib.suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.1)
