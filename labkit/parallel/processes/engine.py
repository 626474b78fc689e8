"""What runs in the other processes: one worker of a mesh, or one of a parameter server's.

The notebook calls these functions by name; what goes to and fro are numbers, names and the files of `carried.py`.
Nothing here is called in the notebook's own process: `join` sets flags of JAX that are those of a worker.

A synchronous step is one compiled program on all workers (`labkit.parallel.replicated`). Only worker 0 writes
checkpoints.

Source: `jax.distributed` and `jax.shard_map` of JAX 0.10; the flags of `join` were found by killing workers.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from typing import Any, cast

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P  # JAX's own abbreviation
from safetensors.numpy import load, save

from labkit.parallel.processes import live
from labkit.parallel.processes.carried import read_state, read_step, write_state
from labkit.parallel.replicated import AXIS, compiled_step, mesh_of, spread
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import State, TrainingStep

_MESH_ERROR = cast("type[Exception]", jax.errors.JaxRuntimeError)
_read: dict[str, Any] = {}
"""Steps of the parameter-server's workers by folder, with what is compiled."""


def prepare(owner: int) -> int:
    """Makes this process end when its owner does; its process id.

    Args:
        owner: process id of the notebook; 0 if it is on another machine.
    """
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 1)
    if owner:
        threading.Thread(target=_watch, args=(owner, live.began(owner)), daemon=True).start()
    return os.getpid()


def _watch(owner: int, began: str) -> None:
    while live.began(owner) == began:
        time.sleep(1.0)
    mark = os.environ.get(live.MARK, "")
    if mark:  # the other workers look after themselves; the controller and its like do not
        live.end(pid for pid in live.marked(mark) if not live.runs(pid, "ipyparallel.engine"))
    os._exit(1)


def address(local: bool) -> str:
    """Where a mesh can meet if this process is its worker 0: this machine, and a port on which nobody listens now."""
    host = "127.0.0.1" if local else socket.gethostbyname(socket.getfqdn())
    with socket.socket() as made:
        made.bind((host, 0))
        return f"{host}:{made.getsockname()[1]}"


def join(address: str, count: int, rank: int, heartbeat_seconds: int) -> int:
    """Makes this process one worker of a mesh; how many devices the mesh has.

    Args:
        address: "host:port" where worker 0 listens.
        count: how many workers.
        rank: which this is.
        heartbeat_seconds: after how long without a sign of life a worker counts as dead.
    """
    jax.config.update("jax_enable_recoverability", True)  # before initialize: else one death ends every process
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if count > 1:
        jax.distributed.initialize(
            address, count, rank, initialization_timeout=60, heartbeat_timeout_seconds=heartbeat_seconds,
            shutdown_timeout_seconds=5,
        )  # fmt: skip
    return len(cast("list[Any]", jax.devices()))


def train(
    folder: str, rank: int, count: int, steps: int, batch: int, sampling: str, seed: int, every: int, tell: int
) -> dict[str, Any]:
    """Trains from the newest checkpoint to the end, together with the other workers.

    Args:
        folder: where the step lies.
        rank: which worker this is.
        count: how many there are.
        steps: the number of the last step.
        batch: examples of each worker and step.
        sampling: how examples are taken: see `labkit.parallel.sampling`.
        seed: of the examples.
        every: a checkpoint after so many steps.
        tell: a line and a loss after so many steps.

    Returns:
        begin, end: numbers of steps; seconds: of each step; losses: [step, loss]; times: of each loss;
        failed: why it ended early, or ""; at: when.
    """
    training, data = read_step(folder)
    begin, first = read_state(folder)
    turns = np.arange(begin, steps)
    rows = Sampling(len(data[0]), count, batch, sampling, seed).rows(np.full(len(turns), rank), turns)
    mesh = mesh_of(cast("list[Any]", jax.devices()))
    together, apart = NamedSharding(mesh, P()), NamedSharding(mesh, P(AXIS))
    step = compiled_step(training, mesh)
    done, seconds, losses, times, failed = begin, list[float](), list[tuple[int, float]](), list[float](), ""
    print(f"worker {rank} of {count}, process {os.getpid()}: from step {begin}", flush=True)
    try:
        with jax.enable_x64(True):
            state = {name: spread(together, value) for name, value in first.items()}
            for number in range(begin, steps):
                start = time.perf_counter()
                own = [spread(apart, array[rows[number - begin]]) for array in data]
                state, loss = step(state, own)
                jax.block_until_ready((state, loss))
                seconds.append(time.perf_counter() - start)
                done = number + 1
                if done % tell == 0 or done == steps:
                    value = float(np.asarray(loss))
                    _publish({"step": done, "loss": value})
                    if rank == 0:
                        losses.append((done, value))
                        times.append(time.time())
                        print(f"step {done}: loss {value:.6g}", flush=True)
                if rank == 0 and (done % every == 0 or done == steps):
                    write_state(folder, done, training, {name: np.asarray(value) for name, value in state.items()})
    except _MESH_ERROR as error:
        failed = f"{type(error).__name__}: {error}"
        print(f"worker {rank}: after step {done}: {failed[:300]}", flush=True)
    return {"begin": begin, "end": done, "seconds": seconds, "losses": losses, "times": times,
            "failed": failed, "at": time.time()}  # fmt: skip


def parts(folder: str, rank: int, batch: int, turns: int, each: int) -> dict[str, list[Any]]:
    """When steps and their parts begin and end, by turns: a machine may be busier now than in a second.

    Args:
        folder: where the step and a state lie.
        rank: which worker this is; all call it at the same time.
        batch: examples of each worker.
        turns: how many turns; the first is not told.
        each: how often in a turn each is done.

    Returns:
        Lists of moments, by the clock that the processes of a machine share.
        whole: (begin, end) of steps.
        compute: (begin, end) of steps without the all-reduce, for which all workers begin at once.
        all_reduce: (begin, end) of all-reduces of as many bytes as the gradients have.
        after_work: (begin, ready, end): all begin at once and keep the processor as busy as the step does, with
        something else; when they are ready, they add up as many bytes.
        alone: as compute, of worker 0 while the others rest.
        processor: seconds of the processor that its threads took for each of `compute`.

        Of one worker only "whole", "alone" and of the latter "processor".
    """
    training, data = read_step(folder)
    _, first = read_state(folder)
    mesh, lone = mesh_of(cast("list[Any]", jax.devices())), mesh_of(cast("list[Any]", jax.local_devices())[:1])
    size = sum(int(tensor.spec.size_bytes() or 0) for tensor in training.sent) // 4 + 1  # and the loss
    numbers, one = (spread(NamedSharding(mesh, P(AXIS)), np.ones(n, np.float32)) for n in (size, 1))
    shared: Any = jax.jit(
        jax.shard_map(lambda array: jax.lax.psum(array, AXIS), mesh=mesh, in_specs=P(AXIS), out_specs=P())  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    )
    told: dict[str, list[Any]] = {"whole": [], "all_reduce": [], "compute": [], "after_work": [], "alone": []}
    processor: list[float] = []  # of `compute`
    small = np.ones((32, 32), np.float32)
    with jax.enable_x64(True):
        steps = {
            "whole": _Stepping(training, mesh, first, data, batch),
            "compute": _Stepping(training, mesh, first, data, batch, False),
            "alone": _Stepping(training, lone, first, data, batch, False),
        }
        several = mesh.size > 1
        for turn in range(turns):
            for what, moments in told.items():
                if not several and what not in ("whole", "alone"):
                    continue  # there is nobody to be waited for; and who burned the processor's time gets less of it
                jax.block_until_ready(shared(one))
                for _ in range(0 if what == "alone" and rank else each):
                    if what in ("compute", "after_work"):
                        jax.block_until_ready(shared(one))  # all begin at once, as after the all-reduce before
                    found, busy = [time.perf_counter()], time.process_time()
                    if what in steps:
                        steps[what].step()
                    if what == ("compute" if several else "alone"):
                        processor.append(time.process_time() - busy)
                    if what == "after_work":
                        wanted, busy = float(np.median(processor)), time.thread_time()
                        while time.thread_time() - busy < wanted:
                            small @ small  # pyright: ignore[reportUnusedExpression]  # to be busy with
                        found.append(time.perf_counter())
                    if what not in steps:
                        jax.block_until_ready(shared(numbers))
                    found.append(time.perf_counter())
                    if turn:
                        moments.append(found)
    return {**told, "processor": processor[each:]}


class _Stepping:
    """Steps one after the other, each with the next examples."""

    def __init__(
        self, training: TrainingStep, mesh: Mesh, state: State, data: list[Any], batch: int, exchanges: bool = True
    ) -> None:  # fmt: skip
        self.compiled, self.data, self.batch, self.number = compiled_step(training, mesh, exchanges), data, batch, 0
        self.apart = NamedSharding(mesh, P(AXIS))
        self.state = {name: spread(NamedSharding(mesh, P()), value) for name, value in state.items()}

    def step(self) -> None:
        """One, waited for."""
        rows = np.arange(self.number * self.batch, (self.number + 1) * self.batch) % len(self.data[0])
        self.number += 1
        self.state, loss = self.compiled(self.state, [spread(self.apart, array[rows]) for array in self.data])
        jax.block_until_ready((self.state, loss))


def gradient(folder: str, weights: bytes, rows: bytes) -> bytes:
    """The gradient of some examples at the weights that a server has sent.

    Args:
        folder: where the step lies; it is read and compiled once.
        weights: arrays by name, as safetensors.
        rows: which examples, as 32-bit numbers.

    Returns:
        As safetensors: "value-0", ... for each array that a replica sends, and "loss" if there is one.
    """
    path = os.path.join(folder, "step.json")
    key = f"{path} {os.stat(path).st_mtime_ns}"
    if key not in _read:
        _read.clear()
        training, data = read_step(folder)
        _read[key] = data, jax.jit(training.gradients)
    data, compiled = _read[key]
    taken = np.frombuffer(rows, np.int32)
    with jax.enable_x64(True):
        loss, values, _ = compiled(load(weights), [array[taken] for array in data])
    sent = {f"value-{place}": np.asarray(value) for place, value in enumerate(values)}
    return save(sent if loss is None else {**sent, "loss": np.asarray(loss)})


def _publish(news: dict[str, Any]) -> None:
    """Tells the notebook, if this runs in an engine."""
    if "ipyparallel" not in sys.modules:
        return  # a pod
    from ipyparallel import datapub

    publish: Any = datapub.publish_data  # pyright: ignore[reportUnknownVariableType]  # ipyparallel is not typed
    publish(news)
