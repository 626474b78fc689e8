import assert from "node:assert/strict";
import { test } from "node:test";
import { arrangeNow } from "./compose.ts";
import { fromColumns, type Graph } from "./columns.ts";
import { planOf } from "./plan.ts";
import { forward, train } from "./samples.ts";
import type { ViewState } from "./types.ts";
import { answering, Office } from "./worker.ts";

const closed: ViewState = { root: "", open: [], horizontal: false, hubs: "aside", series: true, control: true, hidden: [] };
const open = (graph: Graph): ViewState => {
  const plan = planOf(graph, closed);
  return { ...closed, open: [...plan.order].filter(t => t && plan.node[t]! < 0).map(t => plan.id(t)) };
};

/** Workers that answer in a later turn, as real ones do; what passes is copied. */
class Desk {
  hired = 0;
  ended = 0;
  asked: { columns: unknown }[] = [];
  hold = false;
  waiting: (() => void)[] = [];
  hire = () => {
    this.hired++;
    const answer = answering();
    const port = {
      onmessage: null as ((event: MessageEvent) => void) | null, onerror: null as ((event: ErrorEvent) => void) | null,
      terminate: () => { this.ended++; port.onmessage = null; },
      postMessage: (question: any) => {
        this.asked.push(question);
        const reply = () => port.onmessage?.({ data: structuredClone(answer(structuredClone(question))) } as MessageEvent);
        if (this.hold) this.waiting.push(reply);
        else setImmediate(reply);
      },
    };
    return port;
  };
}

const later = () => new Promise(done => setImmediate(() => setImmediate(done)));

test("few boxes are laid out here, many by the worker; the scenes are the same", async () => {
  const desk = new Desk(), office = new Office(desk.hire);
  const graph = fromColumns(train(800)), end = new AbortController();
  assert.deepEqual(await office.arrange(graph, closed, end.signal), arrangeNow(graph, closed));
  assert.equal(desk.hired, 0);
  assert.deepEqual(await office.arrange(graph, open(graph), end.signal), arrangeNow(graph, open(graph)));
  await office.arrange(graph, { ...open(graph), horizontal: true }, end.signal);
  assert.equal(desk.hired, 1);
  assert.deepEqual(desk.asked.map(question => question.columns !== null), [true, false], "the graph travels once");
  end.abort();
  await later();
  assert.equal(desk.ended, 1);
  assert.equal(office.working, false);
});

test("views share the worker; it ends with the last of them", async () => {
  const desk = new Desk(), office = new Office(desk.hire);
  const a = new AbortController(), b = new AbortController(), one = fromColumns(train(800)), two = fromColumns(forward(900));
  await Promise.all([office.arrange(one, open(one), a.signal), office.arrange(two, open(two), b.signal)]);
  assert.equal(desk.hired, 1);
  a.abort();
  await later();
  assert.ok(office.working);
  b.abort();
  await later();
  assert.ok(!office.working);
});

test("jobs that nobody wants are dropped before they begin, and one after another goes on", async () => {
  const desk = new Desk(), office = new Office(desk.hire);
  const graph = fromColumns(train(800)), state = open(graph);
  desk.hold = true;
  const controllers = Array.from({ length: 5 }, () => new AbortController());
  const jobs = controllers.map(end => office.arrange(graph, state, end.signal).then(() => "done", why => (why as Error).name));
  controllers.slice(0, 4).forEach(end => end.abort());
  await later();
  assert.ok(office.working, "the fifth still waits");
  desk.hold = false;
  desk.waiting.forEach(reply => reply());
  assert.deepEqual(await Promise.all(jobs), ["AbortError", "AbortError", "AbortError", "AbortError", "done"]);
  assert.equal(desk.asked.length, 2);
  // Whoever aborts and asks again at once keeps the worker.
  controllers[4]!.abort();
  const again = office.arrange(graph, state, new AbortController().signal);
  await again;
  assert.equal(desk.hired, 1);
});

test("where a page refuses workers the work is done here", async () => {
  const graph = fromColumns(train(800)), state = open(graph);
  const wanted = arrangeNow(graph, state);
  assert.deepEqual(await new Office(() => null).arrange(graph, state), wanted);
  assert.deepEqual(await new Office(() => { throw new Error("refused"); }).arrange(graph, state), wanted);
  const late = new Office(() => {
    const port = {
      onmessage: null, onerror: null as ((event: ErrorEvent) => void) | null, terminate: () => undefined,
      postMessage: () => { setImmediate(() => port.onerror?.({ preventDefault: () => undefined } as ErrorEvent)); },
    };
    return port;
  });
  const both = await Promise.all([late.arrange(graph, state), late.arrange(graph, state)]);
  assert.deepEqual(both, [wanted, wanted]);
  assert.ok(!late.working);
});

test("what goes wrong is told", () => {
  const answer = answering();
  assert.match(answer({ graph: 1, columns: {} as never, state: closed }).error!, /is missing/);
});
