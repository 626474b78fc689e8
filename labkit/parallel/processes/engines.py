"""Workers as processes: started and ended by ipyparallel, called by name.

`Engines` knows nothing of training. It starts a controller and N engines with a mark in their environment
(`live.py`), calls functions of `engine.py` in them, forms a mesh among them if asked to, and ends all of it: at
`close`, at the end of a `with` block, when it is collected, and when Python ends.

Source: ipyparallel 9: `Cluster`, `Client`, `Reference`; `jax.distributed`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Generator, Mapping
from typing import Any, Self

from labkit.errors import CancelledError, GraphError, UnavailableError
from labkit.parallel.given import counted
from labkit.parallel.history import Happening
from labkit.parallel.processes import live

COLLECTIVE_SECONDS = 5
"""How long a worker waits in an all-reduce for the others before it reports an error."""

HEARTBEAT_SECONDS = 10
"""After how long without a sign of life a worker counts as dead."""

START_SECONDS = 90.0
"""How long workers may take to start."""

_TRIALS = 3  # to form a mesh, if workers die before they have met
_ENGINE = "labkit_engine"  # under which name the engines know `engine.py`


class Engines:
    """N worker processes.

    Args:
        count: how many workers; each takes about 250 MB.
        threads: how many threads each computes with; the cores of this machine shared out if None.
        launcher: what `labkit.parallel.processes.ssh` or `slurm` returns, for other machines; this one if None.
        folder: where steps, examples and checkpoints lie; workers on other machines must see it too. A temporary one
            if None, which is removed at the end.

    Attributes:
        count: how many workers there are now.
        folder: where steps, examples and checkpoints lie.
        mark: what the processes carry in their environment.
        reported: of the run that goes on, or went last: by worker, after which step it reported last, and the loss.
        happenings: deaths and restarts of that run so far, in the order in which they were found.

    Raises:
        UnavailableError: if ipyparallel is missing, this is not Linux, or the workers do not start.
        GraphError: if the count is no positive whole number, or another argument cannot be used.
    """

    def __init__(
        self, count: int, *, threads: int | None = None, launcher: Mapping[str, Any] | None = None,
        folder: str | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(f"{count!r} processes were asked for; it must be a whole number of at least one.")
        if threads is not None:
            threads = counted(threads, "threads")
        if launcher is not None and not isinstance(launcher, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(
                f"the launcher is {launcher!r:.60}; it is what ssh({{...}}) or slurm(...) returned.\n"
                '  Try: launcher=tf.parallel.processes.ssh({"node1": 2}).'
            )
        if folder is not None and not os.path.isdir(folder):
            raise GraphError(f"there is no folder {folder!r}.\n  Try: os.makedirs({folder!r}).")
        self._ipyparallel = require()
        self.count = count
        cores = len(os.sched_getaffinity(0))
        self.threads = threads or (None if launcher else max(1, cores // count))
        self.mark = uuid.uuid4().hex[:12]
        self.folder = folder or tempfile.mkdtemp(prefix="labkit-processes-")
        self._launcher = dict(launcher or {})
        self._local = not self._launcher
        self._pids: list[int] = []
        self._view: Any = None
        self._client: Any = None
        self._joined = self._broken = False
        self._killed_at: dict[int, float] = {}
        self.reported: dict[int, tuple[int, float]] = {}
        self.happenings: list[Happening] = []
        self._stopping = threading.Event()
        self._starting = threading.RLock()  # whoever closes waits until nothing is being started
        self._profile = tempfile.mkdtemp(prefix="labkit-engines-")
        guard = live.start_guard(self.mark)  # before there is anything that could be left behind
        self._cluster = self._new_cluster()
        self._clients: list[Any] = []
        given = None if folder else self.folder
        self._end = weakref.finalize(self, _close, self._cluster, self._clients, self.mark, self._profile, given, guard)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    # Starting and ending.

    def _new_cluster(self) -> Any:
        from traitlets.config import Config

        log = logging.getLogger("labkit.parallel.processes")
        log.setLevel(logging.CRITICAL)  # what ipyparallel says when an engine ends is said by `Failure`
        options: dict[str, Any] = {
            "config": Config(),
            "load_profile": False,
            "delay": 0,
            "shutdown_atexit": False,
            **self._launcher,
        }
        options["controller_args"] = ["--HeartMonitor.period=500", *options.get("controller_args", [])]
        return self._ipyparallel.Cluster(
            profile_dir=self._profile, cluster_id=f"labkit-{self.mark}", log=log, **options
        )

    def _start(self) -> None:
        """Starts `count` workers; with the first ones the controller through which they are reached."""
        with self._starting:
            self._check_open()
            self._start_now()

    def _start_now(self) -> None:
        with _marked_environment(self.mark):
            if self._client is None:
                self._cluster.start_controller_sync()
                self._cluster.start_engines_sync(self.count)
                self._client = self._cluster.connect_client_sync()
                self._clients.append(self._client)
                old: set[int] = set()
            else:
                old = set(self._client.ids)
                self._cluster.start_engines_sync(self.count)
        until = time.monotonic() + START_SECONDS
        while len(new := sorted(set(self._client.ids) - old)) < self.count:  # numbers of engines are never used twice
            if time.monotonic() > until:
                raise UnavailableError(
                    None, None, f"{len(new)} of {self.count} workers started within {START_SECONDS:.0f} s.\n"
                    f"  Try: fewer workers.{self._said()}"
                )  # fmt: skip
            time.sleep(0.05)
        self._view = self._client.direct_view(new[: self.count])
        self._view.block = True  # `%%px` waits for its outputs
        self._view.execute(_first_words(self.threads), block=True)
        asked = [self._apply(rank, "prepare", os.getpid() if self._local else 0) for rank in self._ranks]
        self._pids = [self._wait_for(rank, answer, watch=False) for rank, answer in enumerate(asked)]
        self._joined = self._broken = False
        self._killed_at.clear()

    def _said(self) -> str:
        """The last lines of what the engines wrote to their logs."""
        folder = os.path.join(self._profile, "log")
        lines: list[str] = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.startswith("ipengine") and name.endswith(".log"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    lines += file.read().splitlines()[-3:]
        return "".join(f"\n  {line}" for line in lines)

    def _join(self) -> None:
        """Forms the mesh, once: JAX does not let a process change its mesh. Who dies meanwhile is replaced."""
        for trial in range(_TRIALS):
            try:
                return self._join_once()
            except _EndedError as error:
                if trial == _TRIALS - 1:
                    raise
                text = "before the workers had met; all were started anew"
                self.happenings.append(Happening(0.0, "died", f"worker {error.rank}", text))
                self._again()
        return None

    def _join_once(self) -> None:
        if self._joined:
            return
        address = self._wait_for(0, self._apply(0, "address", self._local))
        asked = [self._apply(rank, "join", address, self.count, rank, HEARTBEAT_SECONDS) for rank in self._ranks]
        for rank, answer in enumerate(asked):
            devices = self._wait_for(rank, answer)
            if devices != self.count:
                raise UnavailableError(None, None, f"worker {rank} sees {devices} of {self.count} workers.")
        self._joined = True

    def close(self) -> None:
        """Ends all workers and the controller; no process is left. A run in another thread ends with an error."""
        self._stopping.set()
        with self._starting:
            self._end()
            self._pids = []

    def stop(self) -> None:
        """Breaks off the run that another thread is waiting for; that thread gets a `CancelledError`.

        The workers end with it, since nobody can be asked to leave an all-reduce; the next run starts new ones.
        """
        self._stopping.set()

    def _check_going(self) -> None:
        """The error with which a run ends that was stopped."""
        if self._stopping.is_set():
            raise CancelledError(None, None, "the run was stopped before its end.")

    def _begin(self) -> None:
        """Forgets what was told of the run before."""
        self._stopping.clear()
        self.reported, self.happenings = {}, []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """True once it has been closed."""
        return not self._end.alive

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers, by rank."""
        return tuple(self._pids)

    @property
    def view(self) -> Any:
        """ipyparallel's view of the workers: `view.activate()` makes `%%px` run on them."""
        self._check_open()
        return self._view

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"process ids {', '.join(map(str, self._pids))}"
        return f"<{self.count} worker{'s' * (self.count != 1)}: {state}>"

    def _check_open(self) -> None:
        if self.closed:
            raise GraphError("these processes have been closed.\n  Try: Processes(...) starts new ones.")

    # Calling.

    @property
    def _ranks(self) -> range:
        return range(self.count)

    def _apply(self, rank: int, name: str, *args: Any) -> Any:
        one = self._client[self._view.targets[rank]]
        return one.apply_async(self._ipyparallel.Reference(f"{_ENGINE}.{name}"), *args)

    def _apply_sync(self, name: str, *args: Any) -> list[Any]:
        asked = [self._apply(rank, name, *args) for rank in self._ranks]
        return [self._wait_for(rank, answer) for rank, answer in enumerate(asked)]

    def _wait_for(self, rank: int, answer: Any, watch: bool = True) -> Any:
        """What a worker answers; with `watch`, as long as all others live.

        Raises:
            UnavailableError: if it, or another of which it may depend, ends meanwhile, or nothing comes.
            CancelledError: if the run was stopped.
        """
        until = time.monotonic() + START_SECONDS
        while not answer.ready() and time.monotonic() < until:
            self._check_going()
            for other, pid in enumerate(self._pids if self._local and watch else ()):
                if not live.lives(pid):
                    raise _EndedError(other, pid)
            time.sleep(0.01)
        if not answer.ready():
            raise UnavailableError(None, None, f"worker {rank} has not answered for {START_SECONDS:.0f} s.")
        return answer.get(timeout=1)

    @property
    def _harmed(self) -> bool:
        """True if a worker has ended, or may still be busy with a run that was broken off."""
        return self._broken or (self._local and not all(live.lives(pid) for pid in self._pids))

    def _again(self) -> None:
        """New workers in place of all the old ones: a process cannot leave a mesh and join another."""
        self._broken = True
        if self._local:
            live.end(self._pids)
        with contextlib.suppress(Exception):
            self._cluster.stop_engines_sync()
        self._start()

    def kill(self, rank: int) -> None:
        """Kills one worker at once (SIGKILL), to see what happens.

        Raises:
            GraphError: if there is no such worker, it has ended already, or it runs on another machine.
        """
        self._check_open()
        if not isinstance(rank, int) or not 0 <= rank < len(self._pids):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(f"there is no worker {rank!r}; there are 0 to {len(self._pids) - 1}.")
        if not self._local:
            raise GraphError(f"worker {rank} runs on another machine.\n  Try: its launcher's own way to end a process.")
        pid = self._pids[rank]
        if not live.has_mark(pid, self.mark):
            raise GraphError(f"worker {rank} (process {pid}) has ended already.")
        self._killed_at[rank] = time.time()
        os.kill(pid, signal.SIGKILL)


class _EndedError(UnavailableError):
    """A worker has ended while something was asked of it."""

    def __init__(self, rank: int, pid: int) -> None:
        super().__init__(None, None, f"worker {rank} (process {pid}) has ended.")
        self.rank = rank


def _first_words(threads: int | None) -> str:
    """What an engine executes first: before JAX is imported, and in JAX's words the time-out of an all-reduce."""
    return (
        "import os\n"
        "os.environ['XLA_FLAGS'] = (os.environ.get('XLA_FLAGS', '') "
        f"+ ' --xla_cpu_collective_timeout_seconds={COLLECTIVE_SECONDS}').strip()\n"
        "os.environ['JAX_PLATFORMS'] = 'cpu'\n"
        + (f"os.environ['NPROC'] = '{threads}'\n" if threads else "")  # XLA's name for it
        + f"import labkit.parallel.processes.engine as {_ENGINE}"
    )


@contextlib.contextmanager
def _marked_environment(mark: str) -> Generator[None]:
    """The mark in the environment, for processes started meanwhile."""
    os.environ[live.MARK] = mark
    try:
        yield
    finally:
        os.environ.pop(live.MARK, None)


def _close(
    cluster: Any, clients: list[Any], mark: str, profile: str, folder: str | None, guard: subprocess.Popen[bytes]
) -> None:  # fmt: skip
    """Ends what was started, politely and then for certain; no reference to the group, so that it can be collected."""
    for client in clients:
        if client is not None:
            with contextlib.suppress(Exception):
                client.close()
    if sys.platform == "linux":
        live.end(live.marked(mark))  # workers hold nothing that is lost: checkpoints are whole at any moment
    with contextlib.suppress(Exception):
        cluster.stop_cluster_sync()
    if sys.platform == "linux":
        live.end(live.marked(mark))
    guard.kill()
    guard.wait()
    for path in (profile, folder):
        if path:
            shutil.rmtree(path, ignore_errors=True)


@functools.cache
def require() -> Any:
    """The module ipyparallel.

    Raises:
        UnavailableError: if it is missing, or this is not Linux; with what to do.
    """
    if sys.platform != "linux":
        raise UnavailableError(
            None, None, f"real processes need Linux: JAX's Gloo does not work in earnest on {sys.platform}.\n"
            "  Try: labkit.parallel.DataParallel computes the same on simulated machines."
        )  # fmt: skip
    try:
        import ipyparallel
    except ImportError:
        raise UnavailableError(
            None, None, "real processes are started by ipyparallel, which is not installed.\n"
            '  Try: pip install "labkit[processes]".'
        ) from None  # fmt: skip
    return ipyparallel
