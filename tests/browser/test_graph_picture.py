"""The graph's picture by itself: hands, keys, what is in the document, what it costs, and what it leaves behind."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labkit_widgets.columns import columns
from tests.browser.lab import CHROMIUM
from tests.browser.watching import count_what_is_started, errors_of, left, violations
from tests.widgets.building import WIDGETS, hook
from tests.widgets.samples import SAMPLES

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]

ENTRY = """
import { Shell } from "%(src)s/core/shell.ts";
import { SavedModel } from "%(src)s/core/model.ts";
import { Graph } from "%(src)s/graph/columns.ts";
import { GraphPicture } from "%(src)s/graph/picture.ts";
export * as colours from "%(src)s/core/colours.ts";
export function make(columns, state, options, style) {
  const end = new AbortController(), model = new SavedModel({ channel: "" });
  const shell = new Shell({ model, el: document.getElementById("view"), signal: end.signal }, "Test");
  const box = document.createElement("div");
  box.style.cssText = style;
  shell.body.append(box);
  const plain = { root: "", open: [], horizontal: true, hubs: "aside", series: true, control: true, hidden: [] };
  const picture = new GraphPicture(shell, box, new Graph(columns), { ...plain, ...state }, options);
  return { picture, shell, box, end, model, close: () => end.abort() };
}
"""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>picture</title>
<body style="margin: 8px; background: %s"><main><h1 style="margin: 0">Picture</h1><div id="view"></div>
<p style="height: 2000px">below</p></main></body></html>"""
SIZE = "height: 480px"
CLOSED = {"series": False}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The picture's sources as one script, as the bundle has them."""
    folder = tmp_path_factory.mktemp("picture")
    (folder / "entry.ts").write_text(ENTRY % {"src": WIDGETS / "src"}, encoding="utf-8")
    made = folder / "made.js"
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--loader:.css=text"]
    node = hook().need("esbuild")
    command = [hook().tool("esbuild"), str(folder / "entry.ts"), *options, f"--outfile={made}", "--log-level=warning"]
    hook().run(node, command, "esbuild found an error")
    return made.read_text(encoding="utf-8")


@pytest.fixture
def opened(chromium: Any, script: str) -> Iterator[Open]:
    """A function that shows a graph: `p` is its picture in the page."""
    pages: list[tuple[Any, list[str]]] = []

    def open_page(
        graph: str | dict[str, Any] = "softmax", state: dict[str, Any] | None = None, *, theme: str = "light",
        motion: str = "reduce", options: dict[str, Any] | None = None, style: str = SIZE,
        size: tuple[int, int] = (1100, 700),
    ) -> Any:  # fmt: skip
        page = chromium.new_page()
        pages.append((page, errors_of(page)))
        page.set_default_timeout(8000)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=theme, reduced_motion=motion)
        count_what_is_started(page)
        page.goto("about:blank")
        page.set_content(PAGE % ("#111" if theme == "dark" else "#fff"))
        # From a `blob:` address, as the bundle: what it starts is counted.
        page.evaluate(
            "async text => { const blob = new Blob([text], { type: 'text/javascript' });"
            " globalThis.LK = await import(URL.createObjectURL(blob)); }",
            script,
        )
        made = columns(SAMPLES[graph]()) if isinstance(graph, str) else graph
        page.evaluate(
            "async ([columns, state, options, style]) => { globalThis.v = LK.make(columns, state, options, style);"
            " globalThis.p = v.picture; globalThis.told = []; p.onSelect((names, item) => told.push(names));"
            " await p.settled(); }",
            [made, state or {}, options or {}, style],
        )
        return page

    yield open_page
    for page, errors in pages:
        page.close()
        assert errors == []


def place(page: Any, name: str) -> dict[str, float]:
    """Where an item stands in the window."""
    return page.evaluate(
        """name => { const item = p.scene.items.find(item => item.id === name), { x, y, k } = p.camera;
        const view = document.querySelector('.labkit-g-view').getBoundingClientRect();
        return { left: view.x + x + item.x * k, top: view.y + y + item.y * k, w: item.w * k, h: item.h * k,
          open: item.open }; }""",
        name,
    )


def middle(page: Any, name: str) -> tuple[float, float]:
    """The middle of an item, off its plus."""
    at = place(page, name)
    return at["left"] + at["w"] / 3, at["top"] + at["h"] / 2


def synthetic(page: Any, many: int, k: float) -> None:
    """A scene of `many` boxes with half as many more wires, all of it in view."""
    page.evaluate(
        """([n, k]) => {
        const across = Math.ceil(Math.sqrt(n) * 1.1), items = [], wires = [];
        const parts = ['forward', 'gradient', 'optimizer', 'state', 'input'];
        for (let i = 0; i < n; i++) items.push({ id: 'i' + i, kind: i % 5 ? 'op' : 'scope', label: 'MatMul_' + i,
          detail: 'MatMul', node: i % 8, nodes: 1, repeat: 1, part: parts[i % 5], parent: null, depth: 0, open: false,
          w: 92, h: 44, x: i % across * 125 + 20, y: Math.floor(i / across) * 74 + 20 });
        for (let i = 0; i < 1.5 * n; i++) {
          const a = items[i % n], b = items[(i + 1 + i % 3 * across) % n];
          wires.push({ id: 'w' + i, from: a.id, to: b.id, points: [a.x + 92, a.y + 22, b.x, b.y + 22],
            control: i % 9 === 0, back: false, edges: [], type: 0, bytes: 2 ** (i % 30),
            labelX: (a.x + 92 + b.x) / 2, labelY: (a.y + b.y) / 2 + 22 });
        }
        const scene = { items, wires, width: across * 125 + 40, height: Math.ceil(n / across) * 74 + 40 };
        p.take(scene, { ...p.state, root: 'synthetic' });
        p.camera = { k, x: 10, y: 10 };
        p.stage.commit(); }""",
        [many, k],
    )


def test_a_click_selects_a_double_click_opens_in_place(opened: Open) -> None:
    """What was opened stays where it was, and closes there again."""
    page = opened()
    page.mouse.click(*middle(page, "cross_entropy/"))
    assert page.evaluate("[told, p.selected]") == [[["cross_entropy/"]], ["cross_entropy/"]]
    before = place(page, "cross_entropy/")
    page.mouse.dblclick(*middle(page, "cross_entropy/"))
    page.wait_for_function("p.state.open.includes('cross_entropy/') && p.scene.items.some(item => item.parent)")
    after = place(page, "cross_entropy/")
    assert after["open"]
    assert after["w"] > before["w"]
    view = page.locator(".labkit-g-view").bounding_box()
    assert abs(after["left"] - before["left"]) < 2 or after["left"] >= view["x"]
    assert page.evaluate("p.selected") == ["cross_entropy/"]
    page.evaluate("p.toggle('cross_entropy/')")
    page.wait_for_function("!p.scene.items.some(item => item.parent)")
    page.mouse.click(view["x"] + 4, view["y"] + view["height"] - 4)
    assert page.evaluate("[told.at(-1), p.selected]") == [[], []]


def test_the_plus_opens_with_one_click(opened: Open) -> None:
    """And the minus closes."""
    page = opened(state={"horizontal": False})
    at = place(page, "cross_entropy/")
    page.mouse.click(at["left"] + at["w"] - 9, at["top"] + at["h"] / 2)
    page.wait_for_function("p.scene.items.some(item => item.open)")
    at = place(page, "cross_entropy/")
    page.mouse.click(at["left"] + at["w"] - 14, at["top"] + 15)
    page.wait_for_function("!p.scene.items.some(item => item.open)")


def test_dragging_pans_and_selects_nothing(opened: Open) -> None:
    """Some of the scene stays in view, however far one drags."""
    page = opened()
    view = page.locator(".labkit-g-view").bounding_box()
    before = page.evaluate("p.camera")
    page.mouse.move(view["x"] + 200, view["y"] + 200)
    page.mouse.down()
    page.mouse.move(view["x"] + 290, view["y"] + 240, steps=5)
    page.mouse.up()
    after = page.evaluate("p.camera")
    assert (after["x"] - before["x"], after["y"] - before["y"], after["k"]) == (90, 40, before["k"])
    assert page.evaluate("told") == []
    page.evaluate("p.camera = { x: 1e7, y: -1e7, k: 1 }")
    assert page.evaluate("Math.abs(p.camera.x) < 2000 && Math.abs(p.camera.y) < 2000")


def test_the_wheel_scrolls_the_page_until_the_picture_has_the_focus(opened: Open) -> None:
    """Ctrl and wheel zoom at once; what lies under the pointer stays there."""
    page = opened()
    k = page.evaluate("p.camera.k")
    page.mouse.move(400, 250)
    page.mouse.wheel(0, 100)
    page.wait_for_function("scrollY > 0")
    assert page.evaluate("p.camera.k") == k
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function(f"p.camera.k > {k}")
    assert page.evaluate("scrollY") == 0
    x, y = middle(page, "cross_entropy/")
    page.mouse.click(x, y)
    before = place(page, "cross_entropy/")
    page.mouse.move(before["left"], before["top"])
    page.mouse.wheel(0, 200)
    page.wait_for_function(f"p.camera.k < {page.evaluate('p.camera.k')} || p.camera.k < {k * 1.2}")
    after = place(page, "cross_entropy/")
    assert abs(after["left"] - before["left"]) < 1
    assert abs(after["top"] - before["top"]) < 1


def test_two_fingers_zoom_once_a_tap_gave_the_focus(opened: Open) -> None:
    """One finger then pans."""
    page = opened()
    page.evaluate("p.focus()")
    page.wait_for_timeout(100)
    touch = page.context.new_cdp_session(page)
    k, x = page.evaluate("[p.camera.k, p.camera.x]")

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        ids = [{"x": at[0], "y": at[1], "id": i} for i, at in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": ids})

    fingers("touchStart", (300, 250))
    for step in range(1, 6):
        fingers("touchMove", (300 + 10 * step, 250))
    fingers("touchEnd")
    assert page.evaluate("p.camera.x") == pytest.approx(x + 50, abs=12)
    fingers("touchStart", (300, 250), (500, 250))
    for step in range(1, 6):
        fingers("touchMove", (300 - 10 * step, 250), (500 + 10 * step, 250))
    fingers("touchEnd")
    assert page.evaluate("p.camera.k") == pytest.approx(1.5 * k, rel=0.08)


def test_the_keyboard_alone_leads_everywhere(opened: Open) -> None:
    """One tab stop; arrows, Enter, zoom, Escape; what is reached is said."""
    page = opened(state={"horizontal": True})
    searched = page.evaluate("(globalThis.searched = 0, p.onSearch(() => searched++), searched)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "labkit-g-view"
    assert page.locator(".labkit-g-ring").is_visible()
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert page.evaluate(f"{active}.getAttribute('role')") == "treeitem"
    seen = set()
    for key in [
        "Home",
        *["ArrowDown"] * 6,
        *["ArrowRight"] * 6,
        *["ArrowUp"] * 6,
        *["ArrowLeft"] * 6,
        *["PageUp"] * 15,
        *["PageDown"] * 15,
        "End",
    ]:
        page.keyboard.press(key)
        said = page.locator(".labkit-status").inner_text()
        assert page.evaluate(f"{active}.getAttribute('aria-label')") == said
        seen.add(said)
    assert len(seen) > 5
    assert any(re.fullmatch(r"Placeholder x, 0 inputs, 1 output, float32 \(\?, 784\)", said) for said in seen), seen
    page.evaluate("p.select(['cross_entropy/'])")
    for open_ in (True, False):
        page.keyboard.press("Enter" if open_ else " ")
        page.wait_for_function(f"p.scene.items.some(item => item.open) === {str(open_).lower()}")
        assert page.evaluate(f"{active}.getAttribute('aria-expanded')") == str(open_).lower()
    k = page.evaluate("p.camera.k")
    page.keyboard.press("+")
    assert page.evaluate("p.camera.k") > k
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert page.evaluate("p.camera.k") < k
    page.keyboard.press("0")
    page.keyboard.press("/")
    assert page.evaluate("searched") == searched + 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    assert page.evaluate("p.selected") == []


def test_the_outline_opens_line_by_line(opened: Open) -> None:
    """Twenty thousand ops cost a hundred lines; Enter shows the op in the picture."""
    page = opened("20k")
    assert page.locator(".labkit-g-tree li").count() == 0
    page.locator(".labkit-g-outline summary").click()
    page.locator(".labkit-g-tree li").first.wait_for()  # a browser says a moment later that it was opened
    first = page.locator(".labkit-g-tree li").count()
    assert 0 < first <= 101
    page.keyboard.press("Tab")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        if page.evaluate(
            "document.activeElement.dataset.t !== undefined && !document.activeElement.hasAttribute('aria-expanded')"
        ):
            break
    assert page.locator(".labkit-g-tree li").count() <= 600
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_function("p.selected.length === 1")
    chosen = page.evaluate("p.selected[0]")
    assert name.startswith(chosen.rsplit("/", 1)[-1])
    page.wait_for_function("name => p.scene.items.some(item => item.id === name)", arg=chosen)
    at, view = place(page, chosen), page.locator(".labkit-g-view").bounding_box()
    assert view["x"] <= at["left"] <= view["x"] + view["width"]
    assert view["y"] <= at["top"] <= view["y"] + view["height"]


def test_only_what_is_in_view_is_in_the_document(opened: Open) -> None:
    """Up to a thousand boxes as SVG, more on a canvas; near enough, SVG again."""
    page = opened("20k", motion="reduce")
    assert page.evaluate("p.stage.mode") == "svg"
    synthetic(page, 900, 0.28)
    assert page.evaluate("[p.stage.mode, document.querySelectorAll('.labkit-g-item').length]") == ["svg", 900]
    synthetic(page, 5000, 0.12)
    assert page.evaluate("[p.stage.mode, document.querySelectorAll('.labkit-g-item').length]") == ["canvas", 0]
    page.evaluate("p.camera = { k: 1, x: -900, y: -900 }; p.stage.commit()")
    mode, boxes = page.evaluate("[p.stage.mode, document.querySelectorAll('.labkit-g-item').length]")
    assert mode == "svg"
    assert 20 < boxes < 400


def test_what_is_selected_is_found_and_shown(opened: Open) -> None:
    """By an op's name: in a closed scope its scope is marked; `reveal` opens what hides it."""
    page = opened("1k")
    name = page.evaluate("p.graph.names.find(name => name.split('/').length > 3)")
    page.evaluate("name => p.select([name])", name)
    [marked] = page.evaluate("[...p.drawn.selected]")
    assert marked != name
    assert page.evaluate("told") == []
    page.evaluate("name => p.select([name], { reveal: true, center: true })", name)
    assert page.evaluate("[...p.drawn.selected]") == [name]
    assert page.evaluate("p.eye.sees(p.itemOf(p.selected[0]))")


def test_paint_marks_without_a_new_layout(opened: Open) -> None:
    """Fills with patterns, badges, words on wires, dimmed parts, signs; and none of it after `paint({})`."""
    page = opened()
    same = page.evaluate(
        """() => { const scene = p.scene; const at = item => scene.items.indexOf(item);
        p.paint({ fill: item => ({ colour: '#0072b2', pattern: 'stripes' }), badge: () => '<b>5 ms</b>',
          wireLabel: () => '0.5',
          dim: item => at(item) === 1, mark: item => at(item) === 2 ? 'bad' : null });
        return p.scene === scene; }"""
    )
    assert same
    assert page.locator(".labkit-g-svg pattern").count() == 1
    text = page.locator(".labkit-g-svg").inner_html()
    assert "&lt;b&gt;5 ms" in text
    assert page.locator(".labkit-g-svg text", has_text="!").count() == 1
    assert page.locator(".labkit-g-svg g[opacity='0.28']").count() == 1
    page.evaluate("p.paint({})")
    assert page.locator(".labkit-g-svg pattern, .labkit-g-svg circle").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(opened: Open, theme: str) -> None:
    """With an item active and the outline open."""
    page = opened(state={"open": ["cross_entropy/"]}, theme=theme)
    assert page.get_attribute(".labkit", "data-theme") == theme
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.evaluate("p.showOutline(true)")
    page.wait_for_selector(".labkit-g-tree li")
    assert violations(page) == []


def hostile() -> dict[str, Any]:
    """A graph whose names are an attack."""
    made = columns(SAMPLES["hello"]())
    made["names"] = [
        "<img src=x onerror=hacked=1>",
        "</script><script>hacked=1</script>",
        "x" * 10_000 + "\ud800",
        "\u202egnp\u0007]]>&amp;/🙂",
    ]
    return made


def test_files_stand_alone_and_are_valid(opened: Open) -> None:
    """SVG that any XML reader takes, with colours and without variables; a PNG of the asked size."""
    page = opened(hostile())
    text = page.evaluate("p.svg()")
    root = ET.fromstring(text.encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in text
    assert "<img" not in text
    assert "<script" not in text
    assert re.search(r"onerror=hacked", text)
    assert not re.search(r"[\x00-\x08\ud800-\udfff]", text)
    assert page.evaluate("globalThis.hacked") is None
    assert page.locator(".labkit img, .labkit script").count() == 0
    dark = page.evaluate("p.svg('dark')")
    assert "#111111" in dark
    assert "#111111" not in text
    size = page.evaluate(
        """async () => { const blob = await p.png(2); const image = await createImageBitmap(blob);
        return [blob.type, image.width / (p.scene.width + 48), image.height / (p.scene.height + 48)]; }"""
    )
    assert size == ["image/png", pytest.approx(2, abs=0.01), pytest.approx(2, abs=0.01)]


def test_a_hidden_picture_is_drawn_when_it_is_shown(opened: Open) -> None:
    """A folded output has no size; later it has, and everything is in view."""
    page = opened(style="display: none; height: 480px")
    assert page.locator(".labkit-g-item").count() == 0
    page.evaluate("v.box.style.display = 'block'")
    page.wait_for_selector(".labkit-g-item")
    assert page.evaluate("p.scene.items.every(item => p.eye.sees(item))")
    page.set_viewport_size({"width": 560, "height": 700})
    page.wait_for_function("p.stage.width < 560")
    page.wait_for_timeout(100)
    assert page.evaluate("p.eye.sees(p.itemOf('x'))")


def test_several_pictures_and_themes_and_nothing_left(opened: Open) -> None:
    """A second picture on the page; a page that turns dark; and after closing no trace of either."""
    page = opened(motion="no-preference")
    page.evaluate(
        "() => { globalThis.other = LK.make(p.graph.columns, p.state, {}, 'height: 300px');"
        " return other.picture.settled(); }"
    )
    assert page.evaluate(
        "(ids => new Set(ids).size === ids.length)([...document.querySelectorAll('[id]')].map(x => x.id))"
    )
    light = page.evaluate("getComputedStyle(document.querySelector('.labkit-g-body')).fill")
    page.evaluate("document.body.style.background = '#111'")
    page.wait_for_function("document.querySelector('.labkit').dataset.theme === 'dark'")
    assert page.evaluate("getComputedStyle(document.querySelector('.labkit-g-body')).fill") != light
    page.emulate_media(forced_colors="active")
    page.wait_for_timeout(50)
    page.emulate_media(forced_colors="none")
    page.evaluate(
        "(p.toggle('cross_entropy/'), p.fit(), p.zoomIn(), other.picture.zoomTo('x'), v.close(), other.close())"
    )
    assert left(page) == []
    assert page.locator(".labkit").count() == 0
    assert page.evaluate("v.model.listening") == 0


def test_the_columns_can_be_sent(opened: Open) -> None:
    """Every sample can be drawn, with everything open."""
    for name in sorted(set(SAMPLES) - {"1k", "20k"}):
        page = opened(name)
        page.evaluate("p.show({ open: p.everyScope() })")
        found = page.evaluate("[p.scene.items.length, p.svg().length]")
        assert found[0] > 0, json.dumps([name, found])
