"""`make bench`: every figure that labkit promises, measured here and now.

python -m tests.benchmarks [name ...]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import jax

import labkit as tf
from tests.benchmarks import (
    binder_limits,
    borg,
    embedding,
    events,
    models,
    pipeline,
    placement_views,
    processes,
    recurrent,
    replicas,
    several_devices,
    simulated_step,
    transports,
    twin,
    views,
    warm_cache,
    watching,
)
from tests.benchmarks.sidebyside import Ratio, compare


def softmax_step() -> None:
    """Session.run of softmax regression at batch 100, fed from NumPy, against the hand-written step."""
    ours, theirs = models.LabkitStep(models.softmax_labkit), models.softmax_hand()
    ratio = compare(lambda: ours.run(300), lambda: theirs.run(300), blocks=41, steps=300)
    print(ratio.line("softmax step: Session.run / hand-written jax.jit", "<= 1.10"))


def convnet_step() -> None:
    """Session.run of the convolutional net against the hand-written step."""
    for by_reshape, how in ((False, "reduce_window"), (True, "reshape and max")):
        ours, theirs = models.LabkitStep(models.convnet_labkit), models.convnet_hand(by_reshape)
        ratio = compare(lambda o=ours: o.run(4), lambda t=theirs: t.run(4), blocks=21, steps=4)
        print(ratio.line(f"convnet step: Session.run / jax.jit, pooling by {how}", "<= 1.05"))


def _first_run(made: models.LabkitStep | models.HandStep) -> float:
    start = time.perf_counter()
    made.run(1)
    return time.perf_counter() - start


def first_run() -> None:
    """Trace and compile of the convolutional net's step, against compiling the hand-written one."""
    for by_reshape, how in ((False, "reduce_window"), (True, "reshape and max")):
        pairs = [
            (_first_run(models.LabkitStep(models.convnet_labkit)), _first_run(models.convnet_hand(by_reshape)))
            for _ in range(21)
        ][1:]
        ratios = sorted(mine / yours for mine, yours in pairs)
        mine, yours = (sorted(times)[10] for times in zip(*pairs, strict=True))
        ratio = Ratio(ratios[10], ratios[5], ratios[15], mine, yours)
        print(ratio.line(f"first run: Session.run / jax.jit, pooling by {how}", "<= 1.2"))


def build_graph() -> None:
    """Building 10,000 ops and their gradients, per op; TensorFlow's Python takes about 230 us and 290 us."""
    best_build = best_gradients = float("inf")
    for _ in range(5):
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, [None, 32])
            h = x
            start = time.perf_counter()
            for _ in range(2500):
                h = tf.exp(h * h + x) - h
            built = time.perf_counter()
            count = graph.version
            tf.gradients(tf.reduce_sum(h), [x])
            done = time.perf_counter()
            best_build = min(best_build, (built - start) / count)
            best_gradients = min(best_gradients, (done - built) / count)
    print(f"{'building 10,000 ops, us per op':<62} {best_build * 1e6:6.1f}  wanted <= 77 (a third of TensorFlow's 230)")
    print(f"{'their gradients, us per op':<62} {best_gradients * 1e6:6.1f}  wanted <= 97 (a third of TensorFlow's 290)")


_IMPORT = """
import gc, os, time

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

import jax
before, start = resident(), time.perf_counter()
import labkit
print(time.perf_counter() - start, resident() - before)
"""


def import_cost() -> None:
    """What `import labkit` costs over `import jax`: seconds and megabytes, the median of 11 fresh processes."""
    runs: list[tuple[float, float]] = []
    for _ in range(11):
        out = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
        seconds, megabytes = map(float, out.stdout.split())
        runs.append((seconds, megabytes))
    seconds = sorted(run[0] for run in runs)[5]
    megabytes = sorted(run[1] for run in runs)[5]
    print(f"{'import labkit over import jax, seconds':<62} {seconds:6.3f}  wanted <= 0.3")
    print(f"{'import labkit over import jax, megabytes':<62} {megabytes:6.1f}  wanted <= 30")


ALL: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        softmax_step,
        convnet_step,
        first_run,
        build_graph,
        import_cost,
        *recurrent.BENCHMARKS,
        *embedding.BENCHMARKS,
        pipeline.pipeline,
        watching.watching,
        views.views,
        several_devices.several_devices,
        placement_views.placement_views,
        *borg.BENCHMARKS,
        *events.BENCHMARKS,
        *twin.BENCHMARKS,
        *simulated_step.BENCHMARKS,
        *replicas.BENCHMARKS,
        *processes.BENCHMARKS,
        *transports.BENCHMARKS,
        warm_cache.warm_cache,
        binder_limits.binder_limits,
    )
}


def main() -> None:
    """Runs the named benchmarks, or all of them."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there are: {', '.join(ALL)}")
    print(f"jax {jax.__version__} on {jax.devices()[0]}; medians, [quartiles]")
    for name in names:
        ALL[name]()


if __name__ == "__main__":
    main()
