"""What is left of a view without a kernel: its saved state where the notebook is trusted, else a still picture."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labkit_widgets.runtime import runtime
from tests.browser import views
from tests.browser.lab import CHROMIUM, Lab, open_and_run, open_notebook, save, stop_kernel
from tests.browser.watching import drawn, errors_of

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
VIEWS = views.there(views.PROGRAMS)
WITHOUT_WORDS = "TrainingView"  # its curves are a plain picture: measured numbers are not for nbval to compare
STILL = '.jp-OutputArea-output img[src^="data:image/"]'


@pytest.fixture(scope="module")
def saved(lab: Lab, chromium: Any) -> str:
    """A notebook with every view, run and saved in JupyterLab; its kernel is gone."""
    name = "saved.ipynb"
    views.write_notebook(lab.folder / name, views.NET, *(views.PROGRAMS[view] for view in VIEWS))
    page = chromium.new_page()
    open_and_run(page, lab, name)
    drawn(page, len(VIEWS))
    page.wait_for_timeout(500)
    save(page)
    stop_kernel(page)
    page.close()
    return name


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A new page."""
    page = chromium.new_page()
    yield page
    stop_kernel(page)
    page.close()


def untrusted(path: Path, name: str) -> str:
    """A copy that nobody has signed: a word in a cell differs."""
    notebook = nbformat.read(path, 4)
    notebook.cells[0].source += "\n# from somebody else"
    nbformat.write(notebook, path.with_name(name))
    return name


def test_a_saved_notebook_holds_the_bundle_once_and_no_tensor(lab: Lab, saved: str) -> None:
    """The state of all views, in one place of the file."""
    text = (lab.folder / saved).read_text(encoding="utf-8")
    state = json.loads(text)["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    kinds = [entry["state"].get("kind") for entry in state.values()]
    assert sorted(kind for kind in kinds if kind) == sorted(VIEWS)
    packed = base64.b64encode(runtime().bundle).decode()
    assert text.count(packed[:1000]) == 1
    assert len(text) < len(packed) + 600_000


def test_a_trusted_notebook_opens_with_its_views_and_no_cell_is_run(lab: Lab, saved: str, page: Any) -> None:
    """They are drawn from what was saved; the kernel that is started knows nothing of them."""
    errors = errors_of(page)
    open_notebook(page, lab, saved)
    drawn(page, len(VIEWS))
    ran = page.evaluate("[...window.jupyterapp.shell.currentWidget.model.cells].map(cell => cell.outputs?.length)")
    assert ran[1:] == [1] * len(VIEWS)
    assert page.evaluate("window.jupyterapp.shell.currentWidget.model.cells.get(1).trusted") is True
    assert errors == []


def test_an_untrusted_notebook_shows_pictures_and_outlines(lab: Lab, saved: str, page: Any) -> None:
    """No script of the file runs; the picture has its size, its text, and an outline that opens."""
    errors = errors_of(page)
    open_notebook(page, lab, untrusted(lab.folder / saved, "untrusted.ipynb"))
    page.wait_for_selector(STILL)
    seen = page.eval_on_selector_all(STILL, "all => all.map(image => [image.naturalWidth > 50, image.alt])")
    assert [wide for wide, _ in seen] == [True] * len(VIEWS)
    for (_, alt), name in zip(seen, VIEWS, strict=True):
        assert alt.startswith(f"<{name}") or name == WITHOUT_WORDS
    assert page.locator(".labkit").count() == 0
    page.locator(".jp-OutputArea-output details summary").first.click()
    assert page.locator(".jp-OutputArea-output details li").first.is_visible()
    assert errors == []


def test_hostile_names_are_text_in_an_untrusted_notebook(lab: Lab, page: Any) -> None:
    """The fallback stands in the page itself; JupyterLab cleans it, but it has nothing to clean."""
    programs = [views.HOSTILE_PROGRAMS[name] for name in views.there(views.HOSTILE_PROGRAMS)]
    notebook = views.notebook(*programs)
    for program, cell in zip(programs, notebook.cells, strict=True):
        shown = views.view(views.HOSTILE_NET, program)
        html, text = shown.still(), repr(shown)
        assert re.search(r"<(?!/?(img|p|details|summary|ul|li)\b)", html) is None
        assert html.count("<img") <= 1
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": text})]
    nbformat.write(notebook, lab.folder / "hostile_still.ipynb")
    errors = errors_of(page)
    open_notebook(page, lab, "hostile_still.ipynb")
    page.wait_for_selector(".jp-OutputArea-output img, .jp-OutputArea-output p")
    assert page.evaluate("window.hacked") is None
    assert errors == []


def test_nbconvert_shows_the_picture_and_the_outline(lab: Lab, saved: str, tmp_path: Path) -> None:
    """With the option that the README gives: it leaves out the widgets' state, with which nbconvert wants a network."""
    notebook = nbformat.read(lab.folder / saved, 4)
    assert notebook.metadata["widgets"]
    nbformat.write(notebook, tmp_path / "course.ipynb")
    option = "--ClearMetadataPreprocessor.enabled=True"
    command = [sys.executable, "-m", "nbconvert", "--to", "html", option, "course.ipynb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    html = (tmp_path / "course.html").read_text(encoding="utf-8")
    assert len(re.findall(r'<img [^>]*src="data:image/', html)) == len(VIEWS)
    assert html.count("<summary>Outline</summary>") == len({*VIEWS} - {WITHOUT_WORDS})
