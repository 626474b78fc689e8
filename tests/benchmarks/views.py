"""The views in a headless Chromium: first paint, opening scopes, panning; the bytes of messages and of the bundle.

Times are the page's own clock around what it does, in a page without a kernel (`view.to_html`). The graphs are real:
deep nets with gradients and Adam. Rendering is in software, as on a computer without a graphics card.
"""

from __future__ import annotations

import statistics
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import labkit_widgets as lw
from labkit.cluster import ready
from labkit.simulator import simulate
from labkit.trace import Output
from labkit.workload import Workload, WorkNode
from labkit_widgets.runtime import read_bundle, runtime
from tests.browser.lab import CHROMIUM
from tests.widgets.samples import training

_PAINT = """() => {
  const at = name => performance.getEntriesByName(name)[0].startTime;
  return at('labkit:drawn') - at('labkit:begin'); }"""
# Each closed scope that stands in the picture is opened, drawn, and closed again. A change is drawn when the view has
# laid it out and the browser has made a frame of it.
_OPEN = """async most => {
  const { model } = globalThis.labkitSaved, times = [];
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const scopes = most;
  for (const scope of scopes) {
    const state = model.get('state'), begin = performance.now();
    let drawn = begin;
    const seen = new MutationObserver(() => { drawn = performance.now(); });
    seen.observe(document.querySelector('.labkit-g-view'), { subtree: true, childList: true, attributes: true });
    model.set('state', { ...state, open: [scope] });
    for (let i = 0; i < 12; i++) await frame();
    seen.disconnect();
    times.push(drawn - begin);
    model.set('state', { ...state, open: [] });
    for (let i = 0; i < 6; i++) await frame();
  }
  return times; }"""
_FRAMES = """() => { globalThis.times = []; globalThis.going = true;
  (function frame(now) { times.push(now); if (going) requestAnimationFrame(frame); })(performance.now()); }"""


def views() -> None:
    """Every figure that the views promise, with what is wanted."""
    text = read_bundle().encode()
    line("the bundle as it travels and is saved, kB", len(runtime().bundle) / 1e3, "wanted <= 200")
    line("the bundle unpacked (minified), kB", len(text) / 1e3, "")
    with tempfile.TemporaryDirectory() as scratch:
        for ops, most in ((1_000, 300), (20_000, 1_000)):
            graph = training(ops)
            view = lw.GraphView(graph)
            largest = max(len(value) for value in view.saved_state().values() if isinstance(value, bytes))
            line(f"{graph.version:,} ops: the largest message, kB", largest / 1e3, "wanted <= 1000")
            path = view.to_html(Path(scratch) / f"{ops}.html")
            if CHROMIUM is not None:
                _in_browser(path, f"{graph.version:,} ops", most, sorted(_outer(view.names)))
        if CHROMIUM is not None:
            _cluster(Path(scratch))


def line(what: str, figure: float, wanted: str) -> None:
    """One line of the report."""
    print(f"{what:<62} {figure:6.1f}  {wanted}")


def _outer(names: list[str]) -> set[str]:
    return {name.partition("/")[0] + "/" for name in names if "/" in name}


def _in_browser(path: Path, what: str, most: int, scopes: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        paints: list[float] = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
            page.goto(path.as_uri())
            page.wait_for_selector("[data-labkit-ready]")
            paints.append(page.evaluate(_PAINT))
            if len(paints) < 5:
                page.close()
        line(f"{what}: first paint, ms (median of 5 new pages)", statistics.median(paints), f"wanted <= {most}")
        times = page.evaluate(_OPEN, scopes[:24])
        line(f"{what}: opening a scope, ms (median of {len(times)})", statistics.median(times), "")
        line(f"{what}: opening a scope, ms (the slowest)", max(times), "wanted <= 100")
        page.get_by_role("button", name="Open all").click()
        page.wait_for_timeout(3000)
        line(f"{what}: panning with all scopes open, ms a frame (median)", _pan(page), "wanted <= 33 (1,000 nodes)")
        browser.close()


def _cluster(scratch: Path) -> None:
    """A torus of 256 TPUs, each of which sends to another: panned and played."""
    from playwright.sync_api import sync_playwright

    pod = ready("tpu_pod")
    chips = list(pod.devices)
    work, places = [], {}
    for n, chip in enumerate(chips):
        made = Output(f"a{n}:0", "float32", (1_000_000,), 4_000_000)
        work += [WorkNode(f"a{n}", "MatMul", (), (made,), 1e10), WorkNode(f"b{n}", "MatMul", (f"a{n}:0",), (), 1e10)]
        places |= {f"a{n}": chip, f"b{n}": chips[(n * 37 + 11) % 256]}
    view = lw.ClusterView(run=simulate(Workload(tuple(work)), places, pod))
    line("256 TPUs: the largest message, kB", max(len(view.scene), len(view.flows)) / 1e3, "wanted <= 1000")
    path = view.to_html(scratch / "cluster.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("[data-labkit-ready]")
        line("256 TPUs: first paint, ms", page.evaluate(_PAINT), "")
        line("256 TPUs: panning, ms a frame (median)", _pan(page, ".labkit-cl-stage"), "wanted <= 33")
        page.get_by_role("button", name="Play", exact=True).click()
        page.evaluate(_FRAMES)
        page.wait_for_timeout(3000)
        times = page.evaluate("(globalThis.going = false, globalThis.times)")
        took = [after - before for before, after in pairwise(times[1:])]
        line("256 TPUs: playing, ms a frame (median)", statistics.median(took), "wanted <= 33")
        browser.close()


def _pan(page: Any, view: str = ".labkit-g-view") -> float:
    box = page.locator(view).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(_FRAMES)
    for i in range(60):
        page.mouse.move(x + 6 * (i % 30), y + 4 * (i % 20))
        page.wait_for_timeout(8)
    page.mouse.up()
    times = page.evaluate("(globalThis.going = false, globalThis.times)")
    return statistics.median(after - before for before, after in pairwise(times[1:]))


if __name__ == "__main__":
    views()
