"""Each view on a page of its own, as `to_html` writes it: quick to open, and no kernel behind it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import labkit as tf
import labkit_widgets
from tests.browser import views
from tests.browser.lab import CHROMIUM
from tests.browser.watching import count_what_is_started, errors_of, left, violations
from tests.widgets.samples import training

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., tuple[Any, list[str]]]


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """A function that opens a view's page, or its file; it returns the page and the list for its errors."""
    pages: list[Any] = []

    def open_page(
        view: Any, *, theme: str = "light", width: int = 1100, motion: str = "no-preference", served: bool = False
    ) -> Any:
        page = chromium.new_page()
        pages.append(page)
        errors = errors_of(page)
        count_what_is_started(page)
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion=motion)
        file = view if isinstance(view, Path) else view.to_html(tmp_path / "view.html")
        if served:  # as by a web server: Chromium gives a page from the disk no workers
            page.route("http://labkit.test/", lambda route: route.fulfill(path=file, content_type="text/html"))
        page.goto("http://labkit.test/" if served else file.as_uri())
        page.wait_for_selector("[data-labkit-ready]", timeout=20_000)
        return page, errors

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """A function that runs a program, once, and returns the file with its view; some start processes, or train."""
    folder = tmp_path_factory.mktemp("views")

    @cache
    def file_of(setup: str, program: str) -> Path:
        return views.view(setup, program).to_html(folder / f"{len(list(folder.iterdir()))}.html")

    return file_of


def test_every_view_is_tried_here() -> None:
    """A new view needs a program in `views.py`."""
    found = {name: getattr(labkit_widgets, name) for name in labkit_widgets.__all__}
    kinds = {name for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, labkit_widgets.View)}
    assert kinds - {"View"} == views.PROGRAMS.keys()


@pytest.mark.parametrize("name", views.there(views.PROGRAMS))
def test_a_view_is_drawn_and_when_closed_leaves_nothing(
    opened: Open, file_of: Callable[[str, str], Path], name: str
) -> None:
    """No listener, timer, observer or worker; no element, no style sheet; and no error before or after."""
    page, errors = opened(file_of(views.NET, views.PROGRAMS[name]))
    assert page.locator(".labkit[data-labkit-ready]").count() == 1
    page.wait_for_timeout(300)
    page.evaluate("labkitSaved.close()")
    assert left(page) == []
    assert page.workers == []
    assert page.evaluate("labkitSaved.model.listening") == 0
    assert page.locator(".labkit, style[data-labkit]").count() == 0
    assert errors == []


def test_the_worker_that_lays_out_a_large_graph_ends_with_its_view(opened: Open) -> None:
    """It is there while the view is, and a closed view leaves nothing of it."""
    graph = training(2000)
    scopes = {op.name.rsplit("/", 1)[0] for op in graph.get_operations() if "/" in op.name}
    view = labkit_widgets.GraphView(graph, open=sorted(scopes))
    view.state = view.state | {"series": False}
    page, errors = opened(view, served=True)
    assert len(page.workers) == 1
    page.evaluate("labkitSaved.close()")
    assert left(page) == []
    assert page.workers == []
    assert errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", views.there(views.PROGRAMS))
def test_axe_finds_nothing(opened: Open, file_of: Callable[[str, str], Path], name: str, theme: str) -> None:
    """Names, roles, contrast: everything that it can check."""
    page, errors = opened(file_of(views.NET, views.PROGRAMS[name]), theme=theme)
    assert page.get_attribute(".labkit", "data-theme") == theme
    page.wait_for_timeout(300)
    assert violations(page) == []
    assert errors == []


@pytest.mark.parametrize("name", views.there(views.HOSTILE_PROGRAMS))
def test_hostile_names_are_text(opened: Open, file_of: Callable[[str, str], Path], name: str) -> None:
    """In the view, and in the still picture and outline that stand in the same file."""
    page, errors = opened(file_of(views.HOSTILE_NET, views.HOSTILE_PROGRAMS[name]))
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".labkit img, .labkit script").count() == 0
    assert views.HOSTILE["emoji"] in page.locator(".labkit").inner_text() + page.content()
    assert errors == []


@pytest.mark.parametrize("name", views.there(views.PROGRAMS))
def test_a_narrow_window_needs_no_scrolling_sideways(
    opened: Open, file_of: Callable[[str, str], Path], name: str
) -> None:
    """At 560 pixels, and with less motion wished for."""
    page, errors = opened(file_of(views.NET, views.PROGRAMS[name]), width=560, motion="reduce")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert errors == []


@pytest.mark.parametrize("name", views.there(views.PROGRAMS))
def test_a_view_in_a_row_beside_others_has_a_width(
    opened: Open, file_of: Callable[[str, str], Path], name: str
) -> None:
    """As in an HBox of ipywidgets, where nothing has a width of its own."""
    page, errors = opened(file_of(views.NET, views.PROGRAMS[name]))
    widths = page.evaluate("""async () => {
        const place = document.querySelector('.labkit').parentElement, row = place.parentElement;
        row.insertBefore(document.createElement('div'), place).textContent = 'a neighbour of a few words';
        row.style.display = 'flex';
        await new Promise(done => setTimeout(done, 100));
        return [document.querySelector('.labkit').offsetWidth, row.scrollWidth - row.clientWidth]; }""")
    assert widths[0] > 600
    assert widths[1] <= 0
    assert errors == []


def test_a_graph_without_operations_says_so(opened: Open) -> None:
    """Not an empty sheet, of which nobody knows whether it is still being drawn."""
    graph = tf.Graph()
    page, errors = opened(labkit_widgets.GraphView(graph))
    assert page.locator("text=This graph has no operations yet").is_visible()
    assert violations(page) == []
    assert errors == []
