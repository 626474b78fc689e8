// What a view is given: anywidget's model in a notebook, or a stand-in that holds saved state (see main.ts).

export interface Model {
  get(trait: string): unknown;
  set(trait: string, value: unknown): void;
  save_changes(): void;
  on(event: string, listener: (...args: any[]) => void): void;
  off(event: string, listener: (...args: any[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
}

export interface Place {
  model: Model;
  el: HTMLElement;
  signal: AbortSignal;
}

/** The model of a saved page: state that can change here, and no kernel behind it. */
export class SavedModel implements Model {
  private listeners = new Map<string, Set<(...args: any[]) => void>>();
  constructor(private state: Record<string, unknown>) {}

  get(trait: string): unknown {
    return this.state[trait];
  }

  set(trait: string, value: unknown): void {
    this.state[trait] = value;
    for (const listener of [...(this.listeners.get(`change:${trait}`) ?? [])]) listener(this, value);
  }

  save_changes(): void {}

  on(event: string, listener: (...args: any[]) => void): void {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event)!.add(listener);
  }

  off(event: string, listener: (...args: any[]) => void): void {
    this.listeners.get(event)?.delete(listener);
  }

  /** How many listeners are left: a closed view leaves none. */
  get listening(): number {
    return [...this.listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  send(content: unknown): void {
    const id = (content as { id?: number }).id;
    const error = "This picture was saved: there is no kernel behind it. Run its cell again to ask.";
    queueMicrotask(() => {
      for (const listener of [...(this.listeners.get("msg:custom") ?? [])]) listener({ id, error }, []);
    });
  }
}
