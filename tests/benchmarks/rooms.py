"""What a learner takes of a machine: `python -m tests.benchmarks.rooms [--write] [hub] [03 ...]`.

Each notebook is run twice from top to bottom in a kernel of its own, on two cores: with nothing compiled, and with what
the first run compiled. Processor time and memory are those of the kernel and of all that it starts. Then a hub is
started on loopback, and a few learners' servers. With `--write` the figures go to `labkit/workshop/measured.json`; what
is not named keeps its figures there. `labkit hub sizes` computes from them, and the instructor's guide, which is
then written anew: `python tests/notebooks/strip.py notebooks/instructors_guide.ipynb`.

Other work on the machine makes the seconds longer, and changes neither processor time nor memory by much.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient

from labkit import compile_cache
from labkit.workshop.hub_sizes import FILE, Run
from tests.hub.hub import Hub, Learner

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LEARNERS = 4


class Watch:
    """The processor time and the memory of a process and all that it starts, until it is told to stop.

    Args:
        pid: which.
    """

    def __init__(self, pid: int) -> None:
        self.root, self.peak_mb, self._over = psutil.Process(pid), 0.0, threading.Event()
        self._ended: dict[int, float] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _tree(self) -> list[psutil.Process]:
        return [self.root, *self.root.children(recursive=True)]

    def _look(self) -> None:
        while not self._over.wait(0.25):
            total = 0.0
            for process in self._tree():
                try:
                    total += process.memory_full_info().pss / 1e6
                    self._ended[process.pid] = sum(process.cpu_times()[:2])
                except psutil.Error:
                    continue
            self.peak_mb = max(self.peak_mb, total)

    def cpu_seconds(self) -> float:
        """Since the process began; of processes that ended, what was seen of them last."""
        for process in self._tree():
            try:
                self._ended[process.pid] = sum(process.cpu_times()[:2])
            except psutil.Error:
                continue
        return sum(self._ended.values())

    def stop(self) -> float:
        """Returns the most memory that was seen, in megabytes (PSS)."""
        self._over.set()
        self._thread.join()
        return self.peak_mb


def run(path: Path, environment: dict[str, str]) -> tuple[float, float, float, float]:
    """Runs a notebook; seconds, CPU seconds, those of its busiest cell, megabytes."""
    notebook = nbformat.read(path, 4)
    client = NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(path.parent)}})
    began = time.perf_counter()
    with client.setup_kernel(env=environment):
        watch = Watch(client.km.provisioner.pid)
        busiest = 0.0
        for index, cell in enumerate(notebook.cells):
            before = watch.cpu_seconds()
            client.execute_cell(cell, index)
            busiest = max(busiest, watch.cpu_seconds() - before)
        seconds, total = time.perf_counter() - began, watch.cpu_seconds()
        peak = watch.stop()
    return seconds, total, busiest, peak


def notebook(path: Path) -> Run:
    """The figures of one notebook."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(path.parent, Path(scratch, "notebooks"), ignore=shutil.ignore_patterns(".*", "_*"))
        kept = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
        compiled = compile_cache.environment() | {"JAX_COMPILATION_CACHE_DIR": str(Path(scratch, "compiled"))}
        environment = kept | compiled | {"LABKIT_PROGRESS": "", "NPROC": "2"}
        first = run(folder / path.name, environment)
        again = run(folder / path.name, environment)
    return Run(*(round(figure, 1) for figure in (*again[:2], *first[:2], again[2], max(first[3], again[3]))))


def hub() -> dict[str, float]:
    """The figures of a hub: its own memory, and memory and start of a learner's server."""
    with tempfile.TemporaryDirectory() as scratch, Hub(Path(scratch), LABKIT_NO_CACHE="1") as room:
        for number in range(LEARNERS):
            with Learner(room, f"learner{number}") as learner:
                learner.log_in()
                learner.start_server()
        own, memory, cpu = 0.0, list[float](), list[float]()
        for process in room.processes():
            megabytes = process.memory_full_info().pss / 1e6
            if "JUPYTERHUB_USER" in process.environ():
                memory.append(megabytes)
                cpu.append(sum(process.cpu_times()[:4]))  # with what it was before it became the server
            elif any(part in " ".join(process.cmdline()) for part in ("-m jupyterhub", "configurable-http-proxy")):
                own += megabytes  # not what it compiles in the background
    return {
        "hub_mb": round(own),
        "server_mb": round(sum(memory) / LEARNERS),
        "server_cpu_seconds": round(sum(cpu) / LEARNERS, 1),
    }


def main() -> None:
    """Measures what is named, or all."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    names = [name for name in sys.argv[1:] if name != "--write"]
    data: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"notebooks": {}}
    if not names or "hub" in names:
        data |= hub()
        print({name: value for name, value in data.items() if name != "notebooks"}, flush=True)
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        if not names or path.stem[:2] in names:
            data["notebooks"][path.stem] = notebook(path)._asdict()
            print(path.stem, data["notebooks"][path.stem], flush=True)
            if "--write" in sys.argv:
                save(data)
    if "--write" in sys.argv:
        save(data)


def save(data: dict[str, Any]) -> None:
    """As people read it: a line each."""
    versions = ".".join(map(str, sys.version_info[:2])), __import__("jax").__version__
    data["machine"] = f"two cores of a server ({processor()}), Python {versions[0]}, JAX {versions[1]}"
    data["notebooks"] = dict(sorted(data["notebooks"].items()))
    runs = ",\n".join(f"  {json.dumps(name)}: {json.dumps(run)}" for name, run in data["notebooks"].items())
    rest = "".join(f" {json.dumps(name)}: {json.dumps(data[name])},\n" for name in sorted(data) if name != "notebooks")
    FILE.write_text(f'{{\n{rest} "notebooks": {{\n{runs}\n }}\n}}\n', encoding="utf-8")


def processor() -> str:
    """Its make, without the model."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    return next((make for make in ("AMD EPYC", "Intel Xeon", "ARM") if make.split()[-1] in text), "x86")


if __name__ == "__main__":
    main()
