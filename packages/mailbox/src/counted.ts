import { meta } from "./keys.js";
import { countersRecord, noCounters, type Counters } from "./records.js";
import type { StoreReader } from "./store/store.js";
import { Cell, type Transaction } from "./transaction.js";

/** The store's counters: read at its start, written with every commit that moves one. */
export class Counted {
  readonly #cells: ReadonlyMap<keyof Counters, Cell<number>>;

  constructor(store: StoreReader) {
    const counters = Object.entries(readCounters(store)) as [keyof Counters, number][];
    this.#cells = new Map(counters.map(([name, value]) => [name, new Cell(value)]));
  }

  /** What is durable. */
  current(name: keyof Counters): number {
    return this.#cell(name).current;
  }

  /** Adds `by` to a counter, and gives what it is then. */
  count(tx: Transaction, name: keyof Counters, by = 1): number {
    const cell = this.#cell(name);
    const value = tx.value(cell) + by;
    tx.set(cell, value);
    return value;
  }

  /** Writes what was counted; to be planned last. */
  write(tx: Transaction): void {
    const cells = [...this.#cells];
    if (cells.every(([, cell]) => tx.value(cell) === cell.current)) return;
    const counters = Object.fromEntries(cells.map(([name, cell]) => [name, tx.value(cell)]));
    tx.put(meta.counters, countersRecord.encode(meta.counters, counters as unknown as Counters));
  }

  #cell(name: keyof Counters): Cell<number> {
    const cell = this.#cells.get(name);
    if (cell === undefined) throw new TypeError(`no counter is named ${name}`);
    return cell;
  }
}

export function readCounters(store: StoreReader): Counters {
  const stored = store.get(meta.counters);
  return stored === undefined ? noCounters : countersRecord.decode(meta.counters, stored);
}
