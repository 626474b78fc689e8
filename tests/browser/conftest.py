"""For all files of this folder, where a test asks for them: one JupyterLab, one Notebook 7; a page of saved views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit_widgets.fallback import _bytes
from labkit_widgets.runtime import read_bundle
from tests.browser.lab import Lab, running_lab
from tests.browser.watching import count_what_is_started, errors_of
from tests.widgets.building import hook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="session", autouse=True)
def _bundle_of_these_sources() -> None:
    """What the browser runs is what stands in `widgets/src`."""
    hook().build()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab that serves a copy of the course."""
    with running_lab(tmp_path_factory.mktemp("lab"), NOTEBOOKS) as lab:
        yield lab


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Notebook 7 that serves a copy of the course."""
    with running_lab(tmp_path_factory.mktemp("notebook7"), NOTEBOOKS, "notebook") as lab:
        yield lab


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """A function that opens views in one page and returns it; `shown[i]` in the page is the i-th; no error may come."""
    pages: list[tuple[Any, list[str]]] = []

    def open_page(*views: Any, theme: str = "light", motion: str = "no-preference", width: int = 1280) -> Any:
        page = chromium.new_page()
        pages.append((page, errors_of(page)))
        count_what_is_started(page)
        page.set_viewport_size({"width": width, "height": 720})
        page.emulate_media(color_scheme=theme, reduced_motion=motion)
        blank = tmp_path / "blank.html"
        blank.write_text("<!doctype html><html lang=en><title>Views</title><style>:root{color-scheme:light dark}"
                         "body{background:Canvas;color:CanvasText}</style><body><main></main>")  # fmt: skip
        page.goto(blank.as_uri())
        states = [json.loads(json.dumps(view.saved_state(), default=_bytes)) for view in views]
        page.evaluate(
            """async ([text, states]) => {
                const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
                const { renderSaved } = await import(url);
                globalThis.shown = [];
                for (const state of states) {
                    const place = document.querySelector("main").appendChild(document.createElement("div"));
                    shown.push(await renderSaved(place, state));
                }
            }""",
            [read_bundle(), states],
        )
        for number in range(len(views)):
            page.wait_for_selector(f"main > div:nth-child({number + 1}) [data-labkit-ready]", timeout=20_000)
        return page

    yield open_page
    for page, errors in pages:
        page.close()
        assert errors == []


@pytest.fixture
def page_of(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """A function that opens a view as the page that `to_html` writes, and returns it; no error may come."""
    pages: list[tuple[Any, list[str]]] = []

    def open_page(view: Any, theme: str = "light", width: int = 1100, motion: str = "no-preference") -> Any:
        page = chromium.new_page()
        pages.append((page, errors_of(page)))
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion=motion)
        page.goto(view.to_html(tmp_path / "view.html").as_uri())
        page.wait_for_selector("[data-labkit-ready]", timeout=20_000)
        return page

    yield open_page
    for page, errors in pages:
        page.close()
        assert errors == []
