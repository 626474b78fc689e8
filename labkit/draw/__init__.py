"""Pictures of what learners make: graphs, weights, digits, mistakes. They serve wherever no widget can.

    graph       the dataflow graph: scopes collapsed to boxes, shapes on edges, the gradient half above the forward half
    images      a grid of images
    weights     a grid of weight images, red for negative, blue for positive, white for zero
    confusion   which class was taken for which, with counts
    curve       learning curves
    fields      numbers over a plane as colours: temperatures, counts, a table
    network     things and the links between them: pages of a web
    timeline    when each op of a traced run ran
    valley      a loss over two numbers from above, and the way training took
    roofline    what kinds of devices reach, and what bounds an op on each
    cluster     machines and the network between them
    leftovers   what is free on each machine of a cell, and what of it is stranded
    cell_over_time    how full a cell was, who waited, and when machines failed
    scaling     speed-up, efficiency and time to accuracy against replicas, published points and simulated curves
    ready_queue who ran what, and how many ops were ready and waited for a worker
    histories   replicated trainings side by side: loss or accuracy against simulated time, updates, examples or bytes
    staleness   how old the weights of asynchronous gradients were
    twin        step times of real processes, measured and simulated
    optimized   a graph before its passes, with what went away in dashes

Every function returns a `Picture`: a matplotlib figure that shows itself in a notebook, has a text for those who
cannot see it, brings its own background (so that a dark theme does not swallow black letters), and can be saved:

    >>> import labkit as tf
    >>> from labkit import draw
    >>> with tf.Graph().as_default() as graph:
    ...     total = tf.add(tf.constant(1.0, name="a"), tf.constant(2.0, name="b"), name="total")
    >>> draw.graph(graph)
    <picture of a graph: 2 constants, 1 op>

The files: `picture` (the figure and the colours), `units` (which nodes share a box), `layout` (where boxes go),
`graphs` (boxes and arrows), `patches` (how each looks), `arrays`, `fields`, `timelines`, `valleys`, `clusters`,
`cells`, `scalings`, `history_curves` (with `history_parts`), `ages`, `ready_queues` and `passes` (the rest).
matplotlib and networkx are imported with this package, and this package only by those who draw: `import labkit` stays
light.

The picture of the README, `.github/graph.png`, is made by

    python -m labkit.draw .github/graph.png
"""

from labkit.draw.ages import staleness
from labkit.draw.arrays import confusion, curve, images, weights
from labkit.draw.cells import cell_over_time, leftovers
from labkit.draw.clusters import cluster, roofline
from labkit.draw.fields import fields, network
from labkit.draw.graphs import graph
from labkit.draw.history_curves import histories
from labkit.draw.passes import optimized
from labkit.draw.picture import Picture
from labkit.draw.ready_queues import ready_queue
from labkit.draw.scalings import scaling
from labkit.draw.timelines import timeline
from labkit.draw.twins import twin
from labkit.draw.valleys import valley

__all__ = [
    "Picture",
    "cell_over_time",
    "cluster",
    "confusion",
    "curve",
    "fields",
    "graph",
    "histories",
    "images",
    "leftovers",
    "network",
    "optimized",
    "ready_queue",
    "roofline",
    "scaling",
    "staleness",
    "timeline",
    "twin",
    "valley",
    "weights",
]
