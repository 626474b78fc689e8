"""Writes a page with a graph in it: `python -m tests.widgets.make_page OUT.html --sample convnet`.

--sample NAME  hello, softmax, convnet, control_flow, hostile, small, 1k or 20k
--ops N        instead, a training graph of at least N operations
--colour NAME  what colours say
--vertical     data flows downward
--compare      beside the graph what it was before its gradients
"""

from __future__ import annotations

import argparse
import sys
import time

import labkit as tf
import labkit_widgets as lw
from tests.widgets.samples import SAMPLES, training


def main(arguments: list[str]) -> int:
    """Writes the page and says how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--sample", choices=sorted(SAMPLES), default="convnet")
    parser.add_argument("--ops", type=int)
    parser.add_argument("--colour", default="part")
    parser.add_argument("--vertical", action="store_true")
    parser.add_argument("--compare", action="store_true")
    chosen = parser.parse_args(arguments)
    graph = SAMPLES[chosen.sample]() if chosen.ops is None else training(chosen.ops)
    before = None
    if chosen.compare:
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, [None, 4], name="x")
            w = tf.Variable(tf.zeros([4, 2]), name="w")
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)), name="loss")
            before = lw.snapshot(graph, "before tf.gradients")
            tf.gradients(loss, w)
    began = time.perf_counter()
    view = lw.GraphView(graph, colour=chosen.colour, horizontal=not chosen.vertical, compare=before)
    seconds = time.perf_counter() - began
    path = view.to_html(chosen.out)
    print(f"{view}: {seconds:.2f} s, {len(view.columns):,} bytes of columns, {path.stat().st_size:,} bytes of page")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
