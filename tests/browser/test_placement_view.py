"""PlacementView in a browser, with this process as its kernel: dragging, keys, the placer played, linked views."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.simulator import simulate
from labkit.trace import short
from tests.browser.kernel import Kernel, open_with_kernel
from tests.browser.lab import CHROMIUM
from tests.browser.watching import errors_of, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., tuple[Any, Kernel]]
CPU, G0, G1 = "/device:CPU:0", "/device:GPU:0", "/device:GPU:1"


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """A function that opens views with a kernel; at the end no page may have had an error."""
    pages: list[tuple[Any, list[str]]] = []

    def open_page(*views: Any, width: int = 1200) -> tuple[Any, Kernel]:
        page = chromium.new_page()
        pages.append((page, errors_of(page)))
        page.set_viewport_size({"width": width, "height": 1200})
        page.emulate_media(reduced_motion="reduce")
        return page, open_with_kernel(page, tmp_path, *views)

    yield open_page
    for page, errors in pages:
        page.close()
        assert errors == []


def net(cluster: str = "gpu_server", method: str = "obey") -> lw.PlacementView:
    """Two layers and their gradients on a GPU server."""
    tf.reset_default_graph()
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    hidden = tf.layers.dense(x, 128, tf.nn.relu, name="hidden")
    logits = tf.layers.dense(hidden, 10, name="logits")
    loss = tf.reduce_mean(tf.square(logits), name="loss")
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss, name="train")
    return lw.PlacementView(train, cluster, {x: [100, 784]}, method=method)


def status(page: Any) -> str:
    """The line that the view says."""
    return page.locator(".labkit-status").first.inner_text()


def boxes(page: Any) -> list[str]:
    """Ids of the boxes that are drawn."""
    return page.evaluate("[...document.querySelectorAll('.labkit-g-item')].map(g => g.dataset.id)")


def middle(page: Any, box: str) -> tuple[float, float]:
    """Where a box is on the screen."""
    return tuple(
        page.evaluate(
            """id => { const g = [...document.querySelectorAll('.labkit-g-item')].find(g => g.dataset.id === id);
            const r = g.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }""",
            box,
        )
    )


def drag(page: Any, box: str, to: tuple[float, float]) -> None:
    """Takes a box and lets it go elsewhere, with all of the picture in view."""
    page.get_by_role("button", name="Fit", exact=True).first.click()
    page.wait_for_timeout(50)
    x, y = middle(page, box)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 12, y + 8, steps=2)
    page.mouse.move(*to, steps=4)
    page.mouse.up()


def chip(page: Any, device: int) -> tuple[float, float]:
    """Where a device stands below the picture."""
    box = page.locator(f"[data-device='{device}']").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stands(page: Any, seconds: float) -> None:
    """Waits until the view says that a step takes so long."""
    page.wait_for_function(
        "words => document.querySelector('.labkit-pl-sum strong').textContent === words",
        arg=f"Step: {short(seconds, 's')}",
    )


def test_a_scope_dragged_to_an_idle_device_goes_there_and_the_step_changes(opened: Open) -> None:
    view = net()
    page, _ = opened(view)
    before = view.simulation.seconds
    drag(page, "GPU:0/logits/", chip(page, 2))
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('moved to')")
    assert view.places["logits/MatMul"] == G1
    assert view.places["hidden/MatMul"] == G0
    run = simulate(view.work, view.places, view.cluster)
    stands(page, run.seconds)
    words = page.locator(".labkit-pl-sum").inner_text()
    assert f"than before ({short(before, 's')}" in words
    tensors = [crossing for crossing in run.cut.crossings if not crossing.tensor.startswith("^")]
    assert f"{len(tensors)} tensors cross: {short(sum(c.bytes for c in tensors), 'B')}" in words
    shown = boxes(page)
    assert "GPU:1/logits/" in shown
    assert "GPU:0/logits/" not in shown
    sends = [box for box in shown if "/Send " in box]
    recvs = [box for box in shown if "/Recv " in box]
    assert len(sends) == len(recvs) == len(tensors)
    assert {box.rsplit(": ")[1] for box in sends} == {short(c.bytes, "B") for c in tensors}


def test_a_box_dragged_onto_a_lane_goes_to_that_device(opened: Open) -> None:
    view = net().move("hidden", G1)
    page, _ = opened(view)
    page.get_by_role("button", name="Fit", exact=True).first.click()
    drag(page, "GPU:0/x", middle(page, "GPU:1/hidden/"))
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('moved to')")
    assert view.places["x"] == G1
    stands(page, view.simulation.seconds)


def test_escape_and_the_paper_move_nothing(opened: Open) -> None:
    view = net()
    page, kernel = opened(view)
    before = view.places
    x, y = middle(page, "GPU:0/x")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*chip(page, 2), steps=4)
    assert page.locator(".labkit-pl-ghost").inner_text() == "x → GPU:1"
    page.keyboard.press("Escape")
    page.mouse.up()
    drag(page, "GPU:0/x", (x, y + 2))  # let go in its own lane
    page.wait_for_timeout(200)
    assert view.places == before
    assert kernel.views == [view]


def test_keys_alone_move_and_undo(opened: Open) -> None:
    view = net()
    page, _ = opened(view)
    first = view.simulation.seconds
    page.locator(".labkit-g-view").focus()
    page.keyboard.press("Home")
    while not status(page).startswith("scope GPU:0/hidden,"):
        page.keyboard.press("PageDown")
    page.keyboard.press("m")
    page.wait_for_function("document.activeElement.getAttribute('aria-label') === 'Move to'")
    page.keyboard.press("ArrowDown")
    assert view.places["hidden/MatMul"] == G0  # looking through the menu moves nothing
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('moved to')")
    assert view.places["hidden/MatMul"] == CPU
    stands(page, view.simulation.seconds)
    page.wait_for_function("document.activeElement.getAttribute('aria-label') === 'Move to'")  # the focus is not lost
    page.keyboard.press("Control+z")
    stands(page, first)
    assert view.places["hidden/MatMul"] == G0
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_function("document.querySelector('.labkit-pl-sum').textContent.includes('moved by hand')")
    assert view.places["hidden/MatMul"] == CPU


def test_an_op_says_why_it_is_there_and_what_it_waits_for(opened: Open) -> None:
    view = net(method="heft")
    page, _ = opened(view)
    page.evaluate("models[0].set('selected', ['logits/MatMul'])")
    panel = page.locator(".labkit-gv-panel")
    panel.get_by_text("Waits for").wait_for()
    words = panel.inner_text()
    assert view.placement.reason("logits/MatMul") in words
    assert "The placer looked at" in words
    for source in view.work.node("logits/MatMul").needs:
        assert source in words.replace("…", "")
    assert "tests/browser/test_placement_view.py" in words.replace("\n", "")
    panel.get_by_role("button", name="hidden/Relu").click()
    page.wait_for_function("models[0].get('selected')[0] === 'hidden/Relu'")


def test_a_refused_move_says_why_and_changes_nothing(opened: Open) -> None:
    with tf.Graph().as_default():
        text = tf.constant("some text", name="text")
        view = lw.PlacementView([text, tf.square(tf.ones([8, 8]), name="y")])
        page, _ = opened(view)
        before = view.places
        drag(page, next(box for box in boxes(page) if box.endswith("/text")), chip(page, 5))
        page.wait_for_function(
            "document.querySelector('.labkit-pl-sum').textContent.includes('has a kernel for CPU alone')"
        )
        assert view.places == before


def test_the_placer_is_played_step_by_step(opened: Open) -> None:
    view = net(method="heft")
    page, _ = opened(view)
    choices = view.standing.base.choices
    labels = {name: label for name, label, *_ in view.machines["devices"]}
    page.get_by_role("button", name="Play the placer").click()
    for number, choice in enumerate(choices[:12]):
        turn = f"{number + 1} of {len(choices)}: {choice.task} goes to {labels[choice.device]}"
        page.wait_for_function(
            "words => document.querySelector('.labkit-pl-turn').textContent.startsWith(words)", arg=turn
        )
        if len(choice.devices) > 1:  # else it must be with others, and there is nothing to compare
            taken = page.locator(".labkit-pl-turn .labkit-pl-taken").inner_text()
            end = choice.finish_seconds[choice.devices.index(choice.device)]
            assert f"▸ {labels[choice.device]}" in taken
            assert short(end, "s") in taken
        page.get_by_role("button", name="One step on").click()
    page.locator(".labkit-pl-slider").focus()
    page.keyboard.press("End")
    last = f"{len(choices)} of {len(choices)}"
    page.wait_for_function("words => document.querySelector('.labkit-pl-turn').textContent.startsWith(words)", arg=last)
    page.get_by_role("button", name="Play the placer").click()
    assert not page.locator(".labkit-pl-player").is_visible()


def test_playing_by_itself_goes_on_and_pauses(opened: Open) -> None:
    page, _ = opened(net())
    page.get_by_role("button", name="Play the placer").click()
    page.get_by_role("button", name="▶\ufe0e Play", exact=True).click()
    page.wait_for_function("Number(document.querySelector('.labkit-pl-slider').value) >= 3", timeout=10_000)
    page.get_by_role("button", name="❚❚ Pause").click()
    page.wait_for_timeout(100)
    at = page.locator(".labkit-pl-slider").input_value()
    page.wait_for_timeout(800)
    assert page.locator(".labkit-pl-slider").input_value() == at


def test_clusters_and_placers_are_chosen_and_compared(opened: Open) -> None:
    view = net()
    page, _ = opened(view)
    page.locator("summary", has_text="Compare the placers").click()
    page.wait_for_function("models[0].get('table').length === 1")
    rows = {row[0]: row for row in view.table[0][1]}
    table = page.locator(".labkit-pl-compare table")
    for method, words in view.machines["methods"]:
        line = table.locator("tr", has=page.get_by_role("button", name=words)).inner_text()
        assert short(rows[method][1], "s") in line
    table.get_by_role("button", name="search").click()
    stands(page, rows["search"][1])
    page.wait_for_function("document.activeElement.textContent === 'search'")  # the focus is not lost
    page.keyboard.press("Control+z")
    stands(page, rows["obey"][1])
    page.keyboard.press("Control+Shift+Z")
    stands(page, rows["search"][1])
    assert view.standing.method == "search"
    page.get_by_label("Cluster", exact=True).select_option("tpu_pod")
    page.wait_for_function("document.querySelector('.labkit-pl-sum').textContent.includes('256 devices')")
    assert view.cluster.name == "tpu_pod"
    assert page.get_by_label("Placer", exact=True).input_value() == "search"
    assert "and 2" in page.locator(".labkit-pl-idle").inner_text()  # and 24x more


def test_linked_views_select_and_follow(opened: Open) -> None:
    view = net().move("hidden", G1)
    trace = lw.TraceView(view.trace)
    view.link(trace)
    page, _ = opened(view, trace)
    page.evaluate("models[1].set('selected', ['logits/MatMul'])")
    box = page.locator(".labkit-tr-box")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("models[1].get('selected').length === 1 && models[1].get('selected')[0] !== 'logits/MatMul'")
    name = page.evaluate("models[1].get('selected')[0]")
    page.locator(".labkit-gv-panel").get_by_text(name).first.wait_for()  # the placement shows what the trace selected
    drag(page, "GPU:0/x", chip(page, 0))
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('moved to')")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="By device").click()
    page.locator(".labkit-tr-tables").get_by_text("CPU:0", exact=True).wait_for()
    assert trace.describe() == lw.TraceView(view.trace).describe()


def test_a_saved_page_stays_and_says_that_nobody_answers(opened: Open, chromium: Any, tmp_path: Path) -> None:
    view = net().move("hidden", G1)
    page = chromium.new_page()
    errors = errors_of(page)
    page.set_viewport_size({"width": 1200, "height": 1000})
    page.goto(view.to_html(tmp_path / "saved.html").as_uri())
    page.wait_for_selector("[data-labkit-ready]")
    page.get_by_label("Placer", exact=True).select_option("search")
    page.wait_for_function(
        "document.querySelector('.labkit-pl-sum').textContent.includes('there is no kernel behind it')"
    )
    assert page.get_by_label("Placer", exact=True).input_value() == "obey"
    stands(page, view.simulation.seconds)
    assert "GPU:1/hidden/" in boxes(page)
    page.close()
    assert errors == []


@pytest.mark.parametrize("width", [1200, 560])
def test_axe_finds_nothing_while_it_is_used(opened: Open, width: int) -> None:
    """With the panel, the player, the code and the comparison open."""
    page, _ = opened(net(method="search"), width=width)
    page.locator("summary", has_text="Compare the placers").click()
    page.wait_for_function("models[0].get('table').length === 1")
    page.get_by_role("button", name="Play the placer").click()
    page.get_by_role("button", name="Code").click()
    page.wait_for_timeout(300)
    assert violations(page) == []
    page.evaluate("models[0].set('selected', ['hidden/MatMul'])")
    page.locator(".labkit-gv-panel").get_by_text("In the simulated step").wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_open_scope_stays_open_wherever_its_ops_go(opened: Open) -> None:
    view = net()
    page, _ = opened(view)
    page.evaluate("models[0].set('state', {open: ['hidden/']})")
    page.wait_for_function(
        "[...document.querySelectorAll('.labkit-g-item')].some(g => g.dataset.id === 'GPU:0/hidden/MatMul')"
    )
    drag(page, "GPU:0/hidden/MatMul", chip(page, 2))
    page.wait_for_function(
        "[...document.querySelectorAll('.labkit-g-item')].some(g => g.dataset.id === 'GPU:1/hidden/MatMul')"
    )
    assert view.places["hidden/MatMul"] == G1
    assert view.places["hidden/Relu"] == G0
    assert page.evaluate("models[0].get('state').open") == ["hidden/"]
