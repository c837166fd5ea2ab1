import type { Changes, Entry, Range, StoreReader } from "./store/store.js";

const nothing = Symbol("nothing");

/** A value in memory that mirrors a durable one: it changes when the commit that changes the durable one has been flushed. */
export class Cell<Value> {
  current: Value;

  constructor(value: Value) {
    this.current = value;
  }
}

/**
 * The changes of one commit while they are planned: what was planned before is seen by what is planned after it, and by nobody else until
 * all of it is durable. Plans read first and decide, and are undone as a whole when they throw.
 */
export class Transaction {
  readonly #store: StoreReader;
  /** By the table's letter, so that a range need not look through the others. */
  readonly #tables = new Map<string, Map<string, Buffer | undefined>>();
  readonly #cells = new Map<Cell<unknown>, unknown>();
  /** What to put back, three at a time: a map, a key, and what it held before or `nothing`. */
  readonly #undo: unknown[] = [];
  readonly #after: (() => void)[] = [];
  #bytes = 0;

  constructor(store: StoreReader) {
    this.#store = store;
  }

  get(key: string): Buffer | undefined {
    const table = this.#tables.get(key.charAt(0));
    return table?.has(key) === true ? table.get(key) : this.#store.get(key);
  }

  range(range: Range): Entry[] {
    const { from, to, reverse = false, limit } = range;
    const planned = [...(this.#tables.get(from.charAt(0)) ?? [])].filter(([key]) => key >= from && key < to);
    if (planned.length === 0) return this.#store.range(range);
    const entries = new Map<string, Buffer | undefined>();
    // Planned removals may hide as many as there are.
    for (const { key, value } of this.#store.range({ ...range, limit: limit + planned.length }))
      entries.set(key, value);
    for (const [key, value] of planned) entries.set(key, value);
    return [...entries]
      .flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]))
      .toSorted((a, b) => (a.key < b.key === reverse ? 1 : -1))
      .slice(0, limit);
  }

  /** The keys alone of a range. */
  keys(range: Range): string[] {
    return this.range(range).map(({ key }) => key);
  }

  put(key: string, value: Buffer): void {
    this.#change(key, value);
  }

  delete(key: string): void {
    this.#change(key, undefined);
  }

  #change(key: string, value: Buffer | undefined): void {
    const letter = key.charAt(0);
    let table = this.#tables.get(letter);
    if (table === undefined) this.#tables.set(letter, (table = new Map<string, Buffer | undefined>()));
    this.#write(table, key, value);
    this.#bytes += value?.length ?? 0;
  }

  value<Value>(cell: Cell<Value>): Value {
    const value = this.#cells.get(cell) as Value | undefined;
    return value ?? cell.current;
  }

  set<Value>(cell: Cell<Value>, value: NonNullable<Value>): void {
    this.#write(this.#cells, cell, value);
  }

  #write<Key>(map: Map<Key, unknown>, key: Key, value: unknown): void {
    this.#undo.push(map, key, map.has(key) ? map.get(key) : nothing);
    map.set(key, value);
  }

  /** Has `action` run once everything is durable. */
  after(action: () => void): void {
    this.#after.push(action);
  }

  /** Runs a plan; when it throws, the transaction is as it was before. */
  attempt<Value>(plan: (tx: Transaction) => Value): Value {
    const [changes, actions] = [this.#undo.length, this.#after.length];
    try {
      return plan(this);
    } catch (error) {
      while (this.#undo.length > changes) {
        const [before, key, map] = [
          this.#undo.pop(),
          this.#undo.pop(),
          this.#undo.pop() as Map<unknown, unknown>,
        ];
        if (before === nothing) map.delete(key);
        else map.set(key, before);
      }
      this.#after.length = actions;
      throw error;
    }
  }

  /** Whether it changes nothing, neither in the store nor in memory. */
  get empty(): boolean {
    return this.#undo.length === 0;
  }

  /** Whether it is as large as one commit should be. */
  get full(): boolean {
    return this.#bytes > 16 * 1024 * 1024 || this.#undo.length > 30_000;
  }

  changes(): Changes {
    return this.#tables.values();
  }

  /** To be called when it is durable. */
  apply(): void {
    for (const [cell, value] of this.#cells) cell.current = value;
    for (const action of this.#after) action();
  }
}
