"""The still picture, the outline and DOT: well formed, the same everywhere, readable for large graphs."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import pytest

import labkit as tf
import labkit_widgets as lw
from labkit_widgets import placing, still
from labkit_widgets.columns import columns
from labkit_widgets.dot import dot, quoted
from labkit_widgets.outline import outline
from labkit_widgets.placing import clean
from labkit_widgets.still import MOST_BOXES, picture
from tests.widgets.samples import HOSTILE, SAMPLES, convnet, hello, hostile, show, softmax, training

SVG = "{http://www.w3.org/2000/svg}"
SMALL = [name for name in SAMPLES if name not in {"1k", "20k"}]


def texts(svg: str) -> list[str]:
    """What is written in a picture."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("sample", SMALL)
def test_the_picture_is_xml_with_whole_numbers_and_without_scripts(sample: str) -> None:
    svg = show(SAMPLES[sample]()).picture()
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "defs", "marker", "path", "rect", "ellipse", "text"
    }  # fmt: skip
    for element in root.iter():
        for name in ("x", "y", "width", "height", "cx", "cy", "rx", "ry", "viewBox", "d"):
            assert "." not in element.get(name, "")
        assert not any(name.startswith("on") or "href" in name for name in element.attrib)


@pytest.mark.parametrize("sample", SMALL)
def test_everything_stands_on_the_paper(sample: str) -> None:
    root = ElementTree.fromstring(show(SAMPLES[sample]()).picture())
    left, top, width, height = map(int, root.attrib["viewBox"].split())
    for element in root.iter(f"{SVG}rect"):
        x, y = int(element.attrib["x"]), int(element.attrib["y"])
        assert left <= x <= x + int(element.attrib["width"]) <= left + width
        assert top <= y <= y + int(element.attrib["height"]) <= top + height


@pytest.mark.parametrize("sample", SMALL)
def test_boxes_do_not_overlap(sample: str) -> None:
    boxes, links = still._boxes(SAMPLES[sample]().get_operations(), 1)
    for box in boxes:
        placing.measure(box)
    placing.place(boxes, links)
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert abs(a.x - b.x) >= (a.w + b.w) // 2 or abs(a.y - b.y) >= (a.h + b.h) // 2


def test_the_picture_of_softmax_names_what_the_learner_wrote() -> None:
    written = texts(show(softmax()).picture())
    for word in ("x", "?×784", "W", "784×10", "b", "y", "Softmax", "cross_entropy", "labels", "∇ MatMul", "train"):
        assert word in written
    assert {"placeholder", "variable", "gradient", "optimizer"} <= set(written)  # the legend


def test_a_large_graph_is_folded_into_few_boxes() -> None:
    graph = training(2500, blocks=1)
    view = lw.GraphView(graph)
    svg = view.picture()
    assert sum(element.tag == f"{SVG}text" for element in ElementTree.fromstring(svg).iter()) < 4 * MOST_BOXES
    assert len(svg) < 60_000
    with tf.Graph().as_default() as wide:
        for i in range(300):
            tf.constant(float(i), name=f"{chr(97 + i % 26)}{i}x")
    written = texts(lw.GraphView(wide).picture())
    assert f"… and {300 - MOST_BOXES + 1} more" in written
    with tf.Graph().as_default() as deep:
        x = tf.constant(1.0, name="x")
        for i in range(50):
            with tf.name_scope(f"layer{i}"):
                x = tf.exp(tf.sin(x))
    assert "layer × 50" in texts(lw.GraphView(deep).picture())


def test_what_a_fetch_leaves_out_is_dashed() -> None:
    view = show(hello())
    before = view.picture()
    view.fetch("total")
    assert view.picture() != before
    assert "not run" in texts(view.picture())
    assert view.picture().count('stroke-dasharray="4 3"') == 2  # the box, and the one in the legend
    view.fetch(None)
    assert view.picture() == before


def test_a_scope_can_be_shown_alone() -> None:
    written = texts(show(convnet(), root="conv1").picture())
    assert "Conv2D" in written
    assert "conv2" not in written


def test_marks_are_written_under_the_boxes() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0, name="x")
        before = lw.snapshot(graph)
        tf.exp(x, name="new")
    assert "added" in texts(lw.GraphView(graph, compare=before).picture())


def test_an_empty_graph_has_no_picture_and_a_description() -> None:
    view = lw.GraphView(tf.Graph())
    assert (view.picture(), view.outline(), repr(view)) == ("", [], "<GraphView: 0 ops, 0 edges, 0 scopes>")
    assert picture([], "nothing") == ""


def test_hostile_names_are_text_in_the_picture_the_fallback_and_dot() -> None:
    view = show(hostile())
    written = "".join(texts(view.picture()))
    assert "<img" in written
    assert "<img src=x" not in view.picture()
    page = view.still()
    assert "<img src=x" not in page
    assert "<script" not in page
    assert len(clean(HOSTILE[2], 26)) == 26


def digest(seed: str) -> str:
    """A digest of all that is kept as text, from another process."""
    code = (
        "import hashlib, labkit_widgets as lw\n"
        "from tests.widgets.samples import convnet, control_flow, show, training\n"
        "views = [show(make()) for make in (convnet, control_flow, lambda: training(300))]\n"
        "kept = [v.picture() + v.still() + v.to_dot() + repr(v) for v in views] + [v.columns.hex() for v in views]\n"
        "print(hashlib.sha256(''.join(kept).encode()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def test_the_same_bytes_in_every_process() -> None:
    assert digest("1") == digest("4711")


def test_the_picture_of_softmax_has_not_changed() -> None:
    """If it is meant to look different, look at it, and put the new digest here."""
    svg = show(softmax()).to_svg()
    assert hashlib.sha256(svg.encode()).hexdigest()[:16] == "af00ad10a44c8606"


# The outline.


def test_the_outline_is_nested_as_the_names_are() -> None:
    assert outline([("a/b/c", "Add"), ("a/d", "Mul"), ("a", "Const")]) == [
        "a: 2 ops", ["b: 1 op", ["c: Add"], "d: Mul"], "a: Const"
    ]  # fmt: skip


def test_a_long_outline_is_cut_and_says_so() -> None:
    lines = outline([(f"scope{i}/op", "Add") for i in range(1000)], most=40, most_here=30)
    assert lines[-1] == "… and 970 more"
    assert _count(lines) < 80
    assert _count(show(hostile()).outline()) < 700


def _count(lines: list[Any]) -> int:
    return sum(_count(line) if isinstance(line, list) else 1 for line in lines)


# DOT.

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+)|(->|[{}\[\];=,]))')


def parse_dot(text: str) -> tuple[dict[str, dict[str, str]], list[tuple[str, str]], int]:
    """Nodes with attributes, arrows, and the number of clusters: the part of DOT's grammar that is used here."""
    tokens: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match, f"no token at {text[at : at + 40]!r}"
        tokens.append(match.group().strip())
        at = match.end()
    assert tokens[:2] == ["digraph", "{"]
    nodes: dict[str, dict[str, str]] = {}
    arrows: list[tuple[str, str]] = []
    clusters, depth, at = 0, 1, 2
    while depth:
        token = tokens[at]
        if token == "}":
            depth, at = depth - 1, at + 1
        elif token == "subgraph":
            assert tokens[at + 2] == "{"
            clusters, depth, at = clusters + 1, depth + 1, at + 3
        elif tokens[at + 1] == "=":
            assert tokens[at + 3] == ";"
            at += 4
        else:
            other = tokens[at + 2] if tokens[at + 1] == "->" else None
            at += 3 if other else 1
            assert tokens[at] == "["
            attributes: dict[str, str] = {}
            at += 1
            while tokens[at] != "]":
                assert tokens[at + 1] == "="
                attributes[tokens[at]] = tokens[at + 2]
                at += 3 + (tokens[at + 3] == ",")
            assert tokens[at + 1] == ";"
            at += 2
            if other:
                arrows.append((token, other))
            elif token != "node":
                nodes[token] = attributes
    assert at == len(tokens)
    return nodes, arrows, clusters


@pytest.mark.parametrize("sample", SMALL)
def test_dot_has_every_node_and_every_pair_that_is_joined(sample: str) -> None:
    made = columns(SAMPLES[sample]())
    nodes, arrows, clusters = parse_dot(dot(made))
    assert len(nodes) == len(made["names"])
    assert set(arrows) == {(f"n{a}", f"n{b}") for a, b in zip(made["from"], made["to"], strict=True)}
    assert clusters == len({name[:i] for name in made["names"] for i, c in enumerate(name) if c == "/"})


def test_dot_of_what_is_visible_has_closed_scopes_as_boxes() -> None:
    view = show(convnet(), open=["conv1"])
    nodes, _, clusters = parse_dot(view.to_dot(visible=True))
    labels = [attributes["label"] for attributes in nodes.values()]
    assert clusters == 1
    assert any(label.startswith('"conv2\\n') for label in labels)
    assert any(label == '"Conv2D\\nConv2D"' for label in labels)
    alone, _, _ = parse_dot(show(convnet(), root="conv1", open=[]).to_dot(visible=True))
    assert 0 < len(alone) < len(nodes)


def test_quotation_marks_and_backslashes_cannot_end_a_label() -> None:
    assert quoted('a"];evil[label="b\\') == '"a\\"];evil[label=\\"b\\\\"'
    nodes, _, _ = parse_dot(show(hostile()).to_dot())
    assert "evil" not in nodes
