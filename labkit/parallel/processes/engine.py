"""What runs in the other processes: one worker of a mesh, or one of a parameter server's.

The notebook calls these functions by name; what goes to and fro are numbers, names and the files of `carried.py`.
Nothing here is called in the notebook's own process: `join` sets flags of JAX that are those of a worker.

A synchronous step is one compiled program on all workers: the gradients of a worker's own examples, joined into one
array, added up by one all-reduce, taken apart, and the update, which each worker makes for itself. The workers begin
with the same weights and add the same sums, so their weights stay the same; only worker 0 writes checkpoints.

Random streams: worker r of N takes the draws of the r-th of N replicas that take turns, as `labkit.parallel.Replicas`
has it.

Source: `jax.distributed` and `jax.shard_map` of JAX 0.10; the flags of `join` were found by killing workers.
"""

from __future__ import annotations

import math
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P  # JAX's own abbreviation
from safetensors.numpy import load, save

from labkit.errors import GraphError
from labkit.parallel.processes import live
from labkit.parallel.processes.carried import read_state, read_step, write_state
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import State, TrainingStep

AXIS = "workers"
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
        threading.Thread(target=_watch, args=(owner, _began(owner)), daemon=True).start()
    return os.getpid()


def _began(pid: int) -> str:
    """When a process began, so that another with the same number is not taken for it; "" if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _watch(owner: int, began: str) -> None:
    while _began(owner) == began:
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
    mesh = jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,))
    together, apart = NamedSharding(mesh, P()), NamedSharding(mesh, P(AXIS))
    step = compiled_step(training, mesh, count)
    done, seconds, losses, times, failed = begin, list[float](), list[tuple[int, float]](), list[float](), ""
    print(f"worker {rank} of {count}, process {os.getpid()}: from step {begin}", flush=True)
    try:
        with jax.enable_x64(True):
            state = {name: _spread(together, value) for name, value in first.items()}
            for number in range(begin, steps):
                start = time.perf_counter()
                own = [_spread(apart, array[rows[number - begin]]) for array in data]
                state, loss = step(state, own)
                jax.block_until_ready((state, loss))
                seconds.append(time.perf_counter() - start)
                done = number + 1
                if rank == 0 and (done % tell == 0 or done == steps):
                    value = float(np.asarray(loss))
                    losses.append((done, value))
                    times.append(time.time())
                    print(f"step {done}: loss {value:.6g}", flush=True)
                    _publish({"step": done, "loss": value})
                if rank == 0 and (done % every == 0 or done == steps):
                    write_state(folder, done, training, {name: np.asarray(value) for name, value in state.items()})
    except _MESH_ERROR as error:
        failed = f"{type(error).__name__}: {error}"
        print(f"worker {rank}: after step {done}: {failed[:300]}", flush=True)
    return {"begin": begin, "end": done, "seconds": seconds, "losses": losses, "times": times,
            "failed": failed, "at": time.time()}  # fmt: skip


def all_reduce_seconds(size: int, repeats: int, burn_seconds: float = 0.0) -> list[float]:
    """How long the mesh takes to add up so many 32-bit numbers, each time that it is tried but for the first few.

    Args:
        size: how many.
        repeats: how often it is tried.
        burn_seconds: for how long of the processor's time each worker multiplies matrices before it; this counts.
    """
    small = np.ones((32, 32), np.float32)
    count = jax.device_count()
    mesh = jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,))
    own = _spread(NamedSharding(mesh, P(AXIS)), np.ones(size, np.float32))
    shared: Any = jax.jit(
        jax.shard_map(lambda array: jax.lax.psum(array, AXIS), mesh=mesh, in_specs=P(AXIS), out_specs=P())  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    )
    seconds: list[float] = []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.thread_time()
        while time.thread_time() - busy < burn_seconds:
            small @ small  # pyright: ignore[reportUnusedExpression]  # to be busy with
        jax.block_until_ready(shared(own))
        seconds.append(time.perf_counter() - start)
    return seconds[min(5, repeats - 1) :]


def alone(folder: str, batch: int, steps: int) -> tuple[list[float], list[float]]:
    """How long steps of this worker take without the others: on the clock, and of its threads on the processor."""
    training, data = read_step(folder)
    _, state = read_state(folder)
    mesh = Mesh(np.array(cast("list[Any]", jax.local_devices())[:1]), (AXIS,))
    step, apart = compiled_step(training, mesh, 1), NamedSharding(mesh, P(AXIS))
    seconds, processor = list[float](), list[float]()
    with jax.enable_x64(True):
        for number in range(steps):
            rows = np.arange(number * batch, (number + 1) * batch) % len(data[0])
            start, busy = time.perf_counter(), time.process_time()
            state, loss = step(state, [_spread(apart, array[rows]) for array in data])
            jax.block_until_ready((state, loss))
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - busy)
    return seconds, processor


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


def compiled_step(training: TrainingStep, mesh: Mesh, count: int) -> Any:
    """(state, own examples) -> (new state, mean loss), on a mesh of workers."""

    def worker(state: State, batch: list[Any]) -> tuple[State, Any]:
        own = _own_draws(training, state, batch, count)
        found = training.gradients({**state, **own}, batch)
        random = _after(training, state, found.random, own, count)
        loss = jnp.float32(math.nan) if found.loss is None else jnp.asarray(found.loss)
        sparse = {part.values for part in training.parts if part.indices is not None}
        indices = {part.indices for part in training.parts if part.indices is not None}
        values = dict(zip(training.sent, found.values, strict=True))
        dense = [tensor for tensor in training.sent if tensor not in sparse and tensor not in indices]
        *sums, loss = _added_up([*(values[tensor] for tensor in dense), loss])
        values.update({t: total * jnp.asarray(1 / count, total.dtype) for t, total in zip(dense, sums, strict=True)})
        for tensor in (*sparse, *indices):
            rows = cast("Any", jax.lax.all_gather(values[tensor], AXIS, tiled=True))
            values[tensor] = rows * jnp.asarray(1 / count, rows.dtype) if tensor in sparse else rows
        return training.update({**state, **random}, [values[t] for t in training.sent]), loss / count

    shared = jax.shard_map(worker, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=(P(), P()), check_vma=False)
    return jax.jit(shared)


def _added_up(arrays: Sequence[Any]) -> list[Any]:
    """The sums over all workers, by one all-reduce for each dtype: many small ones take several times as long."""
    sums: list[Any] = [None] * len(arrays)
    for dtype in dict.fromkeys(array.dtype for array in arrays):
        places = [place for place, array in enumerate(arrays) if array.dtype == dtype]
        own = jnp.concatenate([arrays[place].reshape(-1) for place in places])
        joined = cast("Any", jax.lax.psum(own, AXIS))
        at = 0
        for place in places:
            size = arrays[place].size
            sums[place] = joined[at : at + size].reshape(arrays[place].shape)
            at += size
    return sums


def _own_draws(training: TrainingStep, state: State, batch: list[Any], count: int) -> State:
    """Where this worker's random streams begin: as if the workers before it had drawn in this step already."""
    if not training.random or count == 1:
        return {name: state[name] for name in training.random}
    after = training.gradients(state, batch).random  # only the counters are kept; XLA drops the rest
    rank = jax.lax.axis_index(AXIS).astype(jnp.uint64)
    return {name: _moved(state[name], _drawn(state[name], after[name]) * rank) for name in training.random}


def _after(training: TrainingStep, state: State, after: State, own: State, count: int) -> State:
    """Where the streams are when all workers have drawn."""
    return {name: _moved(state[name], _drawn(own[name], after[name]) * np.uint64(count)) for name in training.random}


def _counter(words: Any) -> Any:
    if words.shape != (6,):
        raise GraphError(
            "the step has a random op whose next draw depends on the draws before (a sampler with a memory); on "
            "several processes each worker would need to know the draws of the others.\n"
            "  Try: feed what it draws."
        )
    return words[2].astype(jnp.uint64) | (words[3].astype(jnp.uint64) << np.uint64(32))


def _drawn(before: Any, after: Any) -> Any:
    return _counter(after) - _counter(before)


def _moved(words: Any, blocks: Any) -> Any:
    place = _counter(words) + blocks
    low = (place & np.uint64(0xFFFFFFFF)).astype(jnp.uint32)
    return words.at[2].set(low).at[3].set((place >> np.uint64(32)).astype(jnp.uint32))


def _spread(sharding: NamedSharding, value: Any) -> Any:
    return jax.make_array_from_process_local_data(sharding, np.asarray(value))


def _publish(news: dict[str, Any]) -> None:
    """Tells the notebook, if this runs in an engine."""
    if "ipyparallel" not in sys.modules:
        return  # a pod
    from ipyparallel import datapub

    publish: Any = datapub.publish_data  # pyright: ignore[reportUnknownVariableType]  # ipyparallel is not typed
    publish(news)
