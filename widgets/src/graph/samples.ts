// Made-up graphs for tests and benchmarks: those of TensorFlow 1 in miniature, and random ones. Nothing in the bundle uses it.

import { PARTS, type Columns, type Part } from "./types.ts";

/** Builds columns op by op. Inputs are names, `name:1` for the second output, `^name` for a control edge. */
export class Maker {
  private at = new Map<string, number>();
  private ops = new Map<string, number>();
  private types = new Map<string, number>();
  readonly columns: Columns = {
    names: [], ops: [], op: [], devices: [""], device: [], sites: ["cell In[1], line 1: y = x @ w"], site: [], part: [], types: [],
    outputs: [], outputTypes: [], from: [], slot: [], to: [], input: [], flops: [],
  };

  add(name: string, op: string, inputs: string[] = [], part: Part = "forward", shape = "(32, 100)", outputs = op === "NoOp" ? 0 : 1): string {
    const { columns } = this;
    const i = columns.names.length;
    this.at.set(name, i);
    columns.names.push(name);
    columns.op.push(index(this.ops, op, () => columns.ops.push(op)));
    columns.device.push(0);
    columns.site.push(0);
    columns.part.push(PARTS.indexOf(part));
    columns.outputs.push(outputs);
    const bytes = 4 * [...shape.matchAll(/\d+/g)].reduce((size, [n]) => size * Number(n), 1);
    for (let k = 0; k < outputs; k++) columns.outputTypes.push(index(this.types, shape, () => columns.types.push({ dtype: "float32", shape, bytes })));
    columns.flops.push(null);
    inputs.forEach((input, k) => this.join(input, name, k));
    return name;
  }

  /** An edge, also backwards: loops need it. */
  join(input: string, name: string, k: number): void {
    const control = input.startsWith("^");
    const [source, slot] = control ? [input.slice(1), "-1"] : input.split(":");
    this.columns.from.push(this.at.get(source!)!);
    this.columns.slot.push(Number(slot ?? 0));
    this.columns.to.push(this.at.get(name)!);
    this.columns.input.push(control ? -1 : k);
  }

  get size(): number {
    return this.columns.names.length;
  }

  /** A variable as TensorFlow 1 names its parts. */
  variable(name: string, shape = "(100, 100)"): string {
    const init = this.add(`${name}/initial_value`, "Const", [], "constant", shape);
    this.add(name, "VariableV2", [], "state", shape);
    this.add(`${name}/Assign`, "Assign", [name, init], "state", shape);
    return this.add(`${name}/read`, "Identity", [name], "state", shape);
  }
}

function index(known: Map<string, number>, key: string, add: () => void): number {
  let at = known.get(key);
  if (at === undefined) {
    known.set(key, (at = known.size));
    add();
  }
  return at;
}

/** Numbers from 0 to 1 that are the same each time. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A net of dense layers with gradients and Adam, as labkit builds it. About 42 ops a layer. */
export function train(size: number, optimizer = true): Columns {
  const g = new Maker();
  g.add("x", "Placeholder", [], "input", "(?, 784)");
  g.add("y", "Placeholder", [], "input", "(?, 10)");
  const layers = Math.max(1, Math.round(size / (optimizer ? 47 : 13)));
  let last = "x";
  const variables: string[] = [];
  for (let k = 1; k <= layers; k++) {
    const s = `layer_${k}`;
    const w = g.variable(`${s}/w`), b = g.variable(`${s}/b`, "(100)");
    variables.push(`${s}/w`, `${s}/b`);
    g.add(`${s}/MatMul`, "MatMul", [last, w]);
    g.add(`${s}/add`, "Add", [`${s}/MatMul`, b]);
    last = g.add(`${s}/Relu`, "Relu", [`${s}/add`]);
  }
  g.add("loss/xent", "SoftmaxCrossEntropyWithLogits", [last, "y"], "forward", "(?)", 2);
  g.add("loss/Const", "Const", [], "constant", "(1)");
  g.add("loss/Mean", "Mean", ["loss/xent", "loss/Const"], "forward", "()");
  if (!optimizer) return g.columns;
  g.add("gradients/Fill", "Fill", ["loss/Const"], "gradient", "()");
  g.add("gradients/loss/Mean_grad/div", "Div", ["gradients/Fill", "loss/xent"], "gradient");
  let back = g.add("gradients/loss/xent_grad/mul", "Mul", ["gradients/loss/Mean_grad/div", "loss/xent:1"], "gradient");
  const found = new Map<string, string>();
  for (let k = layers; k >= 1; k--) {
    const s = `layer_${k}`, d = `gradients/${s}`;
    back = g.add(`${d}/Relu_grad/ReluGrad`, "ReluGrad", [back, `${s}/Relu`], "gradient");
    g.add(`${d}/add_grad/Sum`, "Sum", [back, `${s}/add`], "gradient", "(100)");
    g.add(`${d}/MatMul_grad/MatMul`, "MatMul", [back, `${s}/w/read`], "gradient");
    g.add(`${d}/MatMul_grad/MatMul_1`, "MatMul", [k > 1 ? `layer_${k - 1}/Relu` : "x", back], "gradient", "(100, 100)");
    g.add(`${d}/MatMul_grad/tuple/group_deps`, "NoOp", [`^${d}/MatMul_grad/MatMul`, `^${d}/MatMul_grad/MatMul_1`], "gradient");
    back = g.add(`${d}/MatMul_grad/tuple/control_dependency`, "Identity", [`${d}/MatMul_grad/MatMul`, `^${d}/MatMul_grad/tuple/group_deps`], "gradient");
    found.set(`${s}/w`, g.add(`${d}/MatMul_grad/tuple/control_dependency_1`, "Identity",
      [`${d}/MatMul_grad/MatMul_1`, `^${d}/MatMul_grad/tuple/group_deps`], "gradient", "(100, 100)"));
    found.set(`${s}/b`, `${d}/add_grad/Sum`);
  }
  g.variable("beta1_power", "()");
  g.variable("beta2_power", "()");
  for (const name of ["learning_rate", "beta1", "beta2", "epsilon"]) g.add(`Adam/${name}`, "Const", [], "constant", "()");
  for (const v of variables) for (const slot of ["Adam", "Adam_1"]) g.variable(`${v}/${slot}`);
  const applied = variables.map(v => g.add(`Adam/update_${v}/ApplyAdam`, "ApplyAdam", [v, `${v}/Adam`, `${v}/Adam_1`, "beta1_power/read", "beta2_power/read",
    "Adam/learning_rate", "Adam/beta1", "Adam/beta2", "Adam/epsilon", found.get(v)!], "optimizer"));
  for (const [k, power] of ["beta1", "beta2"].entries()) {
    const mul = g.add(k ? "Adam/mul_1" : "Adam/mul", "Mul", [`${power}_power/read`, `Adam/${power}`, ...applied.map(a => `^${a}`)], "optimizer", "()");
    g.add(k ? "Adam/Assign_1" : "Adam/Assign", "Assign", [`${power}_power`, mul], "optimizer", "()");
  }
  g.add("Adam", "NoOp", ["^Adam/Assign", "^Adam/Assign_1", ...applied.map(a => `^${a}`)], "optimizer");
  return g.columns;
}

/** A chain of layers of 8 ops with skips; layers differ, so that nothing folds. */
export function forward(size: number): Columns {
  const g = new Maker();
  let last = g.add("x", "Placeholder", [], "input");
  const ends = [last];
  for (let k = 0; g.size + 8 <= size || k < 1; k++) {
    const s = `block${k % 3 ? "" : "_wide"}_${k}/part_${k % 7}`;
    const a = g.add(`${s}/Conv2D`, "Conv2D", [last]);
    const b = g.add(`${s}/BiasAdd`, "BiasAdd", [a]);
    const c = g.add(`${s}/Relu`, "Relu", [b]);
    const d = g.add(`${s}/Conv2D_1`, k % 2 ? "Conv2D" : "MatMul", [c]);
    const e = g.add(`${s}/BiasAdd_1`, "BiasAdd", [d]);
    const f = g.add(`${s}/add`, "Add", [e, last]);
    const h = g.add(`${s}/Relu_1`, "Relu", [f]);
    last = g.add(`${s}/out`, "Identity", k % 5 === 4 ? [h, ends[Math.max(0, ends.length - 5)]!] : [h]);
    ends.push(last);
  }
  return g.columns;
}

/** Eight towers that share their variables, a sum of their gradients, and what applies it. */
export function towers(size: number, many = 8): Columns {
  const g = new Maker();
  const layers = Math.max(1, Math.round(size / (7 * many + 7)));
  g.add("learning_rate", "Placeholder", [], "input", "()");
  const reads = Array.from({ length: layers }, (_, k) => g.variable(`params/w${k}`));
  const grads: string[][] = reads.map(() => []);
  for (let t = 0; t < many; t++) {
    const s = `tower_${t}`;
    let last = g.add(`${s}/x`, "Placeholder", [], "input");
    for (let k = 0; k < layers; k++) {
      g.add(`${s}/layer_${k}/MatMul`, "MatMul", [last, reads[k]!]);
      g.add(`${s}/layer_${k}/add`, "Add", [`${s}/layer_${k}/MatMul`, last]);
      last = g.add(`${s}/layer_${k}/Relu`, "Relu", [`${s}/layer_${k}/add`]);
    }
    let back = g.add(`${s}/gradients/Fill`, "Fill", [last], "gradient");
    for (let k = layers - 1; k >= 0; k--) {
      const d = `${s}/gradients/layer_${k}`;
      g.add(`${d}/Relu_grad`, "ReluGrad", [back, `${s}/layer_${k}/Relu`], "gradient");
      grads[k]!.push(g.add(`${d}/MatMul_grad/w`, "MatMul", [`${d}/Relu_grad`, k ? `${s}/layer_${k - 1}/Relu` : `${s}/x`], "gradient"));
      back = g.add(`${d}/MatMul_grad/x`, "MatMul", [`${d}/Relu_grad`, reads[k]!], "gradient");
    }
  }
  const applied = grads.map((all, k) => {
    const sum = g.add(`train/sum_${k}/AddN`, "AddN", all, "optimizer");
    return g.add(`train/update_w${k}/ApplyGradientDescent`, "ApplyGradientDescent", [`params/w${k}`, "learning_rate", sum], "optimizer");
  });
  g.add("train/train", "NoOp", applied.map(a => `^${a}`), "optimizer");
  return g.columns;
}

/** A while loop as TensorFlow 1 spells it out: a ring of ops. */
export function loop(): Columns {
  const g = new Maker();
  g.add("start", "Const", [], "constant", "()");
  g.add("while/Enter", "Enter", ["start"]);
  g.add("while/Merge", "Merge", ["while/Enter"]);
  g.add("while/limit", "Const", [], "constant", "()");
  g.add("while/Less", "Less", ["while/Merge", "while/limit"]);
  g.add("while/LoopCond", "LoopCond", ["while/Less"]);
  g.add("while/Switch", "Switch", ["while/Merge", "while/LoopCond"], "forward", "()", 2);
  g.add("while/body/add", "Add", ["while/Switch:1"]);
  g.add("while/NextIteration", "NextIteration", ["while/body/add"]);
  g.join("while/NextIteration", "while/Merge", 1);
  g.add("while/Exit", "Exit", ["while/Switch"]);
  g.add("result", "Identity", ["while/Exit"]);
  return g.columns;
}

/** One op after another, all in the same scope. */
export function chain(size: number): Columns {
  const g = new Maker();
  let last = "";
  for (let i = 0; i < size; i++) last = g.add(`op${i}x`, "Identity", last ? [last] : []);
  return g.columns;
}

/** Any graph: scopes at random, some of them also ops, control edges, a few loops. */
export function anyGraph(seed: number, size: number): Columns {
  const g = new Maker();
  const next = random(seed);
  const pick = (n: number) => Math.floor(next() * n);
  const scopes = [""];
  const names: string[] = [];
  const parts: Part[] = ["forward", "forward", "gradient", "optimizer", "state", "constant"];
  for (let i = 0; i < size; i++) {
    const home = scopes[pick(scopes.length)]!;
    if (next() < 0.2) scopes.push(`${home}s${i}/`);
    let name = `${scopes[pick(scopes.length)]!}n_${i}`;
    if (next() < 0.15 && i) {
      const up = scopes[pick(scopes.length)]!.slice(0, -1); // an op that is also a scope
      if (up && !names.includes(up)) name = up;
    }
    const inputs: string[] = [];
    for (let k = pick(4); k > 0 && i; k--) inputs.push((next() < 0.15 ? "^" : "") + names[next() < 0.7 ? Math.max(0, i - 1 - pick(6)) : pick(i)]!);
    names.push(g.add(name, ["Add", "Mul", "Const", "MatMul"][pick(4)]!, inputs, parts[pick(parts.length)]!));
  }
  for (let k = pick(3); k > 0 && size > 3; k--) {
    const to = pick(size - 1);
    g.join(names[to + 1 + pick(size - to - 1)]!, names[to]!, 0);
  }
  return g.columns;
}
