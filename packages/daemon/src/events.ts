import type { EventSource, NodeEvent } from "./node.js";

/** How many events are kept for those who come back with a `Last-Event-ID`. */
const kept = 4_096;

/**
 * The node's events, the newest few thousand. Their numbers go on rising over restarts, since they begin at the start's time in
 * microseconds: a reader that comes back after one is told that it missed some.
 */
export class EventLog implements EventSource {
  readonly #events: NodeEvent[] = [];
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  #last: number;

  /** @param startedAt Milliseconds since the epoch. */
  constructor(startedAt: number) {
    this.#last = startedAt * 1_000;
  }

  get last(): number {
    return this.#last;
  }

  emit(type: NodeEvent["type"], data: Readonly<Record<string, unknown>>): void {
    const event: NodeEvent = { id: ++this.#last, type, at: new Date().toISOString(), data };
    this.#events.push(event);
    // Cut in steps: a shift for each event would move the whole array each time.
    if (this.#events.length >= 2 * kept) this.#events.splice(0, kept);
    for (const listener of this.#listeners) listener(event);
  }

  since(after: number): readonly NodeEvent[] | undefined {
    const first = this.#events[0]?.id ?? this.#last + 1;
    if (after > this.#last || after < first - 1) return undefined;
    return this.#events.slice(after - first + 1);
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
