"""ParallelView in a real browser: keys alone, words against the film, stalls in numbers, a kill while it plays."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.parallel import Recovery
from labkit.simulator import LogNormal
from labkit_widgets.columns import decode
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.views import write_notebook
from tests.browser.watching import errors_of, left, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]

NET = """
import numpy as np
import labkit as tf
import labkit_widgets as lw
x, y = tf.placeholder(tf.float32, [None, 6], name="x"), tf.placeholder(tf.float32, [None], name="y")
with tf.name_scope("layer"):
    w = tf.Variable(tf.zeros([6, 1]), name="w")
    out = tf.reshape(tf.matmul(x, w), [-1])
loss = tf.reduce_mean(tf.square(out - y), name="loss")
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
xs = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
data = {x: xs, y: xs.sum(1)}
"""


def view(**settings: Any) -> lw.ParallelView:
    """A small training."""
    tf.reset_default_graph()
    names: dict[str, Any] = {}
    exec(NET, names)
    given = {"batch": 8, "updates": 40, "recovery": Recovery(0.1, 0.5, 1.0), **settings}
    return lw.ParallelView(names["train"], names["data"], names["loss"], **given)


@pytest.fixture(scope="module")
def killed() -> dict[str, lw.ParallelView]:
    """The same death at 1.05 s, in three ways of working together."""
    return {
        "sync": view().kill("worker 2", 1.05),
        "async": view(mode="async", updates=160).kill("worker 2", 1.05),
        "backup": view(backup=1, stragglers=LogNormal(0.1)).kill("worker 2", 1.05),
    }


def trait(page: Any, name: str, view: int = 0) -> Any:
    """A trait of a view in the page."""
    return page.evaluate(f"shown[{view}].model.get({name!r})")


def said(page: Any) -> str:
    """What a screen reader was told last."""
    return page.locator(".labkit-status").first.inner_text()


def figure(page: Any, name: str, view: int = 0) -> str:
    """A number beside the picture."""
    box = f"main > div:nth-child({view + 1}) .labkit-pa-figures div"
    return page.locator(f'{box}:has(> dt:text-is("{name}")) dd').inner_text()


def press(page: Any, *keys: str) -> None:
    """Keys on the picture."""
    page.locator(".labkit-pa-stage").first.focus()
    for key in keys:
        page.keyboard.press(key)


def pixels(page: Any) -> str:
    """What is drawn, after the next frame."""
    return page.evaluate(
        """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
            () => done(document.querySelector(".labkit-pa-stage canvas").toDataURL()))))"""
    )


def test_keys_alone_reach_every_worker_and_step_through_the_film(
    opened: Open, killed: dict[str, lw.ParallelView]
) -> None:
    shown = killed["sync"]
    film = decode(shown.film)
    page = opened(shown)
    press(page, "ArrowRight", "ArrowRight")
    assert trait(page, "chosen") == "worker 1"
    assert said(page).startswith("worker 1 computes, for 100 ms more")
    press(page, "ArrowUp")
    assert trait(page, "chosen") == "server 0"
    press(page, "Escape", "ArrowRight")
    assert trait(page, "chosen") == "worker 0"
    before = pixels(page)
    for number in (1, 2, 3):
        press(page, ">")
        assert trait(page, "time") == pytest.approx(film["updates"]["at"][number - 1])
        assert f"update {number} is applied" in said(page)
        assert figure(page, "updates") == str(number)
    assert pixels(page) != before
    press(page, ".")
    assert trait(page, "time") == pytest.approx(film["steps"]["enough"][3])
    press(page, ",", "<")
    assert trait(page, "time") == pytest.approx(film["updates"]["at"][1])
    press(page, "Home")
    assert trait(page, "time") == 0


def test_the_page_says_that_sync_stalls_async_goes_on_and_a_backup_hides_it(
    opened: Open, killed: dict[str, lw.ParallelView]
) -> None:
    """Against the films; in the middle of the outage, and at its end."""
    views = [killed["sync"], killed["async"], killed["backup"]]
    page = opened(*views)
    counts = []
    for time in (1.3, 2.3):
        for number, shown in enumerate(views):
            page.evaluate(f"shown[{number}].model.set('time', {time})")
            applied = sum(at <= time for at in decode(shown.film)["updates"]["at"])
            counts.append(applied)
            assert figure(page, "updates", number) == str(applied)
    sync, free, backup = (counts[place::3] for place in range(3))
    assert sync[0] == sync[1] == 10
    assert free[1] - free[0] > 25
    assert backup[1] - backup[0] >= 8
    words = [page.locator(".labkit-cl-now").nth(number).inner_text() for number in range(3)]
    assert "3 of 4 gradients are there; worker 2 is down for" in words[0]
    assert "3 wait, 1 is down" in words[0]
    assert "Worker 2 is down; the others go on without." in words[1]
    assert figure(page, "updates/s now", 0) == "0"
    assert float(figure(page, "updates/s now", 1)) > 20
    page.evaluate(f"shown[0].model.set('time', {views[0].history.seconds})")
    loss = float(figure(page, "loss", 0).replace("\u2212", "-"))
    assert loss == pytest.approx(views[0].history.points[-1].loss, rel=0.01)


def test_it_plays_stops_and_keeps_the_moment(opened: Open, killed: dict[str, lw.ParallelView]) -> None:
    page = opened(killed["sync"])
    page.get_by_label("Speed").select_option(label="40 gradients/s")
    before = pixels(page)
    press(page, " ")
    page.wait_for_function("Number(document.querySelector('.labkit-cl-slider').value) > 100")
    press(page, " ")
    stopped = trait(page, "time")
    assert 0 < stopped <= killed["sync"].history.seconds
    assert pixels(page) != before
    page.wait_for_timeout(200)
    assert trait(page, "time") == stopped
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"shown[0].model.get('time') >= {killed['sync'].history.seconds * 0.999}", timeout=20_000)
    assert "40 updates after" in page.locator(".labkit-cl-now").inner_text()
    page.get_by_role("button", name="Back to the start").click()
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(100)
    page.evaluate("shown[0].close()")
    assert left(page) == []


def test_who_asked_for_less_movement_sees_event_after_event(opened: Open, killed: dict[str, lw.ParallelView]) -> None:
    page = opened(killed["async"], motion="reduce")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(1600)
    told = said(page)
    page.get_by_role("button", name="Pause", exact=True).click()
    film = decode(killed["async"].film)
    events = sorted({0.0, *(at for key in ("start", "fetched", "computed", "sent") for at in film["turns"][key])})
    assert any(trait(page, "time") == pytest.approx(event, abs=1e-7) for event in events[1:14])
    assert re.match(r"[\d.]+ [mu]?s: ", told)


def test_without_a_kernel_it_plays_and_says_what_it_cannot(opened: Open, killed: dict[str, lw.ParallelView]) -> None:
    page = opened(killed["sync"])
    press(page, "ArrowRight", "k")
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('no kernel')")
    field = page.get_by_label("workers", exact=True)
    field.fill("7")
    page.wait_for_timeout(600)
    page.wait_for_function("document.querySelector('.labkit-status').textContent.includes('no kernel')")
    assert field.input_value() == "4"
    press(page, ">")
    assert trait(page, "time") > 0


def test_tables_and_code_say_the_same_as_the_picture(opened: Open, killed: dict[str, lw.ParallelView]) -> None:
    page = opened(killed["sync"])
    page.evaluate("shown[0].model.set('time', 1.3)")
    page.get_by_text("Workers and curves as tables").click()
    page.locator(".labkit-cl-tables td").first.wait_for()
    rows = page.locator(".labkit-cl-tables table").first.locator("tbody tr").all_inner_texts()
    assert [re.split(r"\s+", row)[2] for row in rows] == ["waits", "waits", "is", "waits"]
    page.get_by_text("The call that makes this history").click()
    assert page.locator(".labkit-pa-code code").inner_text() == killed["sync"].code()
    models = page.get_by_role("region", name="Data against model parallelism").inner_text()
    assert killed["sync"].models["words"].replace("\u00a0", " ") in models.replace("\u00a0", " ")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(opened: Open, killed: dict[str, lw.ParallelView], theme: str) -> None:
    killed["sync"].time, killed["sync"].chosen = 1.3, "worker 2"
    for kind in ("sync", "async"):
        page = opened(killed[kind], theme=theme)
        for summary in page.locator("summary").all():
            if not summary.evaluate("one => one.parentElement.open"):
                summary.click()
        page.locator(".labkit-cl-tables td").first.wait_for()
        assert violations(page) == []
        page.set_viewport_size({"width": 560, "height": 900})
        page.wait_for_timeout(150)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 560


def test_a_worker_is_killed_while_it_plays(lab: Lab, chromium: Any) -> None:
    """By keys alone, in a real notebook: sync stalls, then async goes on; the kernel computes, the page plays on."""
    make = "view = lw.ParallelView(train, data, loss, batch=8, updates=60, compute_seconds=0.5)\nview"
    write_notebook(lab.folder / "parallel.ipynb", NET, make)
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "parallel.ipynb")
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=60_000)
    page.locator(".labkit-pa-stage").focus()
    for key in ("ArrowRight", "ArrowRight", " "):
        page.keyboard.press(key)
    page.wait_for_function("parseFloat(document.querySelector('.labkit-cl-clock').textContent) > 0")
    page.keyboard.press("k")
    page.get_by_role("region", name="Failures").get_by_text("worker 1 fails at").wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Pause", exact=True).is_visible()  # it plays on
    page.wait_for_selector(".labkit:not([data-computing])", timeout=60_000)
    page.keyboard.press(" ")
    fault = json.loads(run_in_kernel(page, "import json; print(json.dumps(view.settings['faults'][0]))"))
    assert fault[1] == "worker 1"
    page.get_by_text("1 is down").first.wait_for(timeout=30_000)
    run_in_kernel(page, f"view.time = {fault[0]} + 3.0")
    updates = page.locator(".labkit-pa-figures dd").first
    page.get_by_text("gradients are there; worker 1 is down").first.wait_for()
    stalled = int(updates.inner_text())
    assert stalled <= fault[0] / 0.5
    page.locator("[data-setting=mode]").select_option("async")
    page.get_by_text("Worker 1 is down; the others go on without.").first.wait_for(timeout=60_000)
    assert int(updates.inner_text()) > stalled + 9
    page.wait_for_selector(".labkit:not([data-computing])", timeout=60_000)
    exec_code = "exec(view.code().replace('history', 'again', 1)); print(again.digest == view.history.digest)"
    assert run_in_kernel(page, exec_code).strip() == "True"
    page.get_by_label("workers", exact=True).fill("6")
    page.wait_for_function(
        "document.querySelector('.labkit-pa-stage').getAttribute('aria-label').startsWith('6 ')", timeout=60_000
    )
    page.get_by_role("button", name="Repair worker 1").click()
    page.get_by_role("region", name="Failures").wait_for(state="hidden", timeout=60_000)
    assert errors == []
    stop_kernel(page)
    page.close()
