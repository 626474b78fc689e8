"""RooflineView in a browser, without a kernel: what it says against what Python says, menus, keys, pointer, table."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.graph import Cost
from labkit.trace import Event, Trace, short
from tests.browser.lab import CHROMIUM
from tests.browser.watching import violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]
KINDS = ["k40", "h100", "phone", "tpu_v1"]


def step() -> Any:
    """What a training step of a small net costs."""
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    with tf.name_scope("layer"):
        w = tf.Variable(tf.zeros([784, 100]), name="w")
        h = tf.nn.relu(tf.matmul(x, w, name="product"), name="relu")
    loss = tf.reduce_mean(tf.square(h), name="loss")
    return tf.costs.graph_cost(tf.train.GradientDescentOptimizer(0.1).minimize(loss), {x: [1000, 784]})


def trait(page: Any, name: str) -> Any:
    return page.evaluate(f"labkitSaved.model.get({name!r})")


def total(page: Any) -> str:
    return page.locator(".labkit-rf-total strong").inner_text()


def about(page: Any) -> str:
    """What stands below the plot."""
    return page.locator(".labkit-rf-about").inner_text()


def press(page: Any, *keys: str) -> None:
    page.locator(".labkit-rf-box").focus()
    for key in keys:
        page.keyboard.press(key)


def times(view: Any, by: str = "op") -> dict[str, float]:
    """Seconds by name on the chosen kind of device, from what Python computed; the dearest first."""
    made = json.loads(zlib.decompress(view.data))
    unit = next(kind["unit"][view.dtype] for kind in made["kinds"] if kind["name"] == view.roof)
    found = dict(zip(made[by]["name"], made["times"][view.roof][unit][by]["seconds"], strict=True))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def names(page: Any) -> list[str]:
    return page.locator(".labkit-rf-table tbody th").all_inner_texts()


def test_menus_change_the_marks_and_the_time_to_what_python_says(page_of: Open) -> None:
    """Without a kernel; the roofs stay where they are, so that the marks are seen to move."""
    view = lw.RooflineView(step(), KINDS)
    page = page_of(view)
    kind, dtype, by = (page.get_by_label(label) for label in ["Kind of device", "dtype", "A mark for each"])
    seen: dict[str, list[Any]] = {}
    for name in KINDS[:3]:
        for each in ["float32", "float16"]:
            kind.select_option(name)
            dtype.select_option(each)
            view.roof, view.dtype = name, each
            assert total(page) == short(view.seconds, "s")
            cells = page.locator(".labkit-rf-table tbody td:nth-child(2)").all_inner_texts()
            assert dict(zip(names(page), cells, strict=True)) == {op: short(s, "s") for op, s in times(view).items()}
            assert names(page) == list(times(view))
            seen.setdefault(each, []).append(
                page.locator(".labkit-rf-roof").evaluate_all("all => all.map(x => x.getAttribute('d'))")
            )
    assert seen["float32"] == [seen["float32"][0]] * 3
    assert trait(page, "roof") == "phone"
    by.select_option("node")
    found = zip(names(page), times(view, "node"), strict=True)
    assert [shown for shown, name in found if shown != name and len(name) <= 30] == []


def test_a_kind_without_a_unit_for_the_dtype_says_so(page_of: Open) -> None:
    page = page_of(lw.RooflineView(step(), KINDS))
    page.get_by_label("Kind of device").select_option("tpu_v1")
    assert (
        page.locator(".labkit-rf-wrong").inner_text() == "TPU v1 has no unit for float32; it computes in int8, int16."
    )
    assert page.locator(".labkit-rf-box .labkit-rf-mark").count() == 0
    assert page.locator(".labkit-rf-roof").count() == 3
    assert violations(page) == []
    page.get_by_label("dtype").select_option("int8")
    assert page.locator(".labkit-rf-roof").count() == 4
    assert page.locator(".labkit-rf-box .labkit-rf-mark").count() > 3


def test_keys_go_from_the_dearest_op_on_and_say_what_bounds_it(page_of: Open) -> None:
    cost = {"MatMul": Cost(92e9, 1e6), "Relu": Cost(1e6, 290e6), "tiny": Cost(100, 100), "copy": Cost(0, 2.88e6)}
    page = page_of(lw.RooflineView(cost, ["k40", "phone"]))
    press(page, "ArrowRight")
    assert about(page).startswith(
        "MatMul: 21.5 ms on K40, 95% of all (1 node). Arithmetic bounds it (92.0 k FLOPs per byte; 14.9 balance "
        "the two): it computes 21.4 ms, moves bytes 3.47 us, starts 5.00 us."
    )
    assert "92.0 GFLOPs, 1.00 MB moved, 4.29 TFLOP/s" in about(page)
    assert page.locator(".labkit-status").inner_text() == "MatMul: 21.5 ms, 95% of all; arithmetic bounds it"
    press(page, "ArrowRight")
    assert "Relu: 1.01 ms on K40, 4.5% of all (1 node). Memory bounds it (0.00345 FLOPs per byte;" in about(page)
    press(page, "End")
    assert "tiny: 5.00 us on K40, 0.0% of all (1 node). Launching bounds it: it computes" in about(page)
    press(page, "ArrowUp")
    assert "0 FLOPs, 2.88 MB moved: no mark in the plot" in about(page)
    assert page.locator(".labkit-rf-ring").count() == 0
    press(page, "Home")
    assert page.locator(".labkit-rf-ring").count() == 1
    assert trait(page, "selected") == ["MatMul"]
    page.get_by_label("Kind of device").select_option("phone")  # it stays selected
    assert about(page).startswith("MatMul: 513 ms on a phone")
    press(page, "Escape")
    assert trait(page, "selected") == []
    assert "arrow keys" in about(page)


def test_the_pointer_and_the_table_find_the_same_ops(page_of: Open) -> None:
    page = page_of(lw.RooflineView({"MatMul": Cost(92e9, 1e6), "Relu": Cost(1e6, 288e6)}, "k40"), theme="dark")
    mark = page.locator(".labkit-rf-box circle.labkit-rf-mark")
    mark.hover(force=True)
    assert about(page).startswith("MatMul:")
    assert trait(page, "selected") == []
    page.mouse.move(5, 5)
    assert "Point at a mark" in about(page)
    page.locator(".labkit-rf-table").get_by_role("button", name="Relu").click()
    assert about(page).startswith("Relu:")
    box = mark.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert trait(page, "selected") == ["MatMul"]


def test_marks_stand_where_their_numbers_are(page_of: Open) -> None:
    """On both axes, by the places of the figures that are written there; under the roof, as far as the launch takes."""
    page = page_of(lw.RooflineView({"A": Cost(1e6, 1e6), "B": Cost(4e9, 4e7)}, ["k40"]))
    ticks = page.eval_on_selector_all(
        ".labkit-rf-box text",
        "all => all.map(x => [x.textContent, x.getAttribute('x'), x.getAttribute('y'), x.getAttribute('text-anchor')])",
    )
    across = {
        float(text): float(x) for text, x, _, anchor in ticks if anchor == "middle" and text.replace(".", "").isdigit()
    }
    factor = {"T": 12, "G": 9, "M": 6, "k": 3}
    up = {
        float(t.split()[0]) * 10 ** factor[t.split()[1]]: float(y) - 4
        for t, _, y, anchor in ticks
        if anchor == "end" and t[-1] in factor
    }
    for name, flops, moved in [("square", 1e6, 1e6), ("circle", 4e9, 4e7)]:
        selector = ".labkit-rf-box circle.labkit-rf-mark" if name == "circle" else ".labkit-rf-box path.labkit-rf-mark"
        box = page.eval_on_selector(
            selector, "x => { const {x: l, y: t, width: w, height: h} = x.getBBox(); return [l + w / 2, t + h / 2]; }"
        )
        seconds = max(flops / 4.29e12, moved / 288e9) + 5e-6
        assert box[0] == pytest.approx(
            np.interp(np.log(flops / moved), np.log(list(across)), list(across.values())), abs=0.6
        )
        powers = sorted(up)
        assert box[1] == pytest.approx(
            np.interp(np.log(flops / seconds), np.log(powers), [up[p] for p in powers]), abs=0.6
        )


def test_a_measured_trace_is_held_against_the_roof(page_of: Open) -> None:
    events = [
        Event("a", "MatMul", "/cpu:0", 0.0, 1.0, 4, flops=4.29e11, moved_bytes=1e6),
        Event("b", "Relu", "/cpu:0", 1.0, 1.0, 4, flops=1e6, moved_bytes=288e9 * 2),
    ]
    page = page_of(lw.RooflineView(Trace(events), ["k40", "phone"], by="node"))
    assert (
        "2.00 s measured: 2 nodes, their times added up. The roof is that of K40"
        in page.locator(".labkit-rf-total").inner_text()
    )
    press(page, "ArrowRight")
    assert "K40 needs at least 100 ms: it reaches 10% of the roof. There arithmetic bounds it" in about(page)
    press(page, "ArrowRight")
    assert "K40 needs at least 2.00 s: it ran faster than K40 could" in about(page)


def test_what_others_select_is_selected_here(page_of: Open) -> None:
    view = lw.RooflineView(step(), ["k40"])
    page = page_of(view)
    page.evaluate("labkitSaved.model.set('selected', ['layer/relu'])")
    assert about(page).startswith("Relu:")
    press(page, "Home")
    assert "layer/product" in trait(page, "selected")
    page.get_by_label("A mark for each").select_option("node")
    page.evaluate("labkitSaved.model.set('selected', ['layer/relu'])")
    assert about(page).startswith("layer/relu:")
    assert violations(page) == []
