"""`make bench-scaling`: each published point of how training scales, the simulated one, the difference and the source.

    within         nearer than 10 %; 20 % where the point stands on a slide only
    MISS           not; printed with the reason
    undetermined   what was published says too little to simulate; the overhead that it implies is printed instead
    input          a published figure that the simulation starts from: it says nothing about the simulation

"overhead" is time that is not shared over time that is: n / speed-up - 1. At the end: the backup workers of OSDI 2016,
with two fits, and the loss of real training against simulated time, synchronous and asynchronous.

python -m tests.benchmarks.scaling [beginning of a key ...]
"""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterable

import numpy as np

import labkit as tf
from labkit.datasets import digits
from labkit.parallel import DataParallel, History, ParameterServers
from labkit.parallel.comparison import Comparison, compare, value_text
from labkit.parallel.published import POINTS
from labkit.parallel.published_curves import OTHER_FIT, published_backup_curve
from labkit.parallel.scaling import times_to
from labkit.simulator.stragglers import SlowedSteps


def groups(keys: Iterable[str]) -> list[list[Comparison]]:
    """Points that share a source and conditions, in a row."""
    found: list[list[Comparison]] = []
    for key in keys:
        one = compare(key)
        there = one.published
        last = found[-1][0].published if found else None
        if last is not None and (last.source, last.conditions) == (there.source, there.conditions):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def row(one: Comparison) -> str:
    """A point in a line."""
    there = one.published
    theirs = value_text(there.value, there.most, there.unit, there.at_least)
    ours = "-" if one.simulated is None else value_text(one.simulated, one.most, there.unit)
    difference = "" if one.difference is None or one.given else f"{100 * one.difference:+.1f} %"
    verdict = one.verdict.upper() if one.verdict == "miss" else one.verdict
    tags = "".join(f" ({tag})" for tag, text in (("fit", one.fit), ("assumed", one.assumed)) if text)
    return f"  {there.title:44} {theirs:>16} {ours:>16} {difference:>9}  {one.implied or '':>12}  {verdict}{tags}"


def said(label: str, texts: Iterable[str]) -> None:
    """Each text once, with its label."""
    for text in dict.fromkeys(text for text in texts if text):
        first = f"      {label:9}"
        print(textwrap.fill(text, 118, initial_indent=first, subsequent_indent=" " * len(first)))


def points(keys: list[str]) -> None:
    """All points, by source."""
    print(f"  {'':44} {'published':>16} {'simulated':>16} {'off':>9}  {'overhead':>12}")
    verdicts: Counter[tuple[str, str]] = Counter()
    for group in groups(keys):
        there = group[0].published
        print(f"\n{there.source} [{there.basis}]")
        for one in group:
            print(row(one))
            verdicts[one.published.basis, one.verdict] += 1
            if one.verdict in ("miss", "undetermined"):
                said("why", [one.reason])
        said("given", [there.conditions])
        tried = [one for one in group if not one.given]
        said("model", (one.how for one in tried if one.how != "none"))
        said("assumed", (one.assumed for one in tried))
        said("fit", (one.fit for one in group))
        told = {one.reason for one in group if one.verdict != "within"}
        said("besides", (one.reason for one in tried if one.verdict == "within" and one.reason not in told))
    print()
    for basis in ("primary", "summary", "slide"):
        counts = {verdict: count for (where, verdict), count in verdicts.items() if where == basis}
        print(f"{basis:8} " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))


def backups() -> None:
    """The curve of backup workers by two fits."""
    print("\nFirst 50 of 50 + b, Monte Carlo, 25,000 steps a point; scaled so that the step at b = 4 takes 1.93 s.")
    print("Published: shortest step at b = 4, best speed-up a machine at b = 3 (+9.5 %).")
    print(f"  {'b':34}" + "".join(f"{b:>8}" for b in range(9)))
    for fit, title in (("labkit", "SlowedSteps(), +1 % a backup"), ("other", "the other fit, +0.6 % a backup")):
        curve = published_backup_curve(fit)
        at_four = curve.steps[4].value
        times = "".join(f"{1.93 * step.value / at_four:8.3f}" for step in curve.steps)
        bounds = "".join(f"{1.93 * (step.high - step.low) / 2 / at_four:8.3f}" for step in curve.steps)
        print(f"  {title + ': step, s':34}{times}")
        print(f"  {'  95 % bounds, +-':34}{bounds}")
        print(f"  {'  speed-up a machine':34}" + "".join(f"{x:8.3f}" for x in curve.normalised))
        best, gain = curve.best_time, 100 * (float(curve.normalised[curve.best_normalised]) - 1)
        sure = "" if curve.sure else ", within the bounds of its neighbour"
        print(f"    shortest at b = {best}{sure}; best for each machine at b = {curve.best_normalised}, {gain:+.1f} %")
    model, cost = OTHER_FIT
    print(
        f"  The other fit ({model}, {100 * cost:g} % a backup)\n  is said to give 2.23 2.12 1.99 1.94 1.93 1.93 s and "
        "+8.7 % at b = 3:"
    )
    print("  it does not. Both are fits: five numbers for three figures.")


def race(counts: Iterable[int], steps: int = 150) -> list[History]:
    """A softmax net on digits, three ways, for several numbers of workers; 2 s a step, stragglers as in OSDI 2016."""
    data = digits.load()
    seen, unseen = (images.reshape(-1, 784) / np.float32(255) for images in (data.train_images, data.test_images))
    histories: list[History] = []
    for workers in counts:
        for mode, backup, name in (("sync", 0, "sync"), ("sync", 4, "sync with 4 backups"), ("async", 0, "async")):
            with tf.Graph().as_default():
                x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
                logits = tf.layers.dense(x, 10, kernel_initializer=tf.zeros_initializer())
                loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
                right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
                run = DataParallel(
                    tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss),
                    {x: seen, y: data.train_labels}, loss,
                    metrics={"accuracy": right}, test={x: unseen, y: data.test_labels},
                    workers=workers + backup, backup=backup, batch=8, mode=mode, compute_seconds=2.0,
                    stragglers=SlowedSteps(), communication=ParameterServers(16), name=f"{name}, {workers}",
                )  # fmt: skip
                each = workers if mode == "async" else 1
                histories.append(run.run(steps * each, every=each))
    return histories


def accuracy() -> None:
    """Time to accuracy of real training on simulated machines."""
    counts = (1, 4, 16, 50)
    print("\nTime to accuracy, real gradients: softmax on 1,500 digits, batch 8, momentum 0.9, one seed.")
    print("Simulated seconds to 88 % (2 s a gradient, stragglers as above):")
    print(f"  {'workers':24}" + "".join(f"{n:>10}" for n in counts))
    lines = times_to(race(counts), "accuracy", 0.88)
    for name, line in lines.items():
        print(f"  {name:24}" + "".join("     never" if seconds is None else f"{seconds:10.1f}" for _, seconds in line))
    (_, backup), (_, alone) = lines["sync with 4 backups"][-1], lines["async"][-1]
    if backup and alone:
        print(
            f"  With backups / asynchronous, {counts[-1]} workers: {backup / alone:.2f}. Published: 0.8 (40 h / 50 h)."
        )
    print("  Another net, other data, one seed: the direction can be compared, the number cannot.")


def main(beginnings: list[str]) -> None:
    """Prints what the module says."""
    print(f"labkit {tf.__version__}: published points of scaling, beside simulated ones")
    points([key for key in POINTS if not beginnings or key.startswith(tuple(beginnings))])
    if not beginnings:
        backups()
        accuracy()


if __name__ == "__main__":
    main(sys.argv[1:])
