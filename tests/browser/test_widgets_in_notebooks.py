"""The views in a real JupyterLab and a real Notebook 7, with a kernel behind them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from labkit_widgets.runtime import runtime
from tests.browser import views
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, set_theme, stop_kernel
from tests.browser.watching import drawn, errors_of, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
VIEWS = views.there(views.PROGRAMS)
_CELLS = "() => [...jupyterapp.shell.currentWidget.model.cells].map(cell => [cell.id, cell.sharedModel.source])"
_STOPS = """root => [...root.querySelectorAll('button, input, select, textarea, summary, a[href], [tabindex="0"]')]
    .filter(element => element.offsetParent !== null || element instanceof SVGElement)"""


class Opened(NamedTuple):
    """A notebook with every view in it, run."""

    page: Any
    errors: list[str]


@pytest.fixture(scope="module", params=["lab", "notebook7"])
def opened(request: pytest.FixtureRequest, chromium: Any) -> Iterator[Opened]:
    """The same notebook in both."""
    server: Lab = request.getfixturevalue(request.param)
    views.write_notebook(server.folder / "views.ipynb", views.NET, *(views.PROGRAMS[name] for name in VIEWS), "1 + 1")
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, server, "views.ipynb")
    yield Opened(page, errors)
    stop_kernel(page)
    page.close()


def test_every_view_is_drawn_without_an_error(opened: Opened) -> None:
    """One for each cell, and nothing in the console."""
    assert drawn(opened.page, len(VIEWS)).count() == len(VIEWS)
    opened.page.wait_for_timeout(300)
    assert opened.errors == []


def told(page: Any, code: str, wanted: str) -> str:
    """Asks the kernel until it says what is wanted: a message is on its way, or the kernel busy."""
    for _ in range(100):
        if re.search(wanted, said := run_in_kernel(page, code)):
            break
        page.wait_for_timeout(100)
    return said


def root_of(page: Any, name: str) -> Any:
    """The view of this kind."""
    return drawn(page, len(VIEWS)).nth(VIEWS.index(name))


def test_the_graph_says_what_a_loss_is_worth_and_what_it_runs(opened: Opened) -> None:
    """Selected in the kernel, shown in the page; asked in the page, computed in the kernel."""
    page, root = opened.page, root_of(opened.page, "GraphView")
    worth = float(run_in_kernel(page, "graph_view.select('loss'); print(float(session.run(loss, {x: four})))"))
    panel = root.get_by_role("region", name="Details")
    panel.get_by_role("heading", name="loss").wait_for()
    panel.get_by_text("Value", exact=True).click()
    page.wait_for_function(
        "([panel, worth]) => (panel.textContent.match(/-?\\d+\\.\\d+(e-?\\d+)?/g) ?? [])"
        ".some(text => Math.abs(Number(text) - worth) < 1e-2 * Math.abs(worth))",
        arg=[panel.element_handle(), worth],
    )
    panel.get_by_role("button", name="Run …").click()
    root.get_by_role("status").get_by_text(re.compile(r"\d+ of \d+ ops")).wait_for()
    assert opened.errors == []


def test_an_event_walked_to_in_the_timeline_is_selected_in_the_kernel(opened: Opened) -> None:
    """By the keyboard alone."""
    root_of(opened.page, "TraceView").get_by_role("group", name="Timeline").or_(
        root_of(opened.page, "TraceView").locator('[aria-label^="Timeline"]')
    ).first.focus()
    opened.page.keyboard.press("ArrowRight")
    assert re.search(r"\['\w", told(opened.page, "print(trace_view.selected)", r"\['\w"))
    assert opened.errors == []


def test_a_step_in_the_page_is_a_step_in_the_kernel(opened: Opened) -> None:
    """And one that the kernel takes is seen in the page."""
    root_of(opened.page, "DebuggerView").get_by_role("button", name="Step →").click()
    assert "behind layer/w/read" in told(opened.page, "print(debugger_view)", "behind")
    assert opened.errors == []


def test_a_learning_rate_set_in_the_page_is_the_variable_s_value(opened: Opened) -> None:
    """As a number that is typed."""
    field = root_of(opened.page, "TrainingView").get_by_label("Learning rate as a number")
    field.fill("0.03")
    field.press("Enter")
    assert told(opened.page, "print(session.run(rate))", "0.03").startswith("0.03")
    assert opened.errors == []


def test_a_step_of_the_playground_trains_the_net(opened: Opened) -> None:
    """One epoch more."""
    root_of(opened.page, "PlaygroundView").get_by_role("button", name="Step", exact=True).click()
    assert "epoch 6" in told(opened.page, "print(playground)", "epoch 6")
    assert opened.errors == []


def test_ten_views_of_a_kernel_cost_the_bundle_once(lab: Lab, chromium: Any) -> None:
    """Counted on the wire."""
    views.write_notebook(lab.folder / "ten.ipynb", views.NET, *[views.PROGRAMS["GraphView"]] * 10)
    packed = runtime().bundle
    page, frames = chromium.new_page(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    open_and_run(page, lab, "ten.ipynb")
    assert drawn(page, 10).count() == 10
    data = [frame.encode() if isinstance(frame, str) else frame for frame in frames]
    assert sum(frame.count(packed) for frame in data) == 1
    assert sum(map(len, data)) < len(packed) + 600_000
    stop_kernel(page)
    page.close()


def test_a_cleared_output_takes_its_view_with_it(lab: Lab, chromium: Any) -> None:
    """Nothing of it is left in the page; the kernel goes on."""
    views.write_notebook(lab.folder / "cleared.ipynb", views.NET, views.PROGRAMS["GraphView"])
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "cleared.ipynb")
    drawn(page, 1)
    page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.wait_for_selector(".labkit", state="detached")
    assert page.locator("style[data-labkit]").count() == 0
    assert page.workers == []
    assert run_in_kernel(page, "print(6 * 7)") == "42\n"
    assert errors == []
    stop_kernel(page)
    page.close()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_both_themes(opened: Opened, theme: str) -> None:
    """Within the views; JupyterLab's own page is JupyterLab's affair."""
    page = opened.page
    drawn(page, len(VIEWS))
    set_theme(page, theme)
    page.wait_for_function(
        "theme => [...document.querySelectorAll('.labkit')].every(root => root.dataset.theme === theme)",
        arg=theme.split()[1].lower(),
    )
    page.wait_for_timeout(300)
    assert violations(page) == []


def test_hostile_names_are_text(lab: Lab, chromium: Any) -> None:
    """Live, where the view draws them, with the fallback beside it in the file."""
    programs = [views.HOSTILE_PROGRAMS[name] for name in views.there(views.HOSTILE_PROGRAMS)]
    views.write_notebook(lab.folder / "hostile.ipynb", views.HOSTILE_NET, *programs)
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "hostile.ipynb")
    drawn(page, len(programs))
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".labkit img, .labkit script").count() == 0
    assert errors == []
    stop_kernel(page)
    page.close()


@pytest.mark.parametrize("number", range(len(VIEWS)), ids=VIEWS)
def test_keys_pressed_in_a_view_do_not_reach_the_notebook(opened: Opened, number: int) -> None:
    """Else `d d` would delete the learner's cell and `b` insert one. Every place that can have the focus is tried.

    The last test of the file: what is typed into a field or a list changes the view.
    """
    page = opened.page
    root = drawn(page, len(VIEWS)).nth(number)
    before = page.evaluate(_CELLS)
    stops = root.evaluate_handle(_STOPS)
    for place in range(min(60, stops.evaluate("stops => stops.length"))):
        focused = stops.evaluate(
            "(stops, place) => { stops[place].focus(); return stops[place].contains(document.activeElement); }", place
        )
        if focused:
            for key in ["d", "d", "b", "a"]:
                page.keyboard.press(key)
            assert page.evaluate(_CELLS) == before
    assert opened.errors == []
