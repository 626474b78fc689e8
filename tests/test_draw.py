"""Pictures: what is on them, not how pretty they are. Positions, boxes, colours and texts are checked, pixels not."""

from __future__ import annotations

import base64
import subprocess
import sys
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.patches import Ellipse, FancyArrowPatch, PathPatch, Polygon

import labkit as tf
from labkit import draw
from labkit.draw.layout import layered
from labkit.draw.picture import BLUE, GREEN, LINES, ORANGE, PURPLE, SKY, VERMILION
from labkit.draw.units import units_of
from labkit.trace import Event, Trace


def texts(picture: draw.Picture) -> list[str]:
    """Every text on a picture."""
    return [text.get_text() for axes in picture.axes for text in axes.texts]


def place(picture: draw.Picture, label: str) -> tuple[float, float]:
    """Where the first text of that wording stands."""
    return next(t.get_position() for axes in picture.axes for t in axes.texts if t.get_text() == label)


def softmax_regression() -> tf.Graph:
    """The graph of notebook 03's first model."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        w = tf.Variable(tf.zeros([784, 10]), name="W")
        b = tf.Variable(tf.zeros([10]), name="b")
        y = tf.nn.softmax(tf.matmul(x, w) + b, name="y")
        labels = tf.placeholder(tf.float32, [None, 10], name="labels")
        with tf.name_scope("cross_entropy"):
            loss = -tf.reduce_sum(labels * tf.log(y))
        tf.train.GradientDescentOptimizer(0.01).minimize(loss)
        tf.global_variables_initializer()
    return graph


def test_data_flow_from_left_to_right() -> None:
    """An op stands to the right of what it takes in."""
    with tf.Graph().as_default():
        a, b = tf.constant(1.0, name="a"), tf.constant(2.0, name="b")
        total = tf.add(a, b, name="total")
        double = tf.multiply(total, a, name="product")
    picture = draw.graph(double)
    xs = [place(picture, name)[0] for name in ("a", "total", "product")]
    assert sorted(xs) == xs
    assert repr(picture) == "<picture of a graph: 2 constants, 2 ops>"


def test_kinds_differ_in_shape_and_colour() -> None:
    """Constants are ellipses, placeholders pointed, variables drums; no two kinds share a colour."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2], name="x")
        _ = x * tf.Variable([1.0, 2.0], name="w") + tf.constant([3.0, 4.0], name="c")
    patches = draw.graph(graph, legend=False).axes[0].patches
    kinds = {Ellipse: 1, Polygon: 1, PathPatch: 2}
    assert kinds == {kind: sum(type(p) is kind for p in patches) for kind in kinds}
    fills = {p.get_facecolor() for p in patches if type(p) in kinds and p.get_fill() and p.get_facecolor()[3]}
    assert len(fills) == 3


def test_the_training_graph_of_the_readme() -> None:
    """Scopes and variables are one box each, gradients stand above what they differentiate, nothing else is there."""
    picture = draw.graph(softmax_regression())
    said = texts(picture)
    for word in ("x", "W", "b", "y", "labels", "cross_entropy", "GradientDescent", "∇ cross_entropy", "784×10", "?×10"):
        assert word in said
    assert not any("init" in word or "Assign" in word or "zeros" in word for word in said)
    for name in ("cross_entropy", "y"):
        (x, y), (gradient_x, gradient_y) = place(picture, name), place(picture, f"∇ {name}")
        assert x == pytest.approx(gradient_x)
        assert gradient_y > y
    assert place(picture, "GradientDescent")[0] < place(picture, "∇ y")[0] < place(picture, "∇ cross_entropy")[0]
    width, height = picture.get_size_inches()
    assert width < 14  # legible when a projector's width is all there is
    assert height < 8


def test_collapse_false_draws_every_node() -> None:
    """The uncollapsed picture leaves nothing out."""
    graph = softmax_regression()
    nodes = graph.get_operations()
    units, _ = units_of(nodes, collapse=False, depth=1)
    assert [node.name for node in nodes] == [unit.key for unit in units]


def test_every_node_is_in_one_box_at_most() -> None:
    """Collapsing puts no node into two boxes, and leaves out only the op that starts all variables."""
    nodes = softmax_regression().get_operations()
    units, _ = units_of(nodes, collapse=True, depth=1)
    placed = [node for unit in units for node in unit.nodes]
    assert len(placed) == len(set(placed))
    assert [node.name for node in nodes if node not in set(placed)] == ["init"]


def test_depth_opens_scopes() -> None:
    """Depth 2 shows what is inside the outermost scopes."""
    with tf.Graph().as_default() as graph, tf.name_scope("outer"):
        with tf.name_scope("inner"):
            x = tf.constant([1.0, 2.0], name="x")
            y = tf.square(x, name="y")
        tf.exp(y, name="z")
    assert texts(draw.graph(graph, legend=False)) == ["outer", "3 ops"]
    assert {"outer/inner", "z"} <= set(texts(draw.graph(graph, depth=2, legend=False)))


def test_fetches_show_what_is_pruned() -> None:
    """What a run leaves out is counted, dashed, and named in the legend; a feed cuts what only leads to it."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [], name="x")
        middle = tf.square(x, name="middle")
        wanted, _ = tf.exp(middle, name="wanted"), tf.log(middle, name="unused")
    picture = draw.graph(graph, fetches=wanted)
    assert repr(picture).endswith("; 1 not run>")
    assert {"fetched", "not run"} <= set(texts(picture))
    assert repr(draw.graph(graph, fetches=[wanted], feeds={middle: 1.0})).endswith("; 2 not run>")
    assert "not run" not in texts(draw.graph(wanted, fetches=wanted))


def test_updates_by_hand_count_as_the_optimizer() -> None:
    """`w.assign_sub(rate * gradient)` stands with the gradients, not with the model."""
    with tf.Graph().as_default() as graph:
        w = tf.Variable(1.0, name="w")
        loss = tf.square(w - 3.0, name="loss")
        tf.group(w.assign_sub(0.1 * tf.gradients(loss, w)[0]))
    picture = draw.graph(graph)
    assert "update" in texts(picture)
    assert repr(picture).endswith("1 for the optimizer>")


def test_slots_and_schedules_belong_to_the_optimizer() -> None:
    """Momentum's slots, the step counter and the decaying rate are part of one box."""
    with tf.Graph().as_default() as graph:
        w = tf.Variable([1.0, 2.0], name="w")
        step = tf.Variable(0, trainable=False, name="step")
        rate = tf.train.exponential_decay(0.1, step, 10, 0.9)
        loss = tf.reduce_sum(tf.square(w), name="loss")
        tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=step)
    assert {"w", "Square", "loss"} == {
        unit.label for unit in units_of(graph.get_operations(), True, 1)[0] if unit.half == "forward"
    }


def test_second_derivatives_can_be_drawn() -> None:
    """Gradients of gradients have no forward box above which to stand, and are drawn all the same."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [], name="x")
        tf.gradients(tf.gradients(x * x * x, x), x)
    assert "for gradients" in repr(draw.graph(graph))
    draw.graph(graph).png()


def test_what_cannot_be_drawn_is_said() -> None:
    """Nothing, too much, and things that are no graph."""
    with tf.Graph().as_default() as graph:
        with pytest.raises(ValueError, match="the graph is empty"):
            draw.graph(graph)
        x = tf.constant(1.0)
        for _ in range(250):
            x = x + 1.0
        with pytest.raises(ValueError, match=r"boxes in one picture could not be read.\n  Try: collapse=True"):
            draw.graph(graph, collapse=False)
        with pytest.raises(TypeError, match="cannot draw 3: it is no tensor"):
            draw.graph(3)


edges = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30)


@given(edges)
def test_boxes_never_overlap_and_arrows_point_right(pairs: list[tuple[int, int]]) -> None:
    """For any acyclic graph: sources left of targets, boxes of a column apart, bends in every column crossed."""
    arrows = [(a, b) for a, b in pairs if a < b]
    tall = {i: 0.4 + 0.1 * (i % 3) for i in range(13)}
    layout = layered(range(13), arrows, tall, 0.3)
    assert all(layout.column[a] < layout.column[b] for a, b in arrows)
    for column in set(layout.column.values()):
        stack = sorted((layout.height[i], i) for i in range(13) if layout.column[i] == column)
        for (low, i), (high, j) in pairwise(stack):
            assert high - low >= (tall[i] + tall[j]) / 2 + 0.3 - 1e-9
    for a, b in set(arrows):
        crossed = list(range(layout.column[a] + 1, layout.column[b]))
        assert crossed == [column for column, _ in layout.bends.get((a, b), [])]


@given(edges)
def test_circles_do_no_harm(pairs: list[tuple[int, int]]) -> None:
    """Collapsed scopes can feed each other; the layout ignores arrows that close a circle."""
    assert set(range(13)) == set(layered(range(13), pairs, {}, 0.3).height)


def test_arrows_end_at_boxes() -> None:
    """One arrow for every tensor that goes from box to box."""
    with tf.Graph().as_default() as graph:
        a = tf.constant(1.0, name="a")
        tf.add(a, tf.square(a, name="b"), name="c")
    arrows = [p for p in draw.graph(graph).axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert len(arrows) == 3


def test_a_picture_shows_itself_in_a_notebook() -> None:
    """PNG with its own background, its width in CSS pixels, and a text for those who cannot see it."""
    picture = draw.images(np.zeros([2, 28, 28]), labels=[3, 4])
    data, metadata = picture._repr_mimebundle_()
    pixels = imread(BytesIO(base64.b64decode(data["image/png"])), "png")
    assert {"image/png", "text/plain"} == set(data)
    assert data["text/plain"] == "<2 images: 3, 4>"
    assert metadata["image/png"]["alt"] == "2 images: 3, 4"
    assert pixels.shape[1] == pytest.approx(2 * metadata["image/png"]["width"], abs=2)
    assert (pixels[0, 0] == 1.0).all()  # opaque white: black letters stay readable in a dark theme


def test_the_palette_is_told_apart_by_everyone() -> None:
    """Okabe and Ito's colours; under simulated red-green blindness the curves' colours stay apart."""
    assert {BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY} == set(LINES)
    deuteranopia = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
    seen = [deuteranopia @ np.array(to_rgb(color)) for color in LINES]
    assert min(float(np.abs(a - b).max()) for i, a in enumerate(seen) for b in seen[:i]) > 0.1


def test_mistaken_images_are_marked() -> None:
    """A wrong guess is written after the label, in another colour than a right one."""
    titles = [axes.title for axes in draw.images(np.zeros([2, 784]), labels=[3, 4], predicted=[3, 9]).axes]
    assert [title.get_text() for title in titles] == ["3", "4 → 9"]
    assert [title.get_color() for title in titles] == [GREEN, VERMILION]


@pytest.mark.parametrize(
    ("shape", "count"), [((784, 10), 10), ((5, 5, 1, 32), 32), ((4, 28, 28), 4)]
)  # fmt: skip
def test_weights_share_one_scale_around_zero(shape: tuple[int, ...], count: int) -> None:
    """White is zero in each image, and the same colour is the same weight in all."""
    w = np.random.default_rng(0).normal(size=shape) + 1.0
    images = [axes.images[0] for axes in draw.weights(w).axes if axes.images and axes.get_title()]
    limits = {image.get_clim() for image in images}
    assert count == len(images)
    assert {(-np.abs(w).max(), np.abs(w).max())} == limits


def test_confusion_counts_as_scikit_learn_does() -> None:
    """The numbers in the matrix are scikit-learn's."""
    from sklearn.metrics import confusion_matrix

    generator = np.random.default_rng(1)
    true, predicted = generator.integers(0, 4, 200), generator.integers(0, 4, 200)
    picture = draw.confusion(true, predicted)
    expected = confusion_matrix(true, predicted)
    shown = {text.get_position(): int(text.get_text()) for text in picture.axes[0].texts}
    assert {(j, i): n for (i, j), n in np.ndenumerate(expected) if n} == shown
    assert f"{np.trace(expected)} of 200 right" in repr(picture)


def test_curves_are_named_where_they_end() -> None:
    """Names stand at the end of their curves, in their colours, and apart."""
    picture = draw.curve({"training": [3.0, 2.0, 1.0], "test": ([0, 2], [3.0, 1.01])})
    names = [(t.get_text(), t.get_color(), t.get_position()[1]) for t in picture.axes[0].texts]
    assert [name[:2] for name in names] == [("training", BLUE), ("test", VERMILION)]
    assert abs(names[0][2] - names[1][2]) > 0.05


def test_names_of_curves_stay_inside_and_apart() -> None:
    """Ends at the top, all at the same height, some in the middle, one that is no number: as drawn, in pixels."""
    lines = {f"line {n}": ([0, n], [0.0, 1.0]) for n in (2, 4, 5, 19, 20)}
    picture = draw.curve({**lines, "lost": ([0, 20], [0.0, float("nan")])})
    canvas = FigureCanvasAgg(picture)
    canvas.draw()
    boxes = {t.get_text(): t.get_window_extent(canvas.get_renderer()) for t in picture.axes[0].texts}
    assert len(boxes) == 6
    for name, box in boxes.items():
        assert 0 <= box.x0 <= box.x1 <= picture.bbox.width
        assert 0 <= box.y0 <= box.y1 <= picture.bbox.height
        assert not any(box.overlaps(other) for also, other in boxes.items() if also != name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw.images(np.zeros([3, 783])), r"cannot draw an array of shape \(3, 783\) as images"),
        (lambda: draw.images(np.zeros([3, 784]), labels=[1]), "there are 3 images, but 1 labels"),
        (lambda: draw.images(np.zeros([0, 784])), "no images were given"),
        (lambda: draw.weights(np.zeros(10)), r"cannot draw weights of shape \(10,\)"),
        (lambda: draw.confusion([1, 2], [1]), "2 true classes, but 1 predicted ones"),
        (lambda: draw.confusion([], []), "no classes were given"),
        (lambda: draw.curve([]), "at least one"),
        (lambda: draw.curve({}), "no curves were given"),
        (lambda: draw.valley(lambda a, b: a, []), "a path needs at least one place"),
    ],
)
def test_bad_calls_teach(call: Any, message: str) -> None:
    """A wrong argument is answered with what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        call()


def test_one_hot_labels_are_understood() -> None:
    """Labels as `next_batch` gives them can be drawn as they are."""
    assert repr(draw.images(np.zeros([2, 784]), labels=[[0, 1], [1, 0]])) == "<2 images: 1, 0>"


def test_import_labkit_brings_no_plotting() -> None:
    """matplotlib and networkx are loaded by those who draw, and by nobody else."""
    code = "import sys, labkit; print([m for m in ('matplotlib', 'networkx', 'labkit.draw') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_timeline_has_a_bar_per_op_where_and_when_it_ran() -> None:
    """Rows by op, the slowest first, with their total time; by device, at once in rows of their own."""
    trace = Trace([
        Event("a", "MatMul", "/device:CPU:0", 0.0, 3e-3, 0),
        Event("b", "Add", "/device:CPU:0", 1e-3, 1e-3, 0),
        Event("c", "MatMul", "/device:GPU:0", 3e-3, 2e-3, 0),
    ])  # fmt: skip
    picture = draw.timeline(trace, by="op")
    [axes] = picture.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["MatMul", "Add"]
    assert {"5.00 ms", "1.00 ms"} <= set(texts(picture))
    bars = [path.get_extents() for path in axes.collections[0].get_paths()]
    assert [(bar.x0, bar.x1) for bar in bars] == [(0.0, 3.0), (3.0, 5.0)]
    assert axes.get_xlabel() == "time in ms"
    assert str(draw.timeline(trace)) == "<timeline of 3 ops in 3 rows: CPU:0, CPU:0 (2), GPU:0>"
    many = Trace([Event(f"n{i}", f"Op{i}", "/cpu:0", i * 1e-6, (20 - i) * 1e-8, 0) for i in range(20)])
    assert "in 5 rows: Op0, Op1, Op2, Op3, others" in str(draw.timeline(many, rows=5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw.timeline(Trace()), "no op ran"),
        (lambda: draw.timeline("trace"), "not str"),
        (lambda: draw.timeline(Trace([Event("a", "Add", "", 0, 1, 0)]), by="time"), "'op' or by 'device'"),
    ],
)
def test_what_is_no_timeline_is_said(call: Any, message: str) -> None:
    """With what to give."""
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_arrows_that_pass_over_boxes_stay_on_the_picture() -> None:
    """An arrow that goes around what lies between, above or below it, is drawn whole."""
    with tf.Graph().as_default() as graph:
        c = tf.placeholder(tf.complex64, [None, None], name="c")
        tf.while_loop(
            lambda i, *_: i < 9,
            lambda i, z, k: (i + 1, z * z + c, k),
            (0, tf.zeros_like(c), tf.zeros_like(c, tf.int32)),
        )
    picture = draw.graph(graph)
    picture.canvas.draw()
    arrows = [p.get_window_extent() for p in picture.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert len(arrows) == 5
    assert all(picture.bbox.y0 < arrow.y0 and arrow.y1 < picture.bbox.y1 for arrow in arrows)


def test_fields_share_a_scale_and_keep_what_is_not_finite_white() -> None:
    """Each field is drawn as it is, row 0 on top, from the smallest finite number of all to the largest."""
    values = np.array([[[0.0, 1.0, 2.0], [3.0, 4.0, np.nan]], [[10.0, 0.0, 0.0], [0.0, 0.0, np.inf]]])
    picture = draw.fields(values, titles=["first", "second"])
    drawn = [axes.images[0] for axes in picture.axes[:2]]
    assert repr(picture) == "<2 fields of 2×3, from 0 to 10: first, second>"
    assert [image.get_clim() for image in drawn] == [(0.0, 10.0)] * 2
    assert np.array_equal(np.ma.filled(drawn[0].get_array(), np.nan), values[0], equal_nan=True)
    assert drawn[0].to_rgba(values[0], bytes=True)[1, 2, 3] == 0
    assert picture.axes[0].get_title() == "first"


def test_fields_on_a_scale_of_factors() -> None:
    """With `log`, ten times ten is half of the way from one to ten thousand."""
    image = draw.fields([[1.0, 100.0, 10000.0]], log=True).axes[0].images[0]
    assert image.norm(100.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [1.0, 2.0]}, r"shape \(2,\) as fields.\n  Try: \(height, width\)"),
        ({"values": np.zeros([0, 2, 2])}, "as fields"),
        ({"values": np.zeros([2, 2]), "titles": ["a", "b"]}, "1 fields, but 2 titles"),
        ({"values": np.zeros([2, 2]), "log": True}, "numbers above zero"),
    ],
)
def test_fields_says_what_it_cannot_draw(arguments: dict[str, Any], message: str) -> None:
    """Wrong shapes, titles and scales are errors that say what is wanted."""
    with pytest.raises(ValueError, match=message):
        draw.fields(**arguments)


def test_a_network_draws_each_name_once_and_areas_in_proportion() -> None:
    """Circles have areas as the sizes ask, and there is an arrow for each link."""
    links = [("home", "news"), ("news", "home"), ("map", "home")]
    picture = draw.network(links, {"home": 4.0, "news": 2.0, "map": 1.0})
    axes = picture.axes[0]
    areas = axes.collections[0].get_sizes()
    assert areas / areas[2] == pytest.approx([4.0, 2.0, 1.0])
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["home", "news", "map"]
    assert sum(text.get_text() == "" for text in axes.texts) == 3
    assert picture.png() == draw.network(links, {"home": 4.0, "news": 2.0, "map": 1.0}).png()


def test_a_network_says_what_is_missing() -> None:
    """No links, or a name without a size, is said."""
    with pytest.raises(ValueError, match="no links were given"):
        draw.network([])
    with pytest.raises(ValueError, match="'b' has no size"):
        draw.network([("a", "b")], {"a": 1.0})


def test_a_twin_stands_beside_what_was_measured() -> None:
    """Bars as high as the times, in milliseconds; how far off; and a text that is the same whatever was measured."""
    from labkit.parallel.processes import Compared, Twin

    two = Compared(Twin(2, 0.004, 0.004, 2, 0.003, 0.001), 0.01, (0.009, 0.012))
    four = Compared(Twin(4, 0.004, 0.004, 2, 0.003, 0.0), 0.008)
    picture = draw.twin({"a net": [two, four]})
    (axes,) = picture.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([10.0, 4.0, 3.0, 1.0, 8.0, 8.0, 3.0, 0.0])
    assert [text.get_text() for text in axes.texts] == ["-20 %", "+38 %"]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([9.0, 12.0])
    assert len(axes.lines) == 1
    assert repr(picture) == "<step times, measured and simulated: a net: 2 and 4 processes>"
    assert len(draw.twin({"a": [two], "b": [two, four]}).axes) == 2
    for wrong in ([], {}, {"a": []}, [3]):
        with pytest.raises(ValueError, match=r"nothing to draw|not of 3"):
            draw.twin(wrong)
