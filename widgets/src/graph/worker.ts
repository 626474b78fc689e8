// Layout of large scenes in a worker, so that the page stays awake.
//
// The worker runs this same bundle: its module's address is a Blob's (see runtime.py), so no second copy of the code
// travels. All views of a page share one worker. It works on one job at a time; jobs that nobody wants any more are dropped
// before they begin. It ends when the signals of all who asked have fired. Where a page refuses workers, and for scenes of
// few boxes, the work is done at once. (Chromium refuses them to a page that was opened from a file.)

import { arrangeNow, seen } from "./compose.ts";
import { fromColumns, type Graph } from "./columns.ts";
import type { Columns, Scene, ViewState } from "./types.ts";

const MANY = 500; // boxes that take less than about 0.1 s
const KEPT = 4; // graphs that the worker remembers

interface Question {
  graph: number;
  columns: Columns | null; // where the worker does not have the graph yet
  state: ViewState;
}

interface Answer {
  scene?: Scene;
  error?: string;
}

interface Job {
  graph: Graph;
  state: ViewState;
  signal: AbortSignal | undefined;
  resolve: (scene: Scene) => void;
  reject: (why: unknown) => void;
}

type Port = Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">;

/** The scene; rejects with the signal's reason if it is no longer wanted. */
export function arrange(graph: Graph, state: ViewState, signal?: AbortSignal): Promise<Scene> {
  return signal?.aborted ? Promise.reject(signal.reason) : office.arrange(graph, state, signal);
}

/** Who has asked, and what the worker does for them. */
export class Office {
  private worker: Port | null = null;
  private refused = false;
  private users = new Set<AbortSignal>();
  private queue: Job[] = [];
  private current: Job | null = null;
  private known: number[] = []; // graphs that the worker has, the one used last at the end
  private numbers = new WeakMap<Graph, number>();
  private next = 1;
  private hire: () => Port | null;

  constructor(hire: () => Port | null) {
    this.hire = hire;
  }

  get working(): boolean {
    return this.worker !== null;
  }

  async arrange(graph: Graph, state: ViewState, signal?: AbortSignal): Promise<Scene> {
    if (this.refused || seen(graph, state) <= MANY) return arrangeNow(graph, state);
    if (signal && !this.users.has(signal)) {
      this.users.add(signal);
      signal.addEventListener("abort", () => {
        this.users.delete(signal);
        queueMicrotask(() => this.rest()); // who aborts one job may be about to ask for the next
      }, { once: true });
    }
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.queue.push({ graph, state, signal, resolve, reject });
      this.work();
    });
  }

  private work(): void {
    if (this.current) return;
    this.queue = this.queue.filter(job => !job.signal?.aborted);
    const job = this.queue.shift();
    if (!job) return this.rest();
    this.current = job;
    const worker = this.refused ? null : this.begin();
    if (!worker) return this.finish(here(job));
    let graph = this.numbers.get(job.graph);
    if (!graph) this.numbers.set(job.graph, (graph = this.next++));
    const had = this.known.includes(graph);
    this.known = [...this.known.filter(other => other !== graph), graph].slice(-KEPT);
    worker.postMessage({ graph, columns: had ? null : job.graph.columns, state: job.state } satisfies Question);
  }

  private begin(): Port | null {
    if (this.worker) return this.worker;
    try {
      this.worker = this.hire();
    } catch {
      this.worker = null;
    }
    if (!this.worker) {
      this.refused = true;
      return null;
    }
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.finish(data);
    this.worker.onerror = event => {
      event.preventDefault?.();
      this.refused = true; // the page's rules forbid it, or the bundle cannot run there
      this.end();
      if (this.current) this.finish(here(this.current));
    };
    return this.worker;
  }

  private finish(answer: Answer): void {
    const job = this.current;
    this.current = null;
    if (answer.scene) job?.resolve(answer.scene);
    else job?.reject(new Error(answer.error ?? "The layout gave no answer."));
    this.work();
  }

  /** Ends the worker if nobody is left. */
  private rest(): void {
    if (this.users.size || this.queue.some(job => !job.signal?.aborted) || (this.current && !this.current.signal?.aborted)) return;
    this.current = null;
    this.queue = [];
    this.end();
  }

  private end(): void {
    this.worker?.terminate();
    this.worker = null;
    this.known = [];
  }
}

function here(job: Job): Answer {
  try {
    return { scene: arrangeNow(job.graph, job.state) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** The worker's side. */
export function answering(): (question: Question) => Answer {
  const graphs = new Map<number, Graph>();
  return ({ graph, columns, state }) => {
    try {
      const known = columns ? fromColumns(columns) : graphs.get(graph)!;
      graphs.delete(graph);
      graphs.set(graph, known);
      if (graphs.size > KEPT) graphs.delete(graphs.keys().next().value!);
      return { scene: arrangeNow(known, state) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
}

const office = new Office(() => {
  const address = import.meta.url;
  return address.startsWith("blob:") && typeof Worker === "function" ? new Worker(address, { type: "module", name: "labkit layout" }) : null;
});

if (typeof document === "undefined" && typeof self !== "undefined" && "importScripts" in self) {
  const answer = answering();
  self.onmessage = ({ data }) => self.postMessage(answer(data));
}
