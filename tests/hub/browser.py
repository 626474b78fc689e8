"""A learner in a real browser: fills in the form, lands in JupyterLab, and has a view under the hands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.browser.lab import CHROMIUM, Lab, open_and_run, save
from tests.hub.hub import PASSWORD, Hub

NOTEBOOK = "notebooks/02_getting_started"
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]


class Seen(NamedTuple):
    """What a learner in a browser saw.

    Args:
        seconds: from the form to the first notebook on the page.
        errors: of the page, of cells, and of a button that did nothing.
    """

    seconds: float
    errors: list[str]


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's browser; each learner gets a context of their own, with its own cookies."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def work(browser: Any, hub: Hub, name: str, picture: Path) -> Seen:
    """From the log-in to notebook 02, all run, with a step more by the button of its view."""
    settings = hub.folder / "learners" / name / ".jupyter" / "jupyter_server_config.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))  # how the test asks the page
    page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
    page.set_default_timeout(300_000)
    errors = list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    began = time.monotonic()
    page.goto(f"{hub.url}/")
    page.fill("#username_input", name)
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    page.wait_for_url(f"**/user/{name}/lab/tree/notebooks/00_start.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-RenderedMarkdown h1")
    seconds = time.monotonic() - began
    open_and_run(page, Lab(f"{hub.url}/user/{name}", "", hub.folder), f"{NOTEBOOK}.ipynb")
    view = page.locator(".labkit[data-labkit-ready]").last
    view.scroll_into_view_if_needed()
    view.get_by_role("button", name="One step").click()  # asked in the page, trained in the kernel, shown in the page
    try:
        view.get_by_text("step 2,001").wait_for()
    except Exception as error:
        errors.append(f"the view's button did nothing: {error}")
    page.screenshot(path=str(picture))
    save(page)
    page.goto("about:blank")
    saved = json.loads((hub.folder / "learners" / name / f"{NOTEBOOK}.ipynb").read_text())
    return Seen(seconds, [*errors, *errors_in(saved)])


def errors_in(notebook: Any) -> list[str]:
    """Errors of cells that should have none."""
    return [
        f"{output['ename']}: {output['evalue']}"
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "raises-exception" not in cell["metadata"].get("tags", [])
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
