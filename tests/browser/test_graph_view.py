"""GraphView in a browser, without a kernel: searching, tracing, colours, comparing, saving, what the kernel sets."""

from __future__ import annotations

import functools
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit_widgets.columns import columns
from tests.browser.lab import CHROMIUM
from tests.widgets.samples import softmax

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]


@pytest.fixture
def opened(page_of: Open) -> Open:
    """A function that opens a view's page without movement."""
    return functools.partial(page_of, width=1200, motion="reduce")


def status(page: Any) -> str:
    """The line that the view says."""
    return page.locator(".labkit-status").inner_text()


def find(page: Any, text: str, which: int = 1) -> None:
    """Searches, and takes the n-th match by keys alone."""
    field = page.get_by_role("combobox", name="Search by name")
    field.fill(text)
    for _ in range(which):
        field.press("ArrowDown")
    field.press("Enter")
    page.wait_for_timeout(100)


def flow(graph: tf.Graph) -> Any:
    """The graph's edges, as networkx has them; from an op's name to that of a user."""
    made = columns(graph)
    names = made["names"]
    return nx.MultiDiGraph((names[a], names[b]) for a, b in zip(made["from"], made["to"], strict=True))


def test_a_search_shows_what_it_found(opened: Open) -> None:
    """The scope opens, the panel says what the op is, where it was made, and who is beside it."""
    graph = softmax()
    page = opened(lw.GraphView(graph))
    node = next(node for node in graph.get_operations() if node.type == "Log")
    find(page, "op:Log")
    panel = page.get_by_role("complementary", name="Details").or_(page.locator(".labkit-gv-panel"))
    words = panel.first.inner_text()
    assert node.name in words
    assert node.inputs[0].op.name in words
    assert "tests/widgets/samples.py" in words.replace("\n", "")
    assert page.evaluate("labkitSaved.model.get('selected')") == [node.name]


def test_a_search_for_nothing_says_so(opened: Open) -> None:
    """Nothing is found, nothing is selected, and Escape closes the list, then goes to the picture."""
    page = opened(lw.GraphView(softmax()))
    field = page.get_by_role("combobox", name="Search by name")
    field.fill("no such thing")
    assert 'Nothing matches "no such thing"' in status(page)
    field.fill("Mat")
    assert page.locator(".labkit-gv-hits li:visible").count() >= 1
    field.press("Escape")
    assert page.locator(".labkit-gv-hits li:visible").count() == 0
    assert field.evaluate("field => document.activeElement === field")
    field.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "tree"


def test_what_was_chosen_in_the_search_is_said(opened: Open) -> None:
    """The line below does not go on about matches that are no longer shown."""
    page = opened(lw.GraphView(softmax()))
    field = page.get_by_role("combobox", name="Search by name")
    field.fill("op:Log")
    assert "match" in status(page)
    field.press("ArrowDown")
    field.press("Enter")
    assert "Log: Log · float32" in status(page)


@pytest.mark.parametrize(("button", "reach"), [("Inputs", nx.ancestors), ("Outputs", nx.descendants)])
def test_traces_reach_what_networkx_reaches(opened: Open, button: str, reach: Any) -> None:
    """The number that is said is that of all ancestors, or descendants."""
    graph = softmax()
    page = opened(lw.GraphView(graph))
    find(page, "op:Log")
    name = page.evaluate("labkitSaved.model.get('selected')")[0]
    page.locator(".labkit-gv-buttons").get_by_role("button", name=button).click()
    count = len(reach(flow(graph), name))
    assert f" {count} of {graph.version} ops" in status(page)
    page.keyboard.press("Escape")
    assert status(page) == "All of the graph again."


def test_a_path_joins_two_ops(opened: Open) -> None:
    """As many ops as lie on any way from the one to the other."""
    graph = softmax()
    page = opened(lw.GraphView(graph))
    find(page, "op:MatMul")
    start = page.evaluate("labkitSaved.model.get('selected')")[0]
    page.get_by_role("button", name="Path").click()
    assert "now select where it should end" in status(page)
    find(page, "op:Log")
    end = page.evaluate("labkitSaved.model.get('selected')")[0]
    edges = flow(graph)
    between = (nx.descendants(edges, start) | {start}) & (nx.ancestors(edges, end) | {end})
    assert f"{len(between)} ops lie on the paths" in status(page)


def test_colours_have_a_legend(opened: Open) -> None:
    """By op type the most frequent come first; by time there is a word if nothing was measured."""
    graph = softmax()
    page = opened(lw.GraphView(graph))
    choose = page.get_by_role("combobox", name="Colour by")
    choose.select_option("op")
    counts: dict[str, int] = {}
    for node in graph.get_operations():
        counts[node.type] = counts.get(node.type, 0) + 1
    first = page.locator(".labkit-gv-legend li").first.inner_text()
    assert counts[first] == max(counts.values())
    choose.select_option("time")
    assert "No times" in page.locator(".labkit-gv-note").inner_text()
    assert page.evaluate("labkitSaved.model.get('colour')") == "time"


def test_times_of_a_trace_are_shown(opened: Open) -> None:
    """With a trace, boxes carry their time, and the legend goes from the least to the most."""
    with tf.Graph().as_default() as graph:
        x = tf.constant([[1.0] * 50] * 50, name="x")
        y = tf.matmul(x, x, name="y")
        _, trace = tf.Session().watch(y)
    page = opened(lw.GraphView(graph, trace=trace, colour="time"))
    assert page.locator(".labkit-gv-legend li").count() == 5
    assert page.locator(".labkit-gv-note").is_hidden()


def test_what_a_run_needs_is_told_and_can_be_left(opened: Open) -> None:
    """`4 of 31 ops`, in the view's words, with a button that shows all again."""
    graph = softmax()
    view = lw.GraphView(graph)
    fetched = next(node for node in graph.get_operations() if node.type == "Log")
    words = view.fetch(fetched.outputs[0])
    page = opened(view)
    note = page.locator(".labkit-gv-note")
    assert f"needs {words}" in note.inner_text()
    note.get_by_role("button", name="Show all").click()
    assert note.is_hidden()
    assert page.evaluate("labkitSaved.model.get('runs')") == {}


def test_a_scope_alone_and_the_way_back(opened: Open) -> None:
    """The trail says where one is; its first step leads back to the whole graph."""
    graph = softmax()
    scope = next(node.name for node in graph.get_operations() if node.name.startswith("gradients/")).partition("/")[0]
    page = opened(lw.GraphView(graph, root=scope))
    trail = page.get_by_role("navigation", name="Where you are")
    assert trail.inner_text().split("\n")[-1] == scope
    trail.get_by_role("button", name="graph").click()
    page.wait_for_timeout(100)
    assert trail.is_hidden()
    assert page.evaluate("labkitSaved.model.get('state').root") == ""


def test_the_kernel_sets_what_is_drawn(opened: Open) -> None:
    """A change of the traits is what a learner's own click would have been."""
    graph = softmax()
    page = opened(lw.GraphView(graph))
    model = "labkitSaved.model"
    page.evaluate(f"{model}.set('state', {{...{model}.get('state'), horizontal: false, open: ['gradients/']}})")
    page.wait_for_timeout(200)
    assert page.get_by_role("button", name="Data flows downward").count() == 1
    name = next(node.name for node in graph.get_operations() if node.type == "Log")
    page.evaluate("name => labkitSaved.model.set('selected', [name])", name)
    page.wait_for_timeout(200)
    assert name in page.locator(".labkit-gv-panel").inner_text()


def test_two_graphs_are_compared(opened: Open) -> None:
    """Before and after tf.gradients: two pictures with their sizes; the legend names what was added."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [3], name="x")
        y = tf.square(x, name="y")
        before = lw.snapshot(graph)
        tf.gradients(y, x)
    page = opened(lw.GraphView(graph, compare=before))
    titles = page.locator(".labkit-gv-title").all_inner_texts()
    assert [title.rpartition(": ")[2] for title in titles] == ["2 ops", f"{graph.version} ops"]
    assert "added" in page.locator(".labkit-gv-legend").inner_text()
    assert "removed" not in page.locator(".labkit-gv-legend").inner_text()


@pytest.mark.parametrize("format", ["svg", "png"])
def test_pictures_are_saved(opened: Open, tmp_path: Path, format: str) -> None:
    """SVG that an XML parser reads, with the names in it; PNG that Pillow reads."""
    page = opened(lw.GraphView(softmax()))
    with page.expect_download() as download:
        page.get_by_role("combobox", name="Save the picture as").select_option(format)
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    if format == "svg":
        text = "".join(ET.parse(path).getroot().itertext())
        assert "gradients" in text
    else:
        from PIL import Image

        with Image.open(path) as picture:
            assert picture.width > 300


def test_what_needs_a_kernel_says_that_there_is_none(opened: Open) -> None:
    """Value, gradient, source and DOT: a sentence that says what to do."""
    page = opened(lw.GraphView(softmax()))
    find(page, "op:Log")
    page.locator("details[data-verb=value] summary").click()
    page.wait_for_selector(".labkit-gv-refused")
    assert "Run its cell again" in page.locator(".labkit-gv-refused").inner_text()
    page.get_by_role("combobox", name="Save the picture as").select_option("dot")
    page.wait_for_timeout(100)
    assert "Run its cell again" in status(page)


def test_a_narrow_window_puts_the_panel_below(opened: Open) -> None:
    """At 560 pixels nothing sticks out, and picture and panel lie one above the other."""
    page = opened(lw.GraphView(softmax()), width=560)
    picture, panel = (page.locator(name).first.bounding_box() for name in (".labkit-gv-panes", ".labkit-gv-panel"))
    assert panel["y"] >= picture["y"] + picture["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 560
