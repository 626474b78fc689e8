"""Graph passes that can be seen: the same numbers from fewer nodes, and every step of the way told.

A graph is data, so a program can make a better program of it before it runs. XLA does so behind the curtain; these
passes do it in front. Each takes a graph and gives a new one, with the names of the nodes that stay:

    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [], name="x")
    >>> y = tf.square(x + 1.0) + tf.square(x + 1.0) * 1.0
    >>> optimized = tf.passes.optimize(y)
    >>> optimized
    <optimized graph: 5 of 10 operations>
    >>> print(optimized.report)
    pass        nodes before  after  changed
    arithmetic            10      9        1
    common                 9      5        4
    together              10      5        5

It is `tf.passes`, imported when first used. `tf.draw.optimized(optimized)` shows what went away. A session whose
`tf.OptimizerOptions` ask for it runs its plans through the passes too (`optimized_plan`); by default it does not,
because XLA does all of this anyway.

The files: `rules` (the passes), `draft` (a graph that is being rewritten), `pipeline` (one pass after another),
`report` (the books).
"""

from labkit.passes.draft import Changes, Draft, Replacement
from labkit.passes.pipeline import PASSES, Optimized, optimize, optimized_plan, passes_of
from labkit.passes.report import Report

__all__ = [
    "PASSES", "Changes", "Draft", "Optimized", "Replacement", "Report", "optimize", "optimized_plan", "passes_of",
]  # fmt: skip
