import assert from "node:assert/strict";
import { test } from "node:test";
import { fromColumns, type Graph } from "./columns.ts";
import { anyGraph, chain, forward, loop, Maker, random, towers, train } from "./samples.ts";
import { arrangeNow, initialState, nodesOf, planOf } from "./scene.ts";
import { PARTS, type Columns, type Item, type Scene, type ViewState, type Wire } from "./types.ts";

const closed: ViewState = { root: "", open: [], horizontal: false, hubs: "aside", series: true, control: true, hidden: [] };

/** Ids of all that can be opened. */
function openable(graph: Graph, state: ViewState): string[] {
  const plan = planOf(graph, state);
  return [...plan.order].filter(t => t && plan.node[t]! < 0).map(t => plan.id(t));
}

/** A state at random, with its graph. */
function some(seed: number, columns: Columns): { graph: Graph; state: ViewState } {
  const graph = fromColumns(columns), next = random(seed + 1000);
  const state: ViewState = {
    root: "", open: [], horizontal: next() < 0.5, hubs: next() < 0.7 ? "aside" : "inline", series: next() < 0.7, control: next() < 0.7,
    hidden: next() < 0.2 ? [PARTS[Math.floor(next() * 4)]!] : [],
  };
  const ids = openable(graph, state), much = next();
  state.open = ids.filter(() => next() < much);
  const scopes = ids.filter(id => !id.startsWith("series:"));
  if (next() < 0.25 && scopes.length) state.root = scopes[Math.floor(next() * scopes.length)]!;
  return { graph, state };
}

const CASES = [
  ...Array.from({ length: 120 }, (_, seed) => some(seed, anyGraph(seed, 10 + (seed % 9) * 12))),
  ...[train(140), train(500), forward(300), towers(600), loop()].flatMap((columns, k) => [0, 1, 2, 3, 4].map(i => some(7000 + 10 * k + i, columns))),
];

function each(check: (scene: Scene, graph: Graph, state: ViewState, items: Map<string, Item>) => void): void {
  CASES.forEach(({ graph, state }, k) => {
    const scene = arrangeNow(graph, state);
    try {
      check(scene, graph, state, new Map(scene.items.map(item => [item.id, item])));
    } catch (error) {
      if (error instanceof Error) error.message = `case ${k}, ${JSON.stringify(state)}: ${error.message}`;
      throw error;
    }
  });
}

const scopeOf = (name: string) => name + "/";
const shown = (item: Item) => item.kind !== "hub" && !item.open;
/** Whether an op belongs to the scope with that path, by names alone. */
const inside = (name: string, scope: string) => scope === "" || name.startsWith(scope) || scopeOf(name) === scope;

test("every op that is not hidden is seen once: itself, or inside of one closed box", () => {
  each((scene, graph, state) => {
    const seen = new Int32Array(graph.n);
    for (const item of scene.items.filter(shown)) {
      const nodes = nodesOf(graph, item);
      assert.equal(nodes.length, item.nodes);
      for (const i of nodes) seen[i]!++;
      if (item.kind === "op") assert.equal(graph.names[item.node], item.id);
      if (item.kind === "scope") for (const i of nodes) assert.ok(inside(graph.names[i]!, item.id));
    }
    const root = scene.items.length ? state.root : "";
    for (let i = 0; i < graph.n; i++) {
      const wanted = !state.hidden.includes(graph.part(i)) && (root === "" || planRoot(graph, state) === "" || inside(graph.names[i]!, root));
      assert.equal(seen[i], wanted ? 1 : 0, graph.names[i]);
    }
  });
});

/** A root in which everything is hidden is no root. */
function planRoot(graph: Graph, state: ViewState): string {
  return graph.names.some((name, i) => inside(name, state.root) && !state.hidden.includes(graph.part(i))) ? state.root : "";
}

test("ids are unique; frames come before what stands in them; parents are open", () => {
  each((scene, _, __, items) => {
    assert.equal(items.size, scene.items.length);
    const before = new Set<string>();
    for (const item of scene.items) {
      if (item.parent !== null) {
        assert.ok(before.has(item.parent));
        assert.ok(items.get(item.parent)!.open);
        assert.equal(item.depth, items.get(item.parent)!.depth + 1);
      } else assert.equal(item.depth, 0);
      before.add(item.id);
    }
    assert.equal(new Set(scene.wires.map(wire => wire.id)).size, scene.wires.length);
    for (const wire of scene.wires) assert.ok(items.has(wire.from) && items.has(wire.to));
  });
});

test("boxes of one frame do not touch, and stand within it; all numbers are whole", () => {
  each((scene, _, __, items) => {
    const homes = new Map<string | null, Item[]>();
    for (const item of scene.items) homes.set(item.parent, [...(homes.get(item.parent) ?? []), item]);
    for (const [home, boxes] of homes) {
      const frame = home === null ? { x: 0, y: 0, w: scene.width, h: scene.height } : items.get(home)!;
      for (const a of boxes) {
        assert.ok(a.x >= frame.x && a.y >= frame.y && a.x + a.w <= frame.x + frame.w && a.y + a.h <= frame.y + frame.h, `${a.id} leaves its frame`);
      }
      const sorted = boxes.toSorted((a, b) => a.x - b.x);
      sorted.forEach((a, i) => {
        for (let j = i + 1; j < sorted.length && sorted[j]!.x < a.x + a.w; j++) {
          const b = sorted[j]!;
          assert.ok(a.y + a.h <= b.y || b.y + b.h <= a.y, `${a.id} and ${b.id} overlap`);
        }
      });
    }
    for (const item of scene.items) for (const value of [item.x, item.y, item.w, item.h]) assert.ok(Number.isInteger(value));
    for (const wire of scene.wires) for (const value of [...wire.points, wire.labelX, wire.labelY]) assert.ok(Number.isInteger(value), wire.id);
  });
});

function onBorder(x: number, y: number, item: Item): boolean {
  const { x: left, y: top, w, h } = item;
  const across = x >= left && x <= left + w, along = y >= top && y <= top + h;
  return (across && (y === top || y === top + h)) || (along && (x === left || x === left + w));
}

test("wires begin and end at the borders of their boxes and keep to the flow, unless they are marked", () => {
  each((scene, _, state, items) => {
    for (const wire of scene.wires) {
      const { points } = wire, last = points.length;
      assert.ok(last >= 4 && last % 2 === 0);
      assert.ok(onBorder(points[0]!, points[1]!, items.get(wire.from)!), `${wire.id} begins at its box`);
      assert.ok(onBorder(points[last - 2]!, points[last - 1]!, items.get(wire.to)!), `${wire.id} ends at its box`);
      if (items.get(wire.from)!.kind === "hub" || items.get(wire.to)!.kind === "hub") continue;
      for (let i = state.horizontal ? 2 : 3; i < last; i += 2) {
        const step = points[i]! - points[i - 2]!;
        assert.ok(wire.back ? step <= 0 : step >= 0, `${wire.id} turns`);
      }
    }
  });
});

/** Whether a piece of a line passes through the inside of a box. */
function passes(x0: number, y0: number, x1: number, y1: number, { x, y, w, h }: Item): boolean {
  let from = 0, to = 1;
  for (const [start, by, low, high] of [[x0, x1 - x0, x + 1, x + w - 1], [y0, y1 - y0, y + 1, y + h - 1]] as const) {
    if (by === 0) {
      if (start <= low || start >= high) return false;
      continue;
    }
    const a = (low - start) / by, b = (high - start) / by;
    from = Math.max(from, Math.min(a, b));
    to = Math.min(to, Math.max(a, b));
  }
  return from < to;
}

test("wires pass beside boxes, not behind them", () => {
  each((scene, graph, _, items) => {
    if (graph.n > 150) return; // very long edges have bends at their ends only
    const around = (id: string): Set<string> => {
      const ids = new Set<string>();
      for (let at: string | null = id; at !== null; at = items.get(at)!.parent) ids.add(at);
      return ids;
    };
    for (const wire of scene.wires) {
      const own = new Set([...around(wire.from), ...around(wire.to)]);
      for (const item of scene.items) {
        if (own.has(item.id)) continue;
        for (let i = 0; i + 3 < wire.points.length; i += 2) {
          const [a, b, c, d] = wire.points.slice(i, i + 4) as [number, number, number, number];
          assert.ok(!passes(a, b, c, d, item), `${wire.id} passes behind ${item.id}`);
        }
      }
    }
  });
});

test("wires are the graph's edges between what is seen: with hubs inline exactly those", () => {
  each((scene, graph, state, items) => {
    if (state.root) return;
    const face = new Map<number, string>();
    for (const item of scene.items.filter(shown)) for (const i of nodesOf(graph, item)) face.set(i, item.id);
    const expected = new Map<string, number[]>();
    for (let e = 0; e < graph.edges; e++) {
      const from = face.get(graph.from[e]!), to = face.get(graph.to[e]!);
      const control = graph.slot[e]! < 0;
      if (from === undefined || to === undefined || from === to || (control && !state.control)) continue;
      const key = `${from}→${to}${control ? "!" : ""}`;
      expected.set(key, [...(expected.get(key) ?? []), e]);
    }
    const isHub = (wire: Wire) => [wire.from, wire.to].some(id => items.get(id)!.kind === "hub");
    const plain = scene.wires.filter(wire => !isHub(wire));
    for (const wire of plain) {
      const edges = expected.get(wire.id)!;
      assert.ok(edges, wire.id);
      if (state.hubs === "inline") assert.deepEqual(wire.edges, edges);
      else for (const e of wire.edges) assert.ok(edges.includes(e));
    }
    if (state.hubs === "inline") return assert.equal(scene.wires.length, expected.size);
    // What went to references and what was too much of control edges is all that is missing.
    const drawn = new Set(scene.wires.flatMap(wire => wire.edges));
    for (const [key, edges] of expected) if (!key.endsWith("!")) for (const e of edges) assert.ok(drawn.has(e), key);
    for (const wire of scene.wires.filter(isHub)) {
      const hub = [wire.from, wire.to].map(id => items.get(id)!).find(item => item.kind === "hub")!;
      const user = wire.from === hub.id ? wire.to : wire.from;
      for (const e of wire.edges) {
        assert.equal(face.get(wire.from === hub.id ? graph.to[e]! : graph.from[e]!), user);
        assert.ok(nodesOf(graph, hub).includes(wire.from === hub.id ? graph.from[e]! : graph.to[e]!));
      }
    }
  });
});

test("bytes count a tensor once; a type is told only where all agree", () => {
  each((scene, graph) => {
    for (const wire of scene.wires) {
      const tensors = new Map(wire.edges.map(e => [`${graph.from[e]}:${graph.slot[e]}`, graph.edgeType(e)]));
      const kinds = new Set(wire.edges.map(e => graph.edgeType(e)));
      assert.equal(wire.type, wire.control || kinds.size > 1 ? -1 : [...kinds][0]);
      const bytes = [...tensors.values()].reduce((sum, type) => sum + (type < 0 ? 0 : graph.types[type]!.bytes ?? 0), 0);
      assert.equal(wire.bytes, wire.control ? 0 : bytes);
    }
  });
});

test("the same graph and state give the same scene, whatever was shown before", () => {
  CASES.forEach(({ graph, state }) => {
    const again = fromColumns(structuredClone(graph.columns));
    assert.deepEqual(arrangeNow(again, state), arrangeNow(graph, state));
    arrangeNow(again, { ...state, open: state.open.filter((_, i) => i % 2) });
    arrangeNow(again, { ...state, root: "" });
    assert.deepEqual(arrangeNow(again, state), arrangeNow(graph, state));
  });
});

test("a scope alone shows what enters and leaves it", () => {
  const graph = fromColumns(train(140));
  const scene = arrangeNow(graph, { ...closed, root: "layer_2/", open: ["layer_2/"] });
  const hubs = scene.items.filter(item => item.kind === "hub").map(item => item.target);
  assert.deepEqual([...new Set(hubs)].sort(), ["Adam/", "gradients/", "layer_1/", "layer_3/"]);
  assert.ok(scene.wires.some(wire => wire.from.startsWith("hub:layer_1/@") && wire.to === "layer_2/MatMul"));
  assert.ok(scene.items.every(item => item.parent === null));
});

test("very many neighbours of a scope alone stand beside their users", () => {
  const graph = fromColumns(towers(3000));
  const scene = arrangeNow(graph, { ...closed, root: "tower_3/gradients/", series: false, hubs: "inline" });
  const hubs = scene.items.filter(item => item.kind === "hub");
  assert.ok(hubs.length > 24 && hubs.every(item => item.id.includes("@tower_3/gradients/")));
  assert.ok(scene.height < 200 * scene.items.filter(item => item.kind !== "hub").length);
});

test("no such root, ids that are nowhere, and no graph at all", () => {
  const graph = fromColumns(train(140));
  const whole = arrangeNow(graph, closed);
  assert.deepEqual(arrangeNow(graph, { ...closed, root: "nowhere/", open: ["gone/", "series:x"] }), whole);
  assert.deepEqual(arrangeNow(fromColumns(new Maker().columns), closed), { items: [], wires: [], width: 0, height: 0 });
  assert.deepEqual(arrangeNow(graph, { ...closed, hidden: [...PARTS] }), { items: [], wires: [], width: 0, height: 0 });
});

test("small graphs are shown whole, large ones closed", () => {
  assert.ok(arrangeNow(fromColumns(loop()), initialState(fromColumns(loop()))).items.some(item => item.id === "while/body/add"));
  assert.deepEqual(initialState(fromColumns(train(140))).open, []);
});

test("of a small graph, what gradients and an optimizer added is closed at first", () => {
  const g = new Maker();
  const x = g.add("x", "Placeholder", [], "input");
  const y = g.add("net/y", "Square", [x]);
  const grad = g.add("gradients/net/y_grad/mul", "Mul", [x, y], "gradient");
  g.add("train/apply", "ApplyGradientDescent", [grad], "optimizer");
  assert.deepEqual(initialState(fromColumns(g.columns)).open, ["net/"]);
});

test("a while loop closes with a wire that is marked", () => {
  const graph = fromColumns(loop());
  const scene = arrangeNow(graph, initialState(graph));
  assert.deepEqual(scene.wires.filter(wire => wire.back).map(wire => wire.id), ["while/NextIteration→while/Merge"]);
});

test("chains of 20,000 and 500 levels do not overflow", () => {
  const line = arrangeNow(fromColumns(chain(20000)), closed);
  assert.equal(line.items.length, 20000);
  const g = new Maker();
  const path = Array.from({ length: 500 }, (_, i) => `s${i}`);
  let last = g.add("x", "Const");
  for (let i = 1; i <= 500; i++) last = g.add(`${path.slice(0, i).join("/")}/op`, "Identity", [last]);
  g.add("y", "Identity", [last]);
  const graph = fromColumns(g.columns);
  const deep = arrangeNow(graph, { ...closed, open: openable(graph, closed) });
  assert.equal(deep.items.length, 1002);
  assert.equal(deep.wires.at(-1)!.points.length >= 4, true);
});

test("labels are short, whatever a name holds", () => {
  const g = new Maker();
  const names = ["x".repeat(10000), `${"s".repeat(10000)}/a`, "<img src=x onerror=alert(1)>", "שלום", "👩‍👩‍👧".repeat(50)];
  names.forEach(name => g.add(name, "Const"));
  const scene = arrangeNow(fromColumns(g.columns), closed);
  for (const item of scene.items) assert.ok([...new Intl.Segmenter().segment(item.label)].length <= 30);
  assert.ok(scene.items.every(item => item.w < 420));
  assert.ok(scene.items.some(item => item.id === names[0] && item.label.includes("…")));
});
