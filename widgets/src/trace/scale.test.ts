import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, PAPER } from "../core/colours.ts";
import { paint, TILES } from "./palette.ts";
import { SvgPen, xml } from "./pens.ts";
import { axis, niceStep, percent, short } from "./scale.ts";

test("numbers are those of labkit.trace.short", () => {
  assert.deepEqual([501760, 0, 0.5, 999.6, 999.4, 12345, 1e-9].map(x => short(x)),
    ["502 k", "0", "500 m", "1.00 k", "999", "12.3 k", "1.00 n"]);
  assert.deepEqual([0.0000123, 0, 1.5, 2.5e-10].map(x => short(x, "s")), ["12.3 us", "0 s", "1.50 s", "250 ps"]);
  assert.deepEqual([0, 0.001, 0.0949, 0.5, 1].map(percent), ["0%", "0.1%", "9.5%", "50%", "100%"]);
});

test("steps are 1, 2 or 5 times a power of ten, and not smaller than asked", () => {
  assert.deepEqual([1, 1.1, 2, 3, 5.5, 0.03, 1e-7].map(niceStep).map(x => Number(x.toPrecision(3))), [1, 2, 2, 5, 10, 0.05, 1e-7]);
});

test("an axis has marks inside the window, at least a gap apart, with labels that differ", () => {
  for (const [from, to] of [[0, 1], [0, 3e-6], [0.0012, 0.00123], [0, 7200], [1.0000001, 1.0000002], [0, 5e-10]] as const) {
    const { marks, unit } = axis(from, to, 800);
    assert.ok(marks.length >= 2 && marks.length <= 10, `${from}..${to}: ${marks.length}`);
    assert.equal(new Set(marks.map(mark => mark.label)).size, marks.length);
    for (const mark of marks) assert.ok(mark.at >= from - 1e-12 && mark.at <= to * (1 + 1e-9));
    assert.ok(["s", "ms", "us", "ns", "ps"].includes(unit));
    assert.ok(Math.max(...marks.map(mark => mark.label.length)) <= 8, marks.map(mark => mark.label).join());
  }
  assert.deepEqual(axis(0, 0.001, 300).marks.map(mark => mark.label), ["0.0", "0.5", "1.0"]);
  assert.equal(axis(1.0000001, 1.0000002, 800).label, "1.00 s +");
});

test("42 groups look different, stand out from the paper 3 : 1, and words on them read 4.5 : 1", () => {
  for (const theme of ["light", "dark"] as const) {
    const looks = Array.from({ length: 7 * TILES.length }, (_, i) => paint(i, theme));
    assert.equal(new Set(looks.map(look => look.colour + look.tile)).size, 42);
    for (const look of looks) {
      assert.ok(contrast(look.colour, PAPER[theme]) >= 3);
      assert.ok(contrast(look.colour, look.ink) >= 4.5);
    }
  }
});

test("names are text in SVG, whatever they are", () => {
  assert.equal(xml(`<img onerror="x">&'`), "&#60;img onerror=&#34;x&#34;&#62;&#38;&#39;");
  assert.equal(xml("a\u0000b\ud800c👩"), "a\ufffdb\ufffdc👩");
  const pen = new SvgPen();
  pen.text(1.26, 2, "</text><script>", "#000");
  pen.box(0, 0, 10, 10, paint(8, "light"));
  assert.match(pen.finish(20, 10), /<text x="1.3" y="2" fill="#000">&#60;\/text&#62;&#60;script&#62;<\/text>/);
});
