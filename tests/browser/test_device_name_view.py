"""DeviceNameView in a real JupyterLab, by the keyboard alone; and on a saved page, where nobody answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.devices import DeviceNameError
from tests.browser import views
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.watching import errors_of, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
QUOTES = '""'
SLIDE = "/job:worker/task:1/device:gpu:0"
_PROGRAM = """
import labkit as tf
import labkit_widgets as lw
view = lw.DeviceNameView(cluster=tf.cluster.ready("gpu_machines"))
view
"""

_ROWS = """rows => JSON.stringify(rows) ===
    JSON.stringify([...document.querySelectorAll('.labkit-dn tbody [data-act=choose]')].map(row => row.textContent))"""


@pytest.fixture(scope="module")
def page(lab: Lab, chromium: Any) -> Iterator[Any]:
    """A notebook with one composer."""
    views.write_notebook(lab.folder / "devices.ipynb", _PROGRAM)
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "devices.ipynb")
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=30_000)
    yield page
    assert errors == []
    stop_kernel(page)
    page.close()


@pytest.fixture
def blocks(page: Any) -> Any:
    """A function that begins anew with these blocks."""

    def begin(*scopes: str | None, soft: bool = False) -> None:
        run_in_kernel(page, f"view.soft = {soft}; view.scopes = {list(scopes)!r}; view.chosen = {len(scopes) - 1}")
        rows = [f"{n}: {'None' if scope is None else scope or QUOTES}" for n, scope in enumerate(scopes, 1)]
        until(page, _ROWS, rows)

    return begin


def until(page: Any, condition: str, arg: Any = None) -> None:
    page.wait_for_function(condition, arg=arg, timeout=20_000)


def shows(page: Any, words: str) -> None:
    """Waits until the view shows these words."""
    until(page, "words => document.querySelector('.labkit-dn').innerText.includes(words)", words)


def asked(page: Any) -> list[str]:
    """The cells of the last row: what is asked for, part by part, and the block it is from."""
    return page.locator(".labkit-dn tfoot td").all_inner_texts()[:5]


def type_name(page: Any, name: str) -> None:
    """As a learner does: into the field, key by key."""
    page.locator(".labkit-dn-name input").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type(name)


def test_a_name_is_typed_and_taken_apart(page: Any, blocks: Any) -> None:
    blocks("/job:ps")
    type_name(page, "/job:worker/gpu:1/task:3")
    shows(page, "/job:worker/task:3/device:GPU:1")
    fields = page.locator(".labkit-dn-parts input")
    assert [fields.nth(i).input_value() for i in range(5)] == ["worker", "", "3", "GPU", "1"]
    assert page.locator(".labkit-dn-name input").input_value() == "/job:worker/gpu:1/task:3"  # as it was typed
    assert run_in_kernel(page, "print(view.device)") == "/job:worker/task:3/device:GPU:1\n"


def test_parts_are_typed_and_put_together(page: Any, blocks: Any) -> None:
    """The slide's name, from nothing, with Tab from part to part."""
    blocks("")
    page.locator(".labkit-dn-parts input").first.focus()
    for part in ["worker", "", "1", "gpu", "0"]:
        page.keyboard.type(part)
        page.keyboard.press("Tab")
    until(page, "name => document.querySelector('.labkit-dn-name input').value === name", SLIDE)
    assert run_in_kernel(page, "print(view.scopes)") == f"['{SLIDE}']\n"
    shows(page, "1 of 100 devices of gpu_machines match.")
    assert page.locator(".labkit-dn ol code").all_inner_texts() == ["/job:worker/replica:0/task:1/device:GPU:0"]


@pytest.mark.parametrize("wrong", ["/gpus:1", "/cpu:0/gpu:0", "/job:9"])
def test_a_wrong_name_has_labkit_s_error_beside_it(page: Any, blocks: Any, wrong: str) -> None:
    blocks("/job:ps")
    type_name(page, wrong)
    with pytest.raises(DeviceNameError) as raised:
        tf.DeviceSpec.from_string(wrong)
    shows(page, str(raised.value.args[0]))
    field = page.locator(".labkit-dn-name input")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text() == str(raised.value.args[0])
    assert "Nothing: tf.device raises the error." in page.locator(".labkit-dn tfoot").inner_text()
    assert violations(page) == []
    type_name(page, "/gpu:0")
    shows(page, "50 of 100 devices")
    assert page.locator(".labkit-dn p.labkit-dn-error:visible").count() == 0


def test_a_part_that_cannot_be_is_told_and_what_was_typed_stays(page: Any, blocks: Any) -> None:
    blocks("/job:ps")
    task = page.locator(".labkit-dn-parts input").nth(2)
    task.focus()
    page.keyboard.type("x")
    shows(page, "task of a device name must be a whole number from 0 on, not 'x'.")
    assert task.input_value() == "x"
    page.keyboard.press("Backspace")
    page.keyboard.type("4")
    shows(page, "/job:ps/task:4")


def test_blocks_are_added_moved_and_removed_by_keys(page: Any, blocks: Any) -> None:
    """What is asked for follows, with where each part is from; the focus stays with the block."""
    blocks("/job:worker/gpu:1")
    page.get_by_role("button", name="Add a block inside").focus()
    page.keyboard.press("Enter")
    until(page, "() => document.activeElement.matches('.labkit-dn-name input')")
    page.keyboard.type("/task:2/gpu:0")
    shows(page, "task:2/device:GPU:0")
    until(page, "() => document.querySelector('.labkit-dn tfoot').innerText.includes('from 2')")
    assert asked(page) == ["worker\nfrom 1", "open", "2\nfrom 2", "GPU\nfrom 2", "0\nfrom 2"]
    page.get_by_role("button", name="Move block 2 out").focus()
    page.keyboard.press("Space")
    until(page, "() => document.querySelectorAll('.labkit-dn tfoot td')[4].innerText.startsWith('1')")
    assert asked(page) == ["worker\nfrom 2", "open", "2\nfrom 1", "GPU\nfrom 2", "1\nfrom 2"]
    assert page.evaluate("document.activeElement.textContent") == "1: /task:2/gpu:0"  # it cannot go further out
    page.get_by_role("button", name="Add None inside").focus()
    page.keyboard.press("Enter")
    shows(page, "forgets the outer blocks")
    until(page, "() => document.querySelectorAll('.labkit-dn tfoot td')[0].innerText === 'open'")
    assert asked(page) == ["open"] * 5
    page.get_by_role("button", name="Remove block 3").focus()
    page.keyboard.press("Enter")
    until(page, "() => document.querySelectorAll('.labkit-dn tbody tr').length === 2")
    assert run_in_kernel(page, "print(view.scopes)") == "['/task:2/gpu:0', '/job:worker/gpu:1']\n"
    code = page.locator(".labkit-dn pre").inner_text()
    assert run_in_kernel(page, code) == run_in_kernel(page, "print(view.device)")


def test_soft_placement_takes_another_device_where_none_matches(page: Any, blocks: Any) -> None:
    blocks("/job:worker/task:3/gpu:1")
    shows(page, "was explicitly assigned to /job:worker/task:3/device:GPU:1 but available devices are")
    page.get_by_label("allow_soft_placement").focus()
    page.keyboard.press("Space")
    shows(page, "None matches; soft placement")
    assert page.locator(".labkit-dn ol code").first.inner_text() == "/job:worker/replica:0/task:3/device:GPU:0"
    assert violations(page) == []


def test_a_saved_page_shows_its_last_picture_and_says_that_nobody_answers(chromium: Any, tmp_path: Path) -> None:
    """Another block can still be looked at."""
    page = chromium.new_page()
    errors = errors_of(page)
    page.goto(lw.DeviceNameView("/job:worker/task:3", "/gpu:1").to_html(tmp_path / "saved.html").as_uri())
    page.wait_for_selector("[data-labkit-ready]")
    assert asked(page) == ["worker\nfrom 1", "open", "3\nfrom 1", "GPU\nfrom 2", "1\nfrom 2"]
    type_name(page, "x")
    page.locator(".labkit-dn p.labkit-dn-error", has_text="This picture was saved: there is no kernel").wait_for()
    assert page.locator(".labkit-dn-name input").input_value() == "/gpu:1"
    for act in ["Add None inside", "Move block 2 out", "Remove block 1"]:
        page.get_by_role("button", name=act).click()
    page.wait_for_timeout(200)
    assert page.locator(".labkit-dn tbody tr").count() == 2
    page.get_by_role("button", name="1: /job:worker/task:3").click()
    assert page.locator(".labkit-dn-name input").input_value() == "/job:worker/task:3"
    assert page.evaluate("labkitSaved.model.get('chosen')") == 0
    assert violations(page) == []
    assert errors == []
    page.close()


def test_copying_copies(chromium: Any, tmp_path: Path) -> None:
    view = lw.DeviceNameView(SLIDE)
    page = chromium.new_page()
    file = view.to_html(tmp_path / "copy.html")
    chromium.grant_permissions(["clipboard-read", "clipboard-write"])
    page.route("https://labkit.test/", lambda route: route.fulfill(path=file, content_type="text/html"))
    page.goto("https://labkit.test/")
    page.wait_for_selector("[data-labkit-ready]")
    for button, text in [("Copy the name", SLIDE), ("Copy the program", view.code)]:
        page.get_by_role("button", name=button).click()
        page.get_by_text("Copied.").wait_for()
        until(page, "async text => await navigator.clipboard.readText() === text", text)
    chromium.clear_permissions()
    page.close()
