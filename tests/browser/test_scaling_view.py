"""ScalingView in a browser, without a kernel: points, sliders against Python, panels, keys, the table."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

import labkit_widgets as lw
from labkit.parallel import POINTS, backup_curve, compare, scaling_curve
from labkit.simulator.stragglers import Exponential
from tests.browser.lab import CHROMIUM
from tests.browser.watching import violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]
SOME = ["inception/p100", "null/1GB", "distbelief/local", "slides"]


def mine() -> lw.ScalingView:
    """Some published points, and curves of a learner's own in every panel."""
    own = scaling_curve(0.4, 1e8, [1, 4, 16], name="mine", batch=32)
    luck = backup_curve(Exponential(), 10, 3, runs=20)
    return lw.ScalingView(SOME, [own, luck], times={"sync": [(1, 9.0), (4, 3.0)], "async": [(1, 9.5), (4, None)]})


def about(page: Any) -> str:
    return page.locator(".labkit-sc-about").inner_text()


def drawn(page: Any) -> list[str]:
    return page.locator(".labkit-sc-point").evaluate_all("all => all.map(one => one.dataset.key)")


def press(page: Any, key: str) -> None:
    page.get_by_role("application").focus()
    page.keyboard.press(key)


def test_keys_go_through_the_points_and_each_says_where_it_comes_from(page_of: Open) -> None:
    """Published and simulated value, how far off, source, conditions, what was fitted or assumed, and why."""
    page = page_of(mine())
    keys = drawn(page)
    assert keys[:5] == ["inception/p100/1", "inception/p100/2", "inception/p100/4", "inception/p100/8",
                        "distbelief/local/81"]  # fmt: skip
    for key in keys:
        press(page, "ArrowRight")
        one, text = compare(key), about(page)
        assert page.evaluate("labkitSaved.model.get('selected')") == [key]
        assert text.startswith(one.published.title)
        assert one.published.source in text
        assert one.published.conditions in text
        for words in (one.fit, one.assumed, one.reason):
            assert words[:600] in text
        if one.verdict == "undetermined":
            assert "Why it is not determined" in text
        elif one.verdict == "input":
            assert "Given" in text
        else:
            assert f"{100 * one.difference:+.1f} %".replace("-", "−") in text
            assert ("within" if one.verdict == "within" else "off") in text
    assert page.locator(".labkit-sc-ring").count() == 1
    press(page, "Home")
    assert "142 images/s" in about(page)
    assert page.locator(".labkit-status").inner_text() == (
        "Inception v3, P100, 1 GPU: published 142 images/s, an input of the simulation"
    )
    press(page, "Escape")
    assert page.evaluate("labkitSaved.model.get('selected')") == []
    assert page.locator(".labkit-sc-ring").count() == 0
    assert f"Of {len(mine().comparisons)} points: 1 input" in about(page)


def test_pointing_and_clicking_say_the_same(page_of: Open) -> None:
    page = page_of(lw.ScalingView("inception/p100"))
    mark = page.locator("[data-key='inception/p100/8'] circle").last.bounding_box()
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    assert about(page).startswith("Inception v3, P100, 8 GPUs")
    page.mouse.move(5, 5)
    assert about(page).startswith("Point at a mark")
    page.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.move(5, 5)
    assert about(page).startswith("Inception v3, P100, 8 GPUs")


def places(page: Any, key: str) -> tuple[float, float]:
    """Where the published mark of a point is."""
    box = page.locator(f"[data-key='{key}'] > :last-child").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_marks_stand_where_the_figures_are(page_of: Open) -> None:
    """On logarithmic axes equal factors are equal ways; on linear ones equal differences are."""
    page = page_of(lw.ScalingView("inception/p100"))
    one, two, four = (places(page, f"inception/p100/{n}") for n in (1, 2, 4))
    assert two[0] - one[0] == pytest.approx(four[0] - two[0], abs=1)
    assert one[1] - two[1] == pytest.approx(two[1] - four[1], abs=1.5)  # 142, 284, 569
    page.get_by_role("button", name="Log x").click()
    page.get_by_role("button", name="Log y").click()
    one, two, four = (places(page, f"inception/p100/{n}") for n in (1, 2, 4))
    assert 2 * (two[0] - one[0]) == pytest.approx(four[0] - two[0], abs=1)
    assert 2 * (one[1] - two[1]) == pytest.approx(two[1] - four[1], abs=2)
    page.get_by_role("button", name="Throughput").click()
    one, two, four = (places(page, f"inception/p100/{n}") for n in (1, 2, 4))
    assert (one[1] - two[1]) / (two[1] - four[1]) == pytest.approx(142 / 285, abs=0.02)


def spoken(view: lw.ScalingView) -> list[str]:
    """The speed-ups of the learner's curve, from Python, as the page writes them."""
    return [f"{view.curve.at(n):.3g} x on {n}" for n in (8, 64, 512)]


def test_the_sliders_curve_is_what_scaling_curve_says(page_of: Open) -> None:
    """Moved by keys, chosen from menus, switched to rings and trees: each time against Python."""
    view = mine()
    view.what_if = {}
    page = page_of(view)
    assert page.locator(".labkit-sc-mine").count() == 0

    def agrees() -> None:
        view.what_if = page.evaluate("labkitSaved.model.get('what_if')")
        assert page.locator(".labkit-sc-sum").inner_text().startswith(", ".join(spoken(view)) + ".")
        assert page.locator(".labkit-sc-mine").count() == 1

    for label, key, times in [
        ("bandwidth of a machine", "ArrowRight", 40), ("latency", "Home", 1), ("weights", "PageUp", 2),
        ("computing a gradient", "ArrowLeft", 60), ("exchange hidden behind computing", "PageUp", 3),
    ]:  # fmt: skip
        slider = page.get_by_role("slider", name=label)
        before = slider.get_attribute("aria-valuetext")
        slider.focus()
        for _ in range(times):
            page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") != before
        agrees()
    for way in ("ring", "tree"):
        page.get_by_label("Exchange by").select_option(way)
        agrees()
        assert page.get_by_label("Servers").is_hidden()
    page.get_by_label("Exchange by").select_option("servers")
    page.get_by_label("Servers").fill("3")
    page.keyboard.press("Tab")
    agrees()
    page.get_by_label("A model").select_option(label="Inception v3 on P100")
    page.get_by_label("A network").select_option(label="100 G InfiniBand")
    agrees()
    assert view.what_if["compute"] == pytest.approx(64 / 142, rel=1e-6)
    assert (view.what_if["bytes"], view.what_if["bandwidth"]) == (95e6, 12.5e9)
    assert page.get_by_label("A model").input_value() != ""
    page.get_by_role("button", name="Draw my curve").click()
    assert page.locator(".labkit-sc-mine").count() == 0


def test_series_are_chosen_and_kept(page_of: Open) -> None:
    page = page_of(mine())
    page.get_by_role("group", name="Series").get_by_role("button", name="None", exact=True).click()
    assert drawn(page) == []
    page.get_by_role("group", name="Series").get_by_role("button", name="RankBrain").click()
    assert drawn(page) == ["slides/rankbrain/500"]
    assert page.evaluate("labkitSaved.model.get('shown')") == ["slides/rankbrain"]
    page.get_by_role("group", name="Series").get_by_role("button", name="All").click()
    assert len(drawn(page)) == 9
    assert "points have no place here" in page.locator(".labkit-rc-legend").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_is_drawn_and_accessible(page_of: Open, theme: str) -> None:
    """Also narrow, with a point selected and the table open."""
    view = mine()
    view.what_if = {"overlap": 0.5}
    page = page_of(view, theme=theme, width=560)
    page.get_by_text("All points as a table").click()
    page.locator(".labkit-table").wait_for()
    rows = page.locator(".labkit-table tbody tr")
    assert rows.count() == len(view.comparisons)
    assert page.get_by_role("button", name="time to accuracy, sync + backups / async").count() == 1
    for name in ("Throughput", "Efficiency", "Step time", "Backup workers", "Time to target", "Speed-up"):
        page.get_by_role("button", name=name).click()
        assert page.locator(".labkit-sc-box svg path").count() > 3
        assert "NaN" not in page.locator(".labkit-sc-box").inner_html()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    rows.last.get_by_role("button").click()
    assert about(page).startswith("time to accuracy")
    assert POINTS["slides/hours"].conditions in about(page)
    assert violations(page) == []


def test_the_published_backup_workers_are_marked(page_of: Open) -> None:
    """Filled marks at 4 and 3 backups, where the paper found the best; rings where the simulation does."""
    page = page_of(lw.ScalingView("backup"))
    assert drawn(page) == ["backup/time", "backup/gain"]
    left = [places(page, key)[0] for key in drawn(page)]
    rings = page.locator(".labkit-sc-box circle[r='7.5']").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => box.x + box.width / 2)"
    )
    assert rings == pytest.approx(left, abs=1.5)
    press(page, "End")
    assert re.search(r"published\s+9.5 %\s+simulated\s+9.\d+ %", about(page))
    assert "SlowedSteps and 1 % a backup" in about(page)


def test_who_never_reached_the_target_is_named(page_of: Open) -> None:
    """Not left out as if it had not been tried."""
    page = page_of(lw.ScalingView([], times={"sync": [(1, 9.0), (4, 3.0)], "async": [(1, 9.5), (4, None)]}))
    words = page.locator(".labkit-sc-box .labkit-rc-said").all_text_contents()
    assert sorted(words) == ["async", "async: never", "sync"]
