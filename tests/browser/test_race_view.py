"""RaceView in a browser, without a kernel: playing, the podium, lanes, axes, keys, and news from the kernel."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

import labkit_widgets as lw
from labkit.parallel import History
from labkit.parallel.history import Happening, Lost, Point
from labkit_widgets.columns import pack
from tests.browser import views
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.watching import drawn, errors_of, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]


def history(name: str, gap: float, rate: float, count: int = 40, **more: Any) -> History:
    """A run whose loss falls by a factor at each point."""
    points = tuple(
        Point(gap * t, t, 32 * t, 1e6 * t, 2 * rate**t, {"accuracy": 1 - rate**t}) for t in range(1, count + 1)
    )
    return History(name, 4, points, tuple(t % 4 for t in range(count)), **more)


STALL = (Happening(5.2, "died", "worker 1", "worker 1 dies"), Happening(8.0, "noticed", "worker 1", "it is given up"),
         Happening(12.0, "restarted", "worker 1", "worker 1 is there again"))  # fmt: skip


def race(**more: Any) -> lw.RaceView:
    """Three runners: one quick, one slow, one that never gets there and lost something."""
    hurt = history("hurt", 1.0, 0.98, 20, happenings=STALL, dropped=3, lost=Lost(2, 5, 70, 4.0))
    return lw.RaceView([history("slow", 0.5, 0.95), history("quick", 0.3, 0.9), hurt], target=0.5, **more)


def podium(page: Any) -> list[str]:
    """Place, name and time of each."""
    return [" ".join(text.split()) for text in page.locator(".labkit-rc-podium li").all_inner_texts()]


def scrub(page: Any, thousandths: int) -> None:
    page.get_by_label("Simulated clock").evaluate(
        "(field, to) => { field.value = to; field.dispatchEvent(new Event('input')); }", str(thousandths)
    )


def curves(page: Any) -> list[str]:
    return page.locator(".labkit-rc-curve").evaluate_all("all => all.map(one => one.getAttribute('d'))")


def facts(page: Any, lane: int) -> dict[str, str]:
    row = page.locator(".labkit-rc-lanes li").nth(lane)
    return dict(zip(row.locator("dt").all_inner_texts(), row.locator("dd").all_inner_texts(), strict=True))


def test_the_podium_says_what_seconds_to_says(page_of: Open) -> None:
    """For the target that was given, and for those that somebody types; also for one that nobody reaches."""
    view = race()
    page = page_of(view)
    for target in (0.5, 1.5, 0.05, 1e-9):
        page.get_by_label("Target").fill(str(target))
        page.keyboard.press("Enter")
        page.wait_for_timeout(50)
        view.target = target
        order = sorted((seconds, name) for name, seconds in view.times.items() if seconds is not None)
        found = [text for text in podium(page) if "never" not in text]
        assert len(found) == len(order)
        for place, (text, (seconds, name)) in enumerate(zip(found, order, strict=True), 1):
            assert text.startswith(f"{place} {name} {seconds:.2f} s"), text
        assert len([text for text in podium(page) if "never" in text]) == 3 - len(order)
    page.get_by_label("Target").fill("")
    page.keyboard.press("Enter")
    assert page.locator(".labkit-rc-podium").is_hidden()


def test_on_the_clock_only_what_has_been_run_is_told(page_of: Open) -> None:
    page = page_of(race())
    whole = 20.0
    scrub(page, 200)  # 4 s
    assert page.locator(".labkit-rc-hand").inner_text() == f"{0.2 * whole:.2f} s of {whole:.2f} s"
    assert podium(page)[0].startswith("1 quick 4.20 s") is False
    assert all("on the way" in text for text in podium(page))
    scrub(page, 250)  # 5 s
    assert podium(page)[0].startswith("1 quick 4.20 s")
    assert facts(page, 0) | {"mean staleness": ""} == {
        "updates": "10", "loss": "1.2", "examples/s": "64", "mean staleness": "", "dropped in all": "0",
        "lost in all": "0 updates",
    }  # fmt: skip
    assert facts(page, 2)["lost in all"] == "2 updates"
    assert page.locator(".labkit-rc-mark").count() == 0  # nothing has failed yet
    scrub(page, 500)
    assert page.locator(".labkit-rc-box .labkit-rc-mark").count() == 2
    assert "8.00 s: it is given up" in page.locator(".labkit-rc-lanes li").nth(2).inner_text()
    assert page.locator(".labkit-rc-legend").inner_text().split("\n") == ["a machine dies", "it is given up"]


def test_play_runs_to_the_end_by_itself_and_starts_again(page_of: Open) -> None:
    page = page_of(race())
    page.get_by_label("Speed").select_option("4")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(300)
    first = len(curves(page)[0])
    page.get_by_role("button", name="Play").wait_for(timeout=20_000)
    assert page.locator(".labkit-rc-hand").inner_text() == "20.00 s of 20.00 s"
    assert first < len(curves(page)[0])
    assert page.locator(".labkit-status").inner_text().startswith("20.00 s: slow 0.257, quick 0.0296, hurt 1.34")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    assert float(page.locator(".labkit-rc-hand").inner_text().split()[0]) < 15


def test_who_wants_less_movement_sees_one_moment_after_another(page_of: Open) -> None:
    """No frame in between."""
    page = page_of(race(), motion="reduce")
    scrub(page, 0)
    page.evaluate("window.drawn = 0; new MutationObserver(() => drawn++)"
                  ".observe(document.querySelector('.labkit-rc-box'), {childList: true})")  # fmt: skip
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Pause").click()
    assert 1 <= page.evaluate("drawn") <= 5


def test_keys_step_from_point_to_point(page_of: Open) -> None:
    """Alone: to the buttons, the clock and the menus, and all of it said."""
    page = page_of(race())
    scrub(page, 0)
    page.get_by_role("button", name="One point on").focus()
    page.keyboard.press("Enter")
    assert page.locator(".labkit-rc-hand").inner_text().startswith("0.30 s")
    page.keyboard.press("Enter")
    assert page.locator(".labkit-rc-hand").inner_text().startswith("0.50 s")
    assert page.locator(".labkit-status").inner_text() == "0.50 s: slow 1.9, quick 1.8, hurt not begun"
    page.get_by_role("button", name="One point back").focus()
    page.keyboard.press("Enter")
    assert page.locator(".labkit-rc-hand").inner_text().startswith("0.30 s")
    page.get_by_label("Simulated clock").focus()
    page.keyboard.press("End")
    assert page.get_by_label("Simulated clock").get_attribute("aria-valuetext") == "20.00 s"
    reached: set[str] = set()
    page.locator("body").click(position={"x": 1, "y": 1})
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
    assert reached >= {"▶\ufe0e Play", "Simulated clock", "Speed", "Race for", "Target", "Against", "Log scale",
                       "What happened", "Values as a table"}  # fmt: skip


def test_a_stall_is_flat_and_other_axes_hide_it(page_of: Open) -> None:
    """Against updates, waiting takes no room: the curve of a stalled runner is that of one that was not."""
    points = [Point(float(t if t <= 5 else t + 10), t, t, 1.0 * t, 1 / t, {}) for t in range(1, 11)]
    gone = (Happening(5.5, "died", "worker 0", "dies"), Happening(15.0, "restarted", "worker 0", "is there again"))
    stalled = History("stalled", 2, tuple(points), happenings=gone)
    fine = History("fine", 2, tuple(Point(float(t), t, t, 1.0 * t, 1 / t, {}) for t in range(1, 11)))
    page = page_of(lw.RaceView([stalled, fine]))
    places = [[float(x) for x in re.findall(r"[\d.]+", way)] for way in curves(page)]
    assert places[0][9] == places[0][11]  # the sixth corner is as high as the fifth
    assert places[0] != places[1]
    page.get_by_label("Against", exact=True).select_option("updates")
    held, plain = ([float(x) for x in re.findall(r"[\d.]+", way)] for way in curves(page))
    assert [pair for n, pair in enumerate(zip(held[::2], held[1::2], strict=True)) if n != 5] == list(
        zip(plain[::2], plain[1::2], strict=True)
    )


def test_menus_and_scale_change_the_picture_and_are_kept(page_of: Open) -> None:
    page = page_of(race())
    before = curves(page)
    page.get_by_role("button", name="Log scale").click()
    assert curves(page) != before
    assert page.get_by_role("button", name="Log scale").get_attribute("aria-pressed") == "true"
    page.get_by_label("Race for").select_option("accuracy")
    page.get_by_label("Against", exact=True).select_option("bytes")
    assert page.evaluate("[labkitSaved.model.get('column'), labkitSaved.model.get('against')]") == ["accuracy", "bytes"]
    assert page.get_by_role("img", name=re.compile("accuracy against bytes sent: slow 0.871")).count() == 1
    assert page.locator(".labkit-plot text", has_text="bytes sent").count() == 1


def test_news_from_the_kernel_are_drawn_and_progress_is_told(page_of: Open) -> None:
    view = race()
    page = page_of(view)
    assert page.locator(".labkit-rc-kill").is_hidden()  # saved: nobody can run again
    made = view._made()  # pyright: ignore[reportPrivateUsage]
    made["runners"][0] |= {"kills": True, "name": "new", "faults": ["worker 1 at 2 s"]}
    made["runners"][2] |= {"wrong": "It <b>broke</b>.", "seconds": [], "updates": [], "values": {}, "happenings": []}
    data = base64.b64encode(pack(made)).decode()
    page.evaluate(
        "data => labkitSaved.model.set('data', new DataView(Uint8Array.from(atob(data), x => x.charCodeAt(0)).buffer))",
        data,
    )
    page.get_by_text("It <b>broke</b>.").wait_for()
    assert page.locator(".labkit-rc-name").first.inner_text() != ""
    assert page.locator(".labkit-rc-kill").is_visible()
    assert page.locator(".labkit-rc-hand").inner_text() == "20.00 s of 20.00 s"
    page.evaluate("labkitSaved.model.set('progress', {runner: 0, share: 0.4, done: 1, of: 3})")
    assert page.locator(".labkit-rc-work").inner_text().strip() == "computing new: 40 % (1 of 3 are done)"
    assert violations(page) == []
    page.get_by_role("button", name="Kill it").click()
    page.get_by_text("there is no kernel behind it").wait_for()
    page.evaluate("labkitSaved.model.set('progress', {})")
    assert page.locator(".labkit-rc-work").is_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_folded_away_is_accessible_too(page_of: Open, theme: str) -> None:
    page = page_of(race(), theme=theme, width=560)
    for words in ("What happened", "Values as a table"):
        page.get_by_text(words, exact=True).click()
    assert "5.20 s, hurt: worker 1 dies" in page.locator(".labkit-rc-more").first.inner_text()
    assert "hurt: 3 gradients came too late and were dropped; lost: 2 updates, 5 gradients, 70 examples, 4.00 s" in (
        page.locator(".labkit-rc-more").first.inner_text()
    )
    page.locator(".labkit-table tbody tr").nth(11).wait_for()  # it is drawn when it is unfolded
    assert page.locator(".labkit-table tbody tr").count() == 12
    assert page.locator(".labkit-table tbody tr").last.inner_text().split() == [
        "20.00",
        "s",
        "0.257",
        "0.02956",
        "1.335",
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert violations(page) == []


def test_in_a_notebook_a_worker_dies_by_a_button_and_comes_back(lab: Lab, chromium: Any) -> None:
    """The kernel runs that training again; the page draws what it did, and the kernel knows the same."""
    program = """
data = {x: np.arange(256, dtype=np.float32).reshape(64, 4) / 256}
recovery = tf.parallel.Recovery(0.5, 1.5, 3.0)
runs = [tf.parallel.DataParallel(train, data, loss, workers=3, batch=4, name=n, recovery=recovery) for n in "ab"]
race = lw.RaceView(runs, updates=40, target=0.01)
race
"""
    views.write_notebook(lab.folder / "race.ipynb", views.NET, program, "1 + 1")
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "race.ipynb")
    root = drawn(page, 1).first
    root.locator(".labkit-rc-lanes li", has_text="b").first.wait_for()
    page.wait_for_function("!document.querySelector('.labkit-rc-podium')?.textContent.includes('not run yet')")
    root.get_by_label("Whose machine").select_option(label="b")
    root.get_by_label("Worker", exact=True).fill("1")
    root.get_by_label("At, in seconds").fill("0.55")
    root.get_by_role("button", name="Kill it").click()
    root.locator(".labkit-rc-box .labkit-rc-mark").first.wait_for(timeout=60_000)
    assert "worker 1 is there again" in root.locator(".labkit-rc-lanes li").nth(1).inner_text()
    said = run_in_kernel(page, "print([h.kind for h in race.histories['b'].happenings], race.winner)")
    assert said.strip() == "['died', 'noticed', 'restarted'] a"
    root.get_by_role("button", name="Nothing failed").click()
    page.wait_for_function("!document.querySelector('.labkit-rc-box .labkit-rc-mark')", timeout=60_000)
    assert errors == []
    stop_kernel(page)
    page.close()
