"""PipelineView in a real browser: keys, playing, what is said against the runs' own events, controls, the kernel."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import labkit_widgets as lw
from labkit.parallel import Pipeline, PipelineRun
from labkit.trace import short
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel
from tests.browser.views import write_notebook
from tests.browser.watching import errors_of, left, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]
NAMES = {"gpipe": "GPipe", "1f1b": "1F1B", "interleaved": "interleaved", "forward": "forward only"}


def said(page: Any) -> str:
    """What a screen reader was told last."""
    return page.locator(".labkit-status").first.inner_text()


def press(page: Any, *keys: str) -> None:
    """Keys on the picture."""
    page.locator(".labkit-pp-chart").first.focus()
    for key in keys:
        page.keyboard.press(key)


def pixels(page: Any) -> str:
    """What is drawn, after the next frame."""
    return page.evaluate(
        """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
            () => done(document.querySelector('.labkit-pp-canvas').toDataURL()))))"""
    )


def moments(*runs: PipelineRun) -> list[float]:
    """When something starts or ends."""
    return sorted({round(t, 9) for run in runs for e in run.trace.events for t in (e.start_seconds, e.end_seconds)})


def expected(run: PipelineRun, at: float) -> list[str]:
    """What each stage does at a moment, and of how many microbatches it keeps activations."""
    words: list[str] = []
    for stage, device in enumerate(run.devices):
        held = run.memory[device].at(at + 1e-9) / run.pipeline.bytes_of()[stage]
        events = run.of_stage(stage)
        now = next((i for i, e in enumerate(events) if e.start_seconds <= at + 1e-9 < e.end_seconds), None)
        if now is not None:
            piece = run.orders[stage][now]
            chunk = "abc"[piece.chunk] if run.chunks > 1 else ""
            doing = f"does {'FB'[piece.backward]}{piece.microbatch}{chunk}"
        else:
            doing = "waits" if events[-1].start_seconds > at else "has done its share"
        words.append(f"{device} {doing}, keeps {held:g} microbatch{'es' * (held != 1)}")
    return words


def plain(words: str) -> list[str]:
    """What was said of each stage, without for whom it waits."""
    whole = words.partition(": ")[2].rstrip(".")
    return [re.sub(r" waits(: .*?| for .*?), keeps", " waits, keeps", part) for part in whole.split("; ")]


@pytest.mark.parametrize(
    ("schedule", "chunks", "transfer"),
    [("gpipe", 1, 0.0), ("1f1b", 1, 0.2), ("interleaved", 2, 0.11), ("forward", 1, 0.5)],
)
def test_each_step_says_what_the_stages_do(opened: Open, schedule: str, chunks: int, transfer: float) -> None:
    """Against the events of the run, at each moment that the step button stops at."""
    view = lw.PipelineView(Pipeline(3, 3, [1.0, 1.5, 0.5], transfer=transfer), schedule, chunks=chunks)
    (run,) = view.runs
    page = opened(view)
    for moment in moments(run)[1:]:
        page.get_by_role("button", name="To the next event").click()
        assert page.evaluate("shown[0].model.get('time')") == pytest.approx(moment, rel=1e-5)
        assert said(page).startswith(f"{NAMES[schedule]} at {short(moment, 's')}: ")
        assert plain(said(page)) == expected(run, moment)
        assert page.locator(".labkit-pp-now").inner_text() == said(page)
    page.get_by_role("button", name="To the next event").click()
    assert page.evaluate("shown[0].model.get('time')") == pytest.approx(run.seconds, rel=1e-5)
    page.get_by_role("button", name="To the event before").click()
    assert page.evaluate("shown[0].model.get('time')") == pytest.approx(moments(run)[-2], rel=1e-5)
    page.get_by_role("button", name="To the start").click()
    assert plain(said(page)) == expected(run, 0.0)


def test_keys_go_through_pieces_and_stages_of_both_runs(opened: Open) -> None:
    page = opened(lw.PipelineView(Pipeline(2, 3), "gpipe", other="1f1b"))
    before = pixels(page)
    press(page, "ArrowRight")
    assert said(page) == "GPipe, stage 0: forward of microbatch 0, 0 s to 1.00 s"
    assert pixels(page) != before
    press(page, "ArrowRight", "ArrowDown")
    assert (
        said(page) == "GPipe, stage 1: forward of microbatch 0, 1.00 s to 2.00 s, after 1.00 s of waiting for stage 0"
    )
    press(page, "End")
    assert said(page) == "GPipe, stage 1: backward of microbatch 0, 8.00 s to 10.0 s"
    press(page, "ArrowDown", "End")
    assert (
        said(page) == "1F1B, stage 0: backward of microbatch 2, 10.0 s to 12.0 s, after 1.00 s of waiting for stage 1"
    )
    press(page, "ArrowDown", "ArrowDown", "Home")
    assert said(page).startswith("1F1B, stage 1: forward of microbatch 0")
    press(page, "Escape")
    assert said(page) == "Nothing is chosen."
    assert pixels(page) == before
    press(page, "+", "+")
    zoomed = pixels(page)
    assert zoomed != before
    press(page, "Shift+ArrowRight")
    assert pixels(page) != zoomed
    press(page, "0")
    assert pixels(page) == before
    press(page, ".", ".", ",")
    assert said(page).startswith("GPipe at 1.00 s: stage 0 does F1")


def test_the_pointer_finds_bars_and_moves_time(opened: Open) -> None:
    page = opened(lw.PipelineView(Pipeline(2, 2), "gpipe"))
    box = page.locator(".labkit-pp-chart").bounding_box()
    about = page.locator(".labkit-pp-about")
    left_end, right = box["x"] + 90, box["x"] + box["width"] - 6
    x, y = left_end + 0.05 * (right - left_end), box["y"] + 68
    page.mouse.move(x, y)
    assert about.inner_text() == "stage 0: forward of microbatch 0, 0 s to 1.00 s."
    page.mouse.move(left_end + 0.4 * (right - left_end), y)
    assert "Point at a bar" in about.inner_text()
    page.mouse.click(x, y)
    assert said(page) == "stage 0: forward of microbatch 0, 0 s to 1.00 s"
    page.mouse.click(left_end + 0.5 * (right - left_end), box["y"] + 10)
    assert 3.8 < page.evaluate("shown[0].model.get('time')") < 5.2
    assert said(page).startswith("GPipe at ")


def test_the_bubble_stands_beside_the_formula_and_is_taken_apart(opened: Open) -> None:
    view = lw.PipelineView(Pipeline(4, 8, transfer=0.5), "1f1b", other="gpipe", slow=2, factor=2.0)
    words = opened(view).get_by_role("region", name="Where the time goes").inner_text()
    for run in view.runs:
        free = Pipeline(4, 8, run.pipeline.forward, run.pipeline.backward).run(run.schedule).bubble
        assert f"{NAMES[run.schedule]}: {short(run.seconds, 's')}, bubble {run.bubble:.1%}" in words
        assert f"4 × {short(run.seconds, 's')}, of which the stages work {short(run.serial_seconds, 's')}" in words
        assert f"+{free - 3 / 11:.1%}: stages differ, and stage 2 sets the pace." in words
        assert f"+{run.bubble - free:.1%}: transfers." in words
    assert words.count("= 3/11 = 27.3%") == 2
    words = opened(lw.PipelineView(Pipeline(4, 8), "interleaved", chunks=2)).locator(".labkit-pp-why").inner_text()
    assert "(p − 1)/(v m + p − 1) = 3/19 = 15.8%" in words
    assert "stages differ" not in words
    assert "transfers." in words  # of the formula: "equal stages and free transfers"
    assert "+" not in words.replace("v m + p", "")


def test_the_table_has_what_each_schedule_keeps(opened: Open) -> None:
    """GPipe all m microbatches on each stage, 1F1B at most p - s on stage s."""
    page = opened(lw.PipelineView(Pipeline(4, 6, activation_bytes=2e6), "gpipe", other="1f1b"))
    rows = [row.split("\t") for row in page.locator(".labkit-pp-tables tbody tr").all_inner_texts()]
    assert [row[4] for row in rows] == ["6 microbatches, 12.0 MB"] * 4
    assert [row[6].split(",")[0].split()[0] for row in rows] == ["4", "3", "2", "1"]
    assert [row[1:3] for row in rows] == [["1.00 s", "2.00 s"]] * 4


def test_the_saved_picture_has_a_bar_for_each_piece_with_its_letter(opened: Open, tmp_path: Path) -> None:
    """Places on the time axis are those of the events; letters and stripes tell kinds apart without colour."""
    view = lw.PipelineView(Pipeline(2, 4, transfer=0.25), "1f1b")
    (run,) = view.runs
    page = opened(view)
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").click()
    download.value.save_as(tmp_path / "saved.svg")
    svg = (tmp_path / "saved.svg").read_text()
    labels = re.findall(r">([FB]\d)</text>", svg)
    assert sorted(labels) == sorted(["F0", "F1", "F2", "F3", "B0", "B1", "B2", "B3"] * 2)
    whole = re.search(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="28" fill="url\(#tile0\)"', svg)
    assert whole  # the hatch of waiting lies under all of a row
    start, width = float(whole[1]), float(whole[2])
    bars = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="28" fill="#0072b2"/>', svg)
    forwards = [e.start_seconds for s in range(2) for e in run.of_stage(s) if e.op == "forward"]
    assert [float(x) for x in bars] == pytest.approx([start + t / run.seconds * width for t in forwards], abs=0.11)
    assert len(re.findall(r'height="28" fill="url\(#tile[^0]\)"', svg)) == 8  # stripes of backwards
    lines = [
        tuple(map(float, line.split())) for line in re.findall(r'<polyline points="([^"]*)" [^>]*stroke="#008a64"', svg)
    ]
    sent = [e for e in run.trace.events if e.op == "_Recv"]
    assert [x for line in lines for x in (line[0], line[2])] == pytest.approx(
        [start + t / run.seconds * width for e in sent for t in (e.start_seconds, e.end_seconds)], abs=0.11
    )


def test_without_a_kernel_controls_are_off_and_say_why(opened: Open) -> None:
    page = opened(lw.PipelineView(Pipeline(3, 6), "interleaved", other="gpipe", chunks=2, slow=1))
    assert "no kernel behind it, and the controls are off" in page.locator(".labkit").inner_text()
    bar = page.get_by_role("group", name="Pipeline")
    assert bar.locator("select:visible, input:visible").count() == 8
    assert bar.locator("select:visible:enabled, input:visible:enabled").count() == 0
    assert page.get_by_label("Schedule", exact=True).input_value() == "interleaved"
    press(page, ".")
    assert page.evaluate("shown[0].model.get('time')") > 0  # playing needs none


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_playing_goes_to_the_end_and_can_be_paused(opened: Open, motion: str) -> None:
    view = lw.PipelineView(Pipeline(2, 1), "gpipe")
    page = opened(view, motion=motion)
    press(page, " ")
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("document.querySelector('.labkit-pp-now').textContent.includes('stage 1 does')")
    press(page, " ")
    page.get_by_role("button", name="Play").wait_for()
    paused = page.evaluate("shown[0].model.get('time')")
    assert 0 < paused < view.runs[0].seconds
    page.wait_for_timeout(100)
    assert page.evaluate("shown[0].model.get('time')") == paused
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"Math.abs(shown[0].model.get('time') - {view.runs[0].seconds}) < 1e-3", timeout=20_000)
    assert "stage 0 has done its share" in said(page)
    page.get_by_role("button", name="Play").click()
    page.evaluate("shown[0].close()")
    assert left(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 560])
def test_axe_finds_nothing_when_something_is_chosen(opened: Open, theme: str, width: int) -> None:
    page = opened(
        lw.PipelineView(Pipeline(4, 8, transfer=0.25), "interleaved", chunks=2, slow=1), theme=theme, width=width
    )
    press(page, "ArrowRight", ".", ".")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_many_stages_are_told_in_groups(opened: Open) -> None:
    page = opened(lw.PipelineView(Pipeline(10, 2), "gpipe"))
    press(page, ".", ".")
    assert said(page) == (
        "GPipe at 2.00 s: forward: stage 1 F1, stage 2 F0; "
        f"waiting: stage 0, {', '.join(f'stage {s}' for s in range(3, 10))}."
    )


def test_page_and_kernel_work_together(lab: Lab, chromium: Any) -> None:
    """Each control changes what the kernel runs; what cannot be is said where the controls are."""
    write_notebook(
        lab.folder / "pipeline.ipynb",
        "import labkit as tf\nimport labkit_widgets as lw",
        "view = lw.PipelineView(tf.parallel.Pipeline(stages=4, microbatches=6), 'gpipe')\nview",
    )
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "pipeline.ipynb")
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=60_000)
    root = page.locator(".labkit")
    assert "bubble 33.3%" in root.inner_text()

    def shows(words: str) -> None:
        root.get_by_text(words).first.wait_for(timeout=30_000)

    def now() -> str:
        return run_in_kernel(page, "print([view.settings[k] for k in view.settings], view.runs)")

    root.get_by_label("Schedule", exact=True).select_option("interleaved")  # groups of four: eight microbatches now
    shows("interleaved, 2 chunks: 28.5 s, bubble 15.8%")
    assert "['interleaved', '', 4, 8, 2, -1, 2.0, None]" in now()
    root.get_by_label("beside").select_option("gpipe")
    shows("GPipe: 33.0 s, bubble 27.3%")
    root.get_by_label("microbatches m").focus()
    page.keyboard.press("ArrowRight")  # nine are no multiple of four
    shows("an interleaved schedule takes microbatches in groups of 4")
    assert root.get_by_label("microbatches m").get_attribute("aria-valuetext") == "8"
    root.get_by_label("Schedule", exact=True).select_option("1f1b")
    shows("1F1B: 33.0 s, bubble 27.3%")
    assert root.locator(".labkit-pp-wrong").inner_text() == ""
    for _ in range(5):  # quicker than the kernel: the last one counts
        root.get_by_label("microbatches m").focus()
        page.keyboard.press("ArrowRight")
    shows("= 3/16 = 18.8%")
    root.get_by_label("stages p").focus()
    page.keyboard.press("ArrowLeft")
    shows("= 2/15 = 13.3%")
    root.get_by_label("slow stage").select_option(label="stage 1")
    shows("stages differ, and stage 1 sets the pace")
    root.get_by_label("by: how many times slower").select_option("3")
    root.get_by_label("transfer").select_option("0.5")
    shows(": transfers.")
    assert "['1f1b', 'gpipe', 3, 13, 1, 1, 3.0, 0.5]" in now()
    run_in_kernel(page, "view.change(schedule='gpipe', other='', slow=-1, transfer=0.0, microbatches=2, stages=2)")
    shows("GPipe: 9.00 s, bubble 33.3%")
    assert root.get_by_label("Schedule", exact=True).input_value() == "gpipe"
    run_in_kernel(page, "view.time = 4.5")
    shows("GPipe at 4.50 s: stage 0 waits for stage 1")
    assert errors == []
