import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, contrast, GRAPH, graphColours, inkOn, kind, luminance, MARKS, mix, PAPER, PATTERNS, ROLES } from "./colours.ts";

const THEMES = ["light", "dark"] as const;

test("contrast is WCAG's: 21 for black on white, and published values between", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.ok(Math.abs(contrast("#777777", "#ffffff") - 4.48) < 0.01); // the well-known grey that just fails
  assert.ok(Math.abs(luminance("#ff0000") - 0.2126) < 1e-9);
  assert.equal(mix("#000", "#fff", 0.5), "#808080");
});

for (const theme of THEMES) {
  test(`${theme}: eight kinds have lines of 3:1, text of 4.5:1, and patterns that all differ`, () => {
    const seen = new Set<string>();
    for (let n = 0; n < 8; n++) {
      const swatch = kind(n, theme);
      assert.ok(contrast(swatch.line, PAPER[theme]) >= 3, `line ${n}: ${contrast(swatch.line, PAPER[theme])}`);
      assert.ok(contrast(swatch.ink, swatch.fill) >= 4.5, `ink ${n}`);
      assert.ok(swatch.pattern in PATTERNS);
      seen.add(swatch.pattern).add(swatch.line);
    }
    assert.equal(seen.size, 16);
    assert.deepEqual(kind(8, theme), kind(0, theme));
    assert.deepEqual(kind(-1, theme), kind(7, theme));
  });

  test(`${theme}: text reads on every amount, and more stands out more`, () => {
    for (const scale of ["viridis", "cividis"] as const) {
      let last = 0;
      for (let i = 0; i <= 100; i++) {
        const { fill, ink } = amount(i / 100, theme, scale);
        assert.ok(contrast(ink, fill) >= 4.5, `${scale} ${i}: ${contrast(ink, fill)}`);
        const seen = contrast(fill, PAPER[theme]);
        assert.ok(seen >= last - 0.02, `${scale} ${i}`);
        last = seen;
      }
    }
    assert.equal(amount(NaN, theme).fill, amount(0, theme).fill);
    assert.equal(amount(7, theme).fill, amount(1, theme).fill);
  });

  test(`${theme}: the parts of a graph can be seen and read`, () => {
    for (const role of ROLES) {
      const [fill, line, ink] = GRAPH[theme][role];
      assert.ok(contrast(line, PAPER[theme]) >= 3, `${role} line ${contrast(line, PAPER[theme])}`);
      assert.ok(contrast(line, fill) >= 3, `${role} line on fill ${contrast(line, fill)}`);
      assert.ok(contrast(ink, fill) >= 4.5, `${role} ink ${contrast(ink, fill)}`);
    }
    for (const [name, colour] of Object.entries(MARKS[theme])) {
      if (name.startsWith("frame")) continue;
      const least = name === "word" || name === "ink" ? 4.5 : 3;
      for (const ground of [PAPER[theme], ...Object.entries(MARKS[theme]).filter(([n]) => n.startsWith("frame")).map(([, c]) => c)])
        assert.ok(contrast(colour, ground) >= least, `${name} on ${ground}: ${contrast(colour, ground)}`);
    }
    assert.equal(graphColours(theme)["op-fill"], GRAPH[theme].op[0]);
  });
}

test("ink is whichever of black and white reads better", () => {
  assert.equal(inkOn("#ffffff"), "#000000");
  assert.equal(inkOn("#000000"), "#ffffff");
});
