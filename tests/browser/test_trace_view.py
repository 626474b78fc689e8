"""TraceView in a real browser: keys, drags, totals against plain sums, what it saves, and what it tells other views."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.trace import Event, Output, Trace, short
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.views import NET, write_notebook
from tests.browser.watching import errors_of, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]
G0, G1 = "/device:GPU:0", "/device:GPU:1"
STEP = Trace(
    [
        Event("x", "Placeholder", G0, 0.0, 1e-4, 4, (), (Output("x:0", "float32", (32, 784), 100352),), 0.0, 1e5),
        Event("layer/mul", "MatMul", G0, 1e-4, 9e-4, 4, ("x:0", "fed:0"), (), 5e6, 4e5),
        Event("send", "Send", f"{G0} -> {G1}", 1e-3, 3e-4, 4, ("layer/mul:0",), (), 0.0, 12800.0),
        Event("summary", "Summary", G0, 1e-3, 4e-4, 4, ("layer/mul:0",), (), 0.0, 8.0),
        Event("layer/relu", "Relu", G1, 1.3e-3, 2e-4, 4, ("send:0",), (), 3200.0, 25600.0),
    ],
    simulated=True,
)


def many(rows: int, each: int) -> Trace:
    """Events without a pause on many devices."""
    return Trace(
        [
            Event(f"n{i}_{row}", f"Op{(i * row) % 12}", f"/job:worker/task:{row}", i * 1e-5, 9e-6, 4)
            for i in range(each)
            for row in range(rows)
        ],
        simulated=True,
    )


def trait(page: Any, name: str, view: int = 0) -> Any:
    """A trait of a view in the page."""
    return page.evaluate(f"shown[{view}].model.get({name!r})")


def said(page: Any) -> str:
    """What a screen reader was told last."""
    return page.locator(".labkit-status").first.inner_text()


def press(page: Any, *keys: str) -> None:
    """Keys on the timeline."""
    page.locator(".labkit-tr-box").first.focus()
    for key in keys:
        page.keyboard.press(key)


def test_keys_go_from_event_to_event_and_say_each(opened: Open) -> None:
    page = opened(lw.TraceView(STEP))
    press(page, "ArrowRight", "ArrowRight")
    assert said(page) == (
        "MatMul layer/mul on GPU:0: starts at 100 us, takes 900 us, on the critical path"
    )  # fmt: skip
    assert trait(page, "selected") == ["layer/mul"]
    press(page, "]")
    assert trait(page, "selected") == ["send"]
    press(page, "ArrowUp")
    assert trait(page, "selected") == ["layer/relu"]
    press(page, "[", "[", "Enter")
    assert page.evaluate("document.activeElement.textContent") == "layer/mul"
    facts = page.locator(".labkit-tr-facts").inner_text()
    assert "5.00 M, 5.56 GFLOP/s" in " ".join(facts.split("\n"))
    assert "x:0 float32 (32, 784)" in facts
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "labkit-tr-box"
    press(page, "Escape")
    assert trait(page, "selected") == []


def test_the_window_zooms_and_moves_and_is_kept(opened: Open) -> None:
    page = opened(lw.TraceView(STEP))
    press(page, "+", "+", "Shift+ArrowRight")
    page.wait_for_function("shown[0].model.get('window').length === 2")
    start, end = trait(page, "window")
    assert end - start == pytest.approx(1.5e-3 / 1.5**2)
    press(page, "0")
    page.wait_for_function("shown[0].model.get('window').length === 0")
    box = page.locator(".labkit-tr-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("shown[0].model.get('window').length === 2")
    assert trait(page, "window")[1] == pytest.approx(1.5e-3, rel=0.01)  # what is under the pointer stays there


def test_a_drag_sums_up_what_is_in_it(opened: Open) -> None:
    """Against plain sums over the events."""
    page = opened(lw.TraceView(STEP))
    box = page.locator(".labkit-tr-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=4)
    page.mouse.up()
    start, end = trait(page, "span")
    inside = [min(end, e.end_seconds) - max(start, e.start_seconds) for e in STEP.events]
    work = sum(seconds for seconds in inside if seconds > 0)
    count = sum(seconds > 0 for seconds in inside)
    assert f"with {count} events, {short(work, 's')} of work" in said(page)
    page.get_by_role("button", name="By device").click()
    assert page.locator(".labkit-tr-all td").nth(1).inner_text() == short(work, "s")
    page.get_by_role("button", name="Zoom to it").click()
    page.wait_for_function("shown[0].model.get('window').length === 2")
    assert trait(page, "window") == pytest.approx([start, end])
    page.get_by_role("button", name="Clear").click()
    assert trait(page, "span") == []


def test_tables_sort_and_search_finds(opened: Open) -> None:
    page = opened(lw.TraceView(STEP))

    def names() -> list[str]:
        return page.locator(".labkit-tr-table tbody th").all_inner_texts()[:-1]

    assert names() == ["MatMul", "Summary", "Send", "Relu", "Placeholder"]
    page.get_by_role("button", name="bytes", exact=True).click()
    assert names() == ["MatMul", "Placeholder", "Relu", "Send", "Summary"]
    assert page.locator("[aria-sort=descending]").inner_text() == "bytes"
    page.get_by_role("button", name="op", exact=True).click()
    assert names() == sorted(names())
    page.locator(".labkit-tr-table").get_by_role("button", name="Relu").click()
    assert trait(page, "search") == "op:Relu"
    assert page.locator(".labkit-tr-found").inner_text() == "1 of 5"
    press(page, "/")
    page.keyboard.press("Enter")
    assert trait(page, "selected") == ["layer/relu"]


def test_the_table_of_all_events_is_made_when_it_is_opened(opened: Open) -> None:
    page = opened(lw.TraceView(many(3, 500)))
    page.get_by_role("button", name="All events").click()
    assert page.locator(".labkit-tr-table").count() == 0
    page.locator(".labkit-tr-twin summary").nth(1).click()
    page.locator("text=200 of 500 events are listed.").wait_for()
    page.get_by_role("button", name="Show 200 more").click()
    assert page.locator(".labkit-tr-table tbody tr").count() == 400
    page.locator(".labkit-tr-table").get_by_role("button", name="n3_1", exact=True).click()
    assert trait(page, "selected") == ["n3_1"]


def test_what_is_saved_is_what_is_seen(opened: Open, tmp_path: Path) -> None:
    """Chrome's JSON with the trace's times, SVG that is XML, PNG that is PNG; hostile names are text in all of them."""
    bad = "</script><img src=x onerror=window.hacked=1>&'\"\u202e👩‍👩‍👧" + "n" * 10_000
    page = opened(lw.TraceView(Trace([*STEP.events, Event(bad, bad, bad, 1e-3, 5e-4, 4)], simulated=True)))
    found: dict[str, bytes] = {}
    for kind in ("Chrome trace", "SVG", "PNG"):
        with page.expect_download() as download:
            page.select_option("select[aria-label='Save as']", kind)
        download.value.save_as(tmp_path / "saved")
        found[kind] = (tmp_path / "saved").read_bytes()
    spans = [event for event in json.loads(found["Chrome trace"])["traceEvents"] if event["ph"] == "X"]
    for span, event in zip(spans[:3], STEP.events, strict=False):
        assert (span["name"], span["args"]["node"]) == (event.op, event.node)
        assert (span["ts"], span["dur"]) == pytest.approx((event.start_seconds * 1e6, event.duration_seconds * 1e6))
    texts = [text.text or "" for text in ElementTree.fromstring(found["SVG"]).iter() if text.tag.endswith("text")]
    assert "GPU:1" in texts
    assert found["PNG"].startswith(b"\x89PNG")
    page.locator(".labkit-tr-box").focus()
    press(page, "ArrowRight", "End", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".labkit img, .labkit script").count() == 0


def test_a_selection_goes_to_linked_views_and_comes_from_them(opened: Open) -> None:
    graph = tf.Graph()
    with graph.as_default(), tf.Session() as sess:
        y = tf.exp(tf.constant(np.ones(3, np.float32), name="x"), name="y")
        _, trace = sess.watch(tf.reduce_sum(y, name="sum"))
    views = [lw.TraceView(trace, graph), lw.TraceView(trace), lw.GraphView(graph)]
    lw.link(*views)
    page = opened(*views)
    press(page, "ArrowRight", "End")
    assert trait(page, "selected") == ["sum"]
    assert trait(page, "selected", 1) == ["sum"]
    page.locator("main > div:nth-child(3) [aria-selected=true][aria-label*=sum]").first.wait_for(state="attached")
    assert "made at" in page.locator(".labkit-tr-facts").first.inner_text()
    page.evaluate("shown[0].model.set('selected', ['y'])")  # as the kernel does
    assert page.locator(".labkit-tr-name").first.inner_text() == "y"
    page.locator("main > div:nth-child(3) .labkit-g-view").focus()
    page.keyboard.press("Home")
    page.wait_for_function("shown[2].model.get('selected').length === 1")
    assert trait(page, "selected") == trait(page, "selected", 1) == trait(page, "selected", 2)


def test_keys_bring_far_rows_into_view_and_axe_finds_nothing(opened: Open) -> None:
    page = opened(lw.TraceView(many(60, 100), height=300), theme="dark")
    press(page, *["ArrowDown"] * 50)
    assert trait(page, "selected") == ["n0_49"]
    assert page.evaluate("document.querySelector('.labkit-tr-box').scrollTop") > 500
    page.wait_for_timeout(100)
    assert violations(page) == []
    press(page, "PageUp", "PageUp", "PageUp", "PageUp", "PageUp")
    assert page.evaluate("document.querySelector('.labkit-tr-box').scrollTop") == 0


def test_two_traces_are_compared(opened: Open) -> None:
    faster = Trace([Event("layer/mul", "MatMul", G0, 0.0, 3e-4, 4)], simulated=True)
    page = opened(lw.TraceView(STEP, other=faster, names=("before", "after")))
    rows = page.locator(".labkit-tr-table").first.locator("tbody tr").all_inner_texts()
    assert rows[0].split("\t") == ["MatMul", "1", "1", "900 us", "300 us", "-600 us", "0.33 x"]
    assert page.locator(".labkit-tr-bound p").count() >= 2


def test_page_and_kernel_hear_of_one_another(lab: Lab, chromium: Any) -> None:
    """What is selected and shown goes both ways; what did not fit into the columns is asked for."""
    cell = """
import labkit_widgets.trace_columns as trace_columns
trace_columns.LARGEST = 100  # so that inputs and outputs stay here
_, trace = session.watch([loss, train], {x: four})
view = lw.TraceView(trace, graph)
view"""
    write_notebook(lab.folder / "trace.ipynb", NET, cell)
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "trace.ipynb")
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=30_000)
    last = run_in_kernel(page, "print(trace.events[-2].node)").strip()
    run_in_kernel(page, f"view.selected = [{last!r}]")
    page.locator(".labkit-tr-name", has_text=last).wait_for()
    made = run_in_kernel(page, "print(trace.events[-2].inputs[0])").strip()
    page.locator(".labkit-tr-facts li", has_text=made).first.wait_for()
    press(page, "ArrowLeft")
    before = run_in_kernel(page, "print(trace.events[-3].node)").strip()
    page.locator(".labkit-tr-name", has_text=before).wait_for()
    assert run_in_kernel(page, "print(view.selected)").strip() == str([before])
    run_in_kernel(page, "view.window = [0.0, 1e-4]; view.search = 'MatMul'; view.colour = 'scope'")
    page.locator(".labkit-tr-found", has_text=" of ").wait_for()
    assert page.locator("select[aria-label='Colour by']").input_value() == "scope"
    press(page, "-")
    page.wait_for_timeout(500)
    assert run_in_kernel(page, "print(view.window[1] > 1.2e-4)").strip() == "True"
    run_in_kernel(page, "view.show(trace); view.search = ''")
    page.locator(".labkit-tr-found", has_not_text=" of ").wait_for(state="attached")
    assert errors == []
    stop_kernel(page)
    page.close()
