"""Graphs that do not learn: a fractal, heat, cells, the ranks of pages; against NumPy, SciPy and networkx.

The programs here are written in other ways than those of notebook 06: with variables where it loops, with loops where
it has variables, on other data.
"""

import networkx as nx
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.ndimage import convolve

import labkit as tf


def escape_in_numpy(c, limit):
    """For each number, after how many steps of z² + c it leaves the disc of radius 2; `limit` if it does not."""
    counts = np.zeros(c.shape, np.int32)
    for place, number in np.ndenumerate(c):
        z = 0j
        while counts[place] < limit and abs(z) <= 2.0:
            z = z * z + complex(number)
            counts[place] += 1
    return counts


def escape_in_a_loop(c, limit):
    """The same as a graph: one `while_loop` over the whole plane."""

    def body(i, z, counts):
        near = tf.abs(z) <= 2.0
        return i + 1, tf.where(near, z * z + c, z), counts + tf.cast(near, tf.int32)

    start = (0, tf.zeros_like(c), tf.zeros_like(c, tf.int32))
    return tf.while_loop(lambda i, z, counts: i < limit, body, start)[2]


def test_the_mandelbrot_set_in_one_run():
    """Known members stay for ever, and the plane agrees with NumPy but for single points at the border."""
    c = tf.placeholder(tf.complex64, [None, None])
    counts = escape_in_a_loop(c, 40)
    up, across = np.mgrid[1.2:-1.2:37j, -2.1:0.7:49j]
    plane = (across + 1j * up).astype(np.complex64)
    with tf.Session() as sess:
        found = sess.run(counts, {c: plane})
        known = sess.run(counts, {c: np.array([[0, -1, 1j, -2, 0.25, -0.75], [1, 2, 0.5, 1 + 1j, -2.1, 0.3]])})
    assert np.mean(found == escape_in_numpy(plane, 40)) > 0.99
    assert known[0].tolist() == [40] * 6
    assert known[1].max() < 20
    assert np.array_equal(found, found[::-1])  # the set is its own mirror image


def test_the_mandelbrot_set_by_a_variable_and_its_initializer_again():
    """State in variables gives the counts of the loop; run again from the initializers, the same."""
    up, across = np.mgrid[1.2:-1.2:25j, -2.1:0.7:29j]
    c = tf.constant((across + 1j * up).astype(np.complex64))
    z, counts = tf.Variable(tf.zeros_like(c)), tf.Variable(tf.zeros([25, 29], tf.int32))
    near = tf.abs(z) <= 2.0
    with tf.control_dependencies([near]):
        step = tf.group(z.assign(tf.where(near, z * z + c, z)), counts.assign_add(tf.cast(near, tf.int32)))
    looped = escape_in_a_loop(c, 30)
    with tf.Session() as sess:
        for _ in range(2):
            sess.run(tf.global_variables_initializer())
            for _ in range(30):
                sess.run(step)
            assert np.array_equal(sess.run(counts), sess.run(looped))


FIVE_POINTS = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def laplace(u, padding="SAME"):
    """The five-point Laplacian as a graph: one convolution."""
    kernel = tf.constant(FIVE_POINTS.reshape(3, 3, 1, 1), u.dtype)
    return tf.nn.conv2d(u[tf.newaxis, :, :, tf.newaxis], kernel, [1, 1, 1, 1], padding)[0, :, :, 0]


def test_heat_flows_as_in_scipy():
    """Fifty steps on a plate with cold edges, against SciPy's convolution."""
    start = np.random.RandomState(1).uniform(0, 100, [17, 23])
    plate = tf.Variable(start, dtype=tf.float32)
    step = plate.assign_add(0.2 * laplace(plate))
    u = start.copy()
    with tf.Session() as sess:
        sess.run(plate.initializer)
        for _ in range(50):
            sess.run(step)
            u += 0.2 * convolve(u, FIVE_POINTS, mode="constant")
        np.testing.assert_allclose(sess.run(plate), u, atol=1e-3)


def test_small_steps_of_heat_come_near_the_exact_solution():
    """Each halving of the step halves the error against the matrix exponential: the method is of first order."""
    n, time = 6, 1.0
    start = np.random.RandomState(2).uniform(0, 1, [n, n])
    line = np.diag([-2.0] * n) + np.diag([1.0] * (n - 1), 1) + np.diag([1.0] * (n - 1), -1)
    exact = expm(time * line) @ start @ expm(time * line)
    u0, steps = tf.constant(start, tf.float64), tf.placeholder(tf.int32, [])
    share = time / tf.cast(steps, tf.float64)
    _, u = tf.while_loop(lambda i, u: i < steps, lambda i, u: (i + 1, u + share * laplace(u)), (0, u0))
    with tf.Session() as sess:
        errors = [np.abs(sess.run(u, {steps: count}) - exact).max() for count in (100, 200, 400)]
    assert errors[0] < 0.01
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.05)


def test_no_heat_is_lost_without_edges():
    """On a ring of places the sum stays; with a share above a quarter the plate explodes, below it does not."""
    start = np.zeros([8, 8], np.float32)
    start[3, 4], share = 64.0, tf.placeholder(tf.float32, [])
    plate = tf.Variable(start)
    wide = tf.concat([plate[-1:], plate, plate[:1]], 0)
    wide = tf.concat([wide[:, -1:], wide, wide[:, :1]], 1)
    step = plate.assign_add(share * laplace(wide, "VALID"))
    with tf.Session() as sess:
        for rate, low, high in ((0.24, 0.0, 64.0), (0.3, 1e3, np.inf)):
            sess.run(plate.initializer)
            for _ in range(60):
                last = sess.run(step, {share: rate})
            assert low <= np.abs(last).max() <= high
            if rate < 0.25:
                assert last.sum() == pytest.approx(64.0, rel=1e-5)


def generation_in_numpy(board):
    """The next board, with the opposite edges glued together."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    near = sum(np.roll(board, shift, (0, 1)) for shift in shifts)
    return ((near == 3) | ((board == 1) & (near == 2))).astype(board.dtype)


def generation(board):
    """The same as a graph."""
    wide = tf.concat([board[-1:], board, board[:1]], axis=0)
    wide = tf.concat([wide[:, -1:], wide, wide[:, :1]], axis=1)
    ring = np.ones([3, 3, 1, 1], np.float32)
    ring[1, 1] = 0.0
    near = tf.nn.conv2d(tf.to_float(wide)[tf.newaxis, :, :, tf.newaxis], ring, [1, 1, 1, 1], "VALID")[0, :, :, 0]
    stays = tf.logical_and(tf.equal(board, 1), tf.equal(near, 2.0))
    return tf.to_int32(tf.logical_or(stays, tf.equal(near, 3.0)))


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_life_of_random_cells(share):
    """Sixty generations in one scan, cell by cell as in NumPy."""
    first = (np.random.RandomState(3).uniform(size=[20, 31]) < share).astype(np.int32)
    film = tf.scan(lambda board, _: generation(board), tf.range(60), initializer=tf.constant(first))
    with tf.Session() as sess:
        boards = sess.run(film)
    expected = first
    for board in boards:
        expected = generation_in_numpy(expected)
        assert np.array_equal(board, expected)


@pytest.mark.parametrize(
    ("cells", "period", "moves"),
    [
        ([(1, 1), (1, 2), (2, 1), (2, 2)], 1, (0, 0)),  # block
        ([(2, 1), (2, 2), (2, 3)], 2, (0, 0)),  # blinker
        ([(0, 1), (1, 2), (2, 0), (2, 1), (2, 2)], 4, (1, 1)),  # glider
        ([(0, 1), (0, 4), (1, 0), (2, 0), (2, 4), (3, 0), (3, 1), (3, 2), (3, 3)], 4, (0, -2)),
    ],
    ids=["block", "blinker", "glider", "spaceship"],
)
def test_known_forms_of_life(cells, period, moves):
    """Still lives stay, oscillators return, and ships move, across the edges as well."""
    first = np.zeros([16, 16], np.int32)
    first[tuple(np.transpose(cells))] = 1
    board = tf.Variable(first)
    step = board.assign(generation(board))
    with tf.Session() as sess:
        sess.run(board.initializer)
        for turn in range(1, 9):
            for _ in range(period):
                last = sess.run(step)
            assert np.array_equal(last, np.roll(first, (turn * moves[0], turn * moves[1]), (0, 1)))


def pagerank(follow, damping, tolerance=1e-7):
    """The ranks of pages, shape (n, 1), and how many rounds it took; `follow[i, j]` leads from j to i."""
    n = int(follow.shape[0])
    even = tf.fill([n, 1], tf.constant(1.0, follow.dtype) / n)
    _, rank, rounds = tf.while_loop(
        lambda old, new, i: tf.reduce_sum(tf.abs(new - old)) > tolerance,
        lambda old, new, i: (new, damping * tf.matmul(follow, new) + (1.0 - damping) / n, i + 1),
        (tf.zeros_like(even), even, 0),
    )
    return rank, rounds


@pytest.mark.parametrize("damping", [0.5, 0.85])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pagerank_of_random_webs(seed, damping):
    """Ranks as networkx gives them, pages without links included; they add up to one."""
    web = nx.DiGraph(nx.scale_free_graph(40, seed=seed))
    web.remove_edges_from(list(nx.selfloop_edges(web)))
    links = nx.to_numpy_array(web, nodelist=sorted(web)).T
    nowhere = links.sum(axis=0) == 0
    assert nowhere.any()
    links[:, nowhere] = 1.0
    rank, rounds = pagerank(tf.constant(links / links.sum(axis=0), tf.float64), damping, 1e-12)
    with tf.Session() as sess:
        found, took = sess.run([rank, rounds])
    right = nx.pagerank(web, alpha=damping, tol=1e-12, max_iter=500)
    np.testing.assert_allclose(found[:, 0], [right[page] for page in sorted(web)], atol=1e-9)
    assert found.sum() == pytest.approx(1.0)
    assert took <= np.log(1e-12 / 2) / np.log(damping) + 2  # each round shrinks the change by the damping


def test_pagerank_is_the_eigenvector_of_numpy():
    """Without a loop: the ranks are the vector that the whole step leaves alone."""
    rng = np.random.RandomState(4)
    follow = rng.uniform(size=[7, 7]) * (rng.uniform(size=[7, 7]) < 0.6) + 0.01
    follow /= follow.sum(axis=0)
    with tf.Session() as sess:
        found = sess.run(pagerank(tf.constant(follow, tf.float64), 0.85, 1e-13)[0])[:, 0]
    values, vectors = np.linalg.eig(0.85 * follow + 0.15 / 7)
    top = np.real(vectors[:, np.argmax(np.real(values))])
    np.testing.assert_allclose(found, top / top.sum(), atol=1e-9)


def test_the_school_of_the_notebook_is_a_web():
    """Every page can be reached from `home`, two of them are dead ends, and networkx ranks them all differently."""
    from labkit.exercises.general_computations import web

    graph = nx.DiGraph(web())
    assert nx.descendants(graph, "home") | {"home"} == set(graph)
    assert {page for page in graph if graph.out_degree(page) == 0} == {"map.pdf", "safety.pdf"}
    ranks = sorted(nx.pagerank(graph).values())
    assert min(np.diff(ranks)) > 1e-5
