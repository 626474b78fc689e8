"""ClusterView in a real browser: keys, playing, what is said against the simulation, linked traces, failures."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import pytest

import labkit_widgets as lw
from labkit.cluster import ready, star
from labkit.simulator import Simulation, simulate
from labkit.trace import short
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.views import write_notebook
from tests.browser.watching import errors_of, left, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]

STEP = """
from labkit.trace import Output
from labkit.workload import Workload, WorkNode
def made(name, *inputs):
    return WorkNode(name, "MatMul", inputs, (Output(name + ":0", "float32", (1000, 1000), 4000000),), 2e9, 1.2e7)
work = Workload((made("a"), made("b", "a:0"), made("c", "a:0"), made("d", "b:0", "c:0")))
worker = "/job:worker/task:{}/device:GPU:0".format
places = {"a": worker(0), "b": worker(9), "c": worker(20), "d": worker(49)}
"""


def a_run() -> Simulation:
    """The step of `STEP`, on the fifty GPU machines."""
    names: dict[str, Any] = {}
    exec(STEP, names)
    return simulate(names["work"], names["places"], ready("gpu_machines"))


def moments(run: Simulation) -> list[float]:
    """When something starts or ends."""
    ends = {event.end_seconds for event in run.trace.events if event.duration_seconds or event.op == "_Recv"}
    return sorted({0.0, run.seconds} | ends | {e.start_seconds for e in run.trace.events if e.end_seconds in ends})


def trait(page: Any, name: str, view: int = 0) -> Any:
    """A trait of a view in the page."""
    return page.evaluate(f"shown[{view}].model.get({name!r})")


def said(page: Any) -> str:
    """What a screen reader was told last."""
    return page.locator(".labkit-status").first.inner_text()


def press(page: Any, *keys: str) -> None:
    """Keys on the picture."""
    page.locator(".labkit-cl-stage").first.focus()
    for key in keys:
        page.keyboard.press(key)


def pixels(page: Any, canvas: str = ".labkit-cl-canvas") -> str:
    """What is drawn, after the next frame."""
    return page.evaluate(
        """canvas => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
            () => done(document.querySelector(canvas).toDataURL()))))""",
        canvas,
    )


def test_keys_go_through_machines_and_links_and_say_each(opened: Open) -> None:
    page = opened(lw.ClusterView("gpu_machines"))
    before = pixels(page)
    press(page, "ArrowRight")
    assert said(page) == "host task 0 CPU:0, a server's CPU"
    assert trait(page, "chosen") == "/job:worker/task:0/device:CPU:0"
    assert pixels(page) != before
    press(page, "ArrowDown")
    assert said(page) == "device task 0 GPU:0, K40"
    about = page.get_by_role("region", name="What is chosen").inner_text()
    for fact in ("4.29 TFLOP/s in float32", "12.0 GB, read or written at 288 GB/s", "data sheet", "on h0"):
        assert fact in about
    press(page, "l")
    assert said(page) == "link between h0 and task 0 GPU:0: PCIe 3 x16, 15.8 GB/s each way"
    assert "1.00 us" in page.get_by_role("region", name="What is chosen").inner_text()
    press(page, "End")
    assert said(page) == "switch s2.3"
    press(page, "l")
    assert said(page) == "link between s1.0 and s2.3: 10 G Ethernet, 2 cables, 2.50 GB/s each way"
    press(page, "Escape")
    assert said(page) == "Nothing is chosen."
    assert trait(page, "chosen") == ""


def test_the_mouse_chooses_hovers_pans_and_zooms(opened: Open) -> None:
    page = opened(lw.ClusterView(star(6, "ethernet_10g")))
    box = page.locator(".labkit-cl-stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    assert page.locator(".labkit-tr-tip").inner_text() == "switch s1.0"
    page.mouse.click(x, y)
    assert trait(page, "chosen") == "s1.0"
    page.mouse.click(x, y - 60)
    assert trait(page, "chosen") == "s1.0 - h0"
    before = pixels(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 150, y + 20, steps=4)
    page.mouse.up()
    panned = pixels(page)
    assert panned != before
    page.mouse.click(x, y)
    assert trait(page, "chosen") != "s1.0"
    press(page, "+", "+")
    assert pixels(page) != panned
    press(page, "0")
    page.mouse.click(x, y)
    assert trait(page, "chosen") == "s1.0"


def test_the_moment_is_told_as_the_simulation_has_it(opened: Open) -> None:
    """Against the simulation's own loads, at each moment that the step button stops at."""
    run = a_run()
    page = opened(lw.ClusterView(run=run))
    graph = run.cluster.network.graph
    for moment in moments(run)[1:]:
        page.get_by_role("button", name="To the next event").click()
        assert trait(page, "time") == pytest.approx(moment, rel=1e-6)
        now = trait(page, "time") * (1 + 1e-8)
        loads = {}
        for hop in {link for link in run.utilisation if not isinstance(link, str)}:
            seconds, rates = run.flows.load(hop)
            place = bisect_right(seconds, now) - 1
            if place >= 0 and rates[place] > 0:
                loads[hop] = rates[place] / graph.edges[hop]["bytes_per_second"]
        words = page.locator(".labkit-cl-now").inner_text()
        flows = sum(e.op == "_Recv" and e.start_seconds <= now < e.end_seconds for e in run.trace.events)
        busy = sum(e.op == "MatMul" and e.start_seconds <= now < e.end_seconds for e in run.trace.events)
        assert words.startswith(f"{busy} of 100 devices compute")
        assert f", {flows} message{'' if flows == 1 else 's'} under way" in words
        if loads:
            assert f"({100 * max(loads.values()):.0f}%)." in words
        else:
            assert words.endswith("No link carries anything.")
    assert said(page) == page.locator(".labkit-cl-now").inner_text()
    page.get_by_role("button", name="To the event before").click()
    assert trait(page, "time") == pytest.approx(moments(run)[-2], rel=1e-6)


def test_it_plays_to_the_end_and_stops_where_one_pauses(opened: Open) -> None:
    run = a_run()
    page = opened(lw.ClusterView(run=run))
    before = pixels(page)
    press(page, " ")
    page.wait_for_function("Number(document.querySelector('.labkit-cl-slider').value) > 60")
    press(page, " ")
    stopped = trait(page, "time")
    assert 0 < stopped < run.seconds
    assert page.get_by_role("button", name="Play", exact=True).is_visible()
    assert pixels(page) != before
    page.wait_for_timeout(200)
    assert trait(page, "time") == stopped
    page.evaluate(f"shown[0].model.set('time', {0.97 * run.seconds})")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"shown[0].model.get('time') >= {run.seconds * (1 - 1e-8)}")
    page.get_by_role("button", name="Play", exact=True).wait_for()
    page.get_by_label("Moment of the step").focus()
    page.keyboard.press("Home")
    assert trait(page, "time") == 0
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(100)
    page.evaluate("shown[0].close()")
    assert left(page) == []


def test_who_asked_for_less_movement_sees_event_after_event(opened: Open) -> None:
    run = a_run()
    page = opened(lw.ClusterView(run=run), motion="reduce")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Pause", exact=True).click()
    found = trait(page, "time")
    assert any(found == pytest.approx(moment, rel=1e-6) for moment in moments(run)[1:4])


def test_a_trace_and_a_cluster_that_are_linked_go_together(opened: Open) -> None:
    """Both ways: what is selected, and the moment that is looked at."""
    run = a_run()
    views = [lw.ClusterView(run=run), lw.TraceView(run.trace)]
    lw.link(*views)
    page = opened(*views)
    assert {event.node for event in run.trace.events if event.op == "_Recv"} == {
        "a/_recv_0", "a/_recv_1", "b/_recv_0", "c/_recv_0"
    }  # fmt: skip
    page.locator(".labkit-tr-box").focus()
    page.keyboard.press("ArrowRight")  # the first event
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    while trait(page, "selected", 1)[0].rpartition("_")[0] != "a/_recv":
        page.keyboard.press("ArrowDown")
    (name,) = trait(page, "selected", 1)
    event = next(event for event in run.trace.events if event.node == name)
    assert trait(page, "selected") == [name]
    clock = page.locator(".labkit-cl-clock").inner_text()
    assert clock.startswith(f"{short(event.start_seconds, 's')} of ")
    about = page.get_by_role("region", name="What is chosen").first.inner_text()
    assert "a:0" in about
    assert "task 0 GPU:0" in about
    assert "h0 → s1.0" in about
    before = pixels(page, ".labkit-tr-canvas")
    press(page, ".")  # the trace's cursor goes with it
    assert pixels(page, ".labkit-tr-canvas") != before
    page.locator(".labkit-tr-canvas").click(position={"x": 700, "y": 30})
    assert page.locator(".labkit-cl-clock").inner_text() != clock
    clock = page.locator(".labkit-cl-clock").inner_text()
    assert not clock.startswith("0 s")
    press(page, ",")
    assert page.locator(".labkit-cl-clock").inner_text() != clock
    press(page, "Home", "l")  # the first machine, its cable
    assert trait(page, "chosen") == "s1.0 - h0"
    assert sorted(trait(page, "selected", 1)) == ["a/_recv_0", "a/_recv_1"]
    assert said(page).startswith(
        "link between s1.0 and h0: 10 G Ethernet, 1.25 GB/s each way; h0 → s1.0 carries 1.25 GB/s"
    )


def test_without_a_kernel_it_plays_and_says_what_it_cannot(opened: Open) -> None:
    run = a_run()
    page = opened(lw.ClusterView(run=run))
    press(page, "Home", "k")
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('no kernel')")
    assert trait(page, "damage")["down"] == []
    page.get_by_label("from", exact=True).select_option(label="task 0 GPU:0")
    page.get_by_label("to", exact=True).select_option(label="task 9 GPU:0")
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('no kernel')")
    press(page, ".")
    assert trait(page, "time") > 0


def test_what_has_failed_is_drawn_and_told(opened: Open) -> None:
    run = a_run()
    whole, broken = lw.ClusterView(run=run), lw.ClusterView(run=run).kill("s2.0").kill("h3")
    page = opened(whole)
    plain = pixels(page)
    page = opened(broken)
    assert pixels(page) != plain
    words = page.get_by_role("region", name="Failures").inner_text()
    assert re.search("A step (still )?takes", words)
    assert "Half of the hosts send the others 240 Gb/s; it was 250 Gb/s." in words
    assert "Lost: task 3 CPU:0, task 3 GPU:0." in words
    for name in ("Repair s2.0", "Repair h3", "Repair all"):
        assert page.get_by_role("button", name=name).is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_panels_and_tables(opened: Open, theme: str) -> None:
    view = lw.ClusterView(run=a_run(), chosen="/job:worker/task:9/device:GPU:0").kill("s2.0")
    view.between("/job:worker/task:0/device:GPU:0", "/job:worker/task:9/device:GPU:0").time = view.run.seconds / 3
    page = opened(view, theme=theme)
    page.locator(".labkit-cl-twin summary").click()
    page.locator(".labkit-tr-table").nth(1).wait_for()
    assert page.locator(".labkit-tr-table tbody tr").count() > 2
    assert violations(page) == []
    page = opened(lw.ClusterView("jupiter"), theme=theme)
    press(page, "ArrowDown", "ArrowDown")
    assert violations(page) == []


def test_page_and_kernel_work_together(lab: Lab, chromium: Any) -> None:
    """Failures, ways and parts of a large network are worked out in the kernel, and drawn here."""
    setup = f"import labkit as tf\nimport labkit_widgets as lw\n{STEP}\nrun = tf.simulator.simulate(work, places, "
    cells = [f"{setup}tf.cluster.ready('gpu_machines'))", "view = lw.ClusterView(run=run)\nview",
             "large = lw.ClusterView('jupiter')\nlarge"]  # fmt: skip
    write_notebook(lab.folder / "cluster.ipynb", *cells)
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "cluster.ipynb")
    page.wait_for_function("document.querySelectorAll('.labkit[data-labkit-ready]').length === 2", timeout=60_000)
    first, second = page.locator(".labkit").nth(0), page.locator(".labkit").nth(1)
    first.locator(".labkit-cl-stage").focus()
    for key in ("End", "k"):
        page.keyboard.press(key)
    first.get_by_role("region", name="Failures").get_by_text(re.compile("A step (still )?takes")).wait_for()
    assert "Half of the hosts send the others 240 Gb/s" in first.inner_text()
    assert run_in_kernel(page, "print(view.damage['down'], view.after.seconds >= run.seconds)").strip() == (
        "[['s2.3']] True"
    )
    first.get_by_role("button", name="Repair this switch").click()
    first.get_by_role("region", name="Failures").wait_for(state="hidden")
    first.get_by_label("from", exact=True).select_option(label="task 0 GPU:0")
    first.get_by_label("to", exact=True).select_option(label="task 49 GPU:0")
    first.get_by_text("3 other ways are as short").first.wait_for()
    expected = run_in_kernel(
        page,
        "from labkit.trace import short\n"
        "print(short(run.cluster.seconds(worker(0), worker(49), view.message_bytes), 's'))",
    ).strip()
    assert f"6 links, {expected} for 1.00 MB" in first.inner_text()
    run_in_kernel(page, "view.kill('h49')")
    first.get_by_role("region", name="Failures").get_by_text(
        "The step cannot run: one of its ops is placed on what has failed"
    ).wait_for()
    first.get_by_text("No way leads from task 0 GPU:0 to task 49 GPU:0 any more.").first.wait_for()
    run_in_kernel(page, "view.repair(); view.chosen = 'h3'")
    first.get_by_role("region", name="What is chosen").get_by_text("/job:worker/task:3/device:CPU:0").wait_for()
    run_in_kernel(page, "large.chosen = '3/1'")  # pod 1
    second.get_by_role("button", name="Open it").click()
    second.get_by_role("button", name="Close it").wait_for()
    assert run_in_kernel(page, "print(large.opened)").strip() == "[1]"
    second.get_by_role("button", name="Kill one of its switches").click()
    second.get_by_role("region", name="Failures").get_by_text("Down: s3.1024.").wait_for()
    assert errors == []
    stop_kernel(page)
    page.close()
