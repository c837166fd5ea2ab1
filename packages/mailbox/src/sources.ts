import type { NodeId } from "@multifleet/core";
import type { Counted } from "./counted.js";
import { inboxKeys as keys } from "./keys.js";
import { bytesRecord, sourceRecord, type SourceState } from "./records.js";
import type { StoreReader } from "./store/store.js";
import { Cell, type Transaction } from "./transaction.js";

/** One sender's stream. */
export interface Source {
  readonly from: NodeId;
  readonly key: string;
}

/** How many marks below a floor one commit clears away. */
const maxSwept = 256;

/** The streams that packets came from: a floor below which everything is settled at the sender, and marks for what came above it. */
export class Sources {
  readonly #store: StoreReader;
  readonly #counted: Counted;
  /** Those that the commit that is being planned deals with, as they are durably. */
  readonly #cells = new Map<string, Cell<SourceState | undefined>>();
  /** Those whose floor moves in it. */
  readonly #moved = new Map<string, Source>();

  constructor(store: StoreReader, counted: Counted) {
    this.#store = store;
    this.#counted = counted;
  }

  source(from: NodeId, stream: Uint8Array): Source {
    return { from, key: keys.source(from, stream) };
  }

  /** What is durably known of a stream, undefined when nothing came of it yet. */
  known({ key }: Pick<Source, "key">): SourceState | undefined {
    const stored = this.#store.get(key);
    return stored === undefined ? undefined : sourceRecord.decode(key, stored);
  }

  /** What is known of a stream by the plans so far; one that is new gets its number. */
  state(tx: Transaction, source: Source): SourceState {
    const cell = this.#cell(source);
    const state = tx.value(cell);
    if (state !== undefined) return state;
    const made = { number: this.#counted.count(tx, "source"), floor: 0, held: 0, released: 0 };
    tx.set(cell, made);
    return made;
  }

  change(tx: Transaction, source: Source, state: SourceState): void {
    tx.set(this.#cell(source), state);
  }

  /** Lifts the floor to `base`; false when it was as high. */
  raise(tx: Transaction, source: Source, base: number): boolean {
    const state = this.state(tx, source);
    if (base <= state.floor) return false;
    this.change(tx, source, { ...state, floor: base });
    this.#moved.set(source.key, source);
    return true;
  }

  /** Plans what follows from the others: the streams' records, and the end of marks below a floor that moved. */
  write(tx: Transaction): void {
    const moved = [...this.#moved.values()].map((source) => ({ source, state: this.state(tx, source) }));
    const cells = [...this.#cells];
    this.#moved.clear();
    this.#cells.clear();
    for (const { source, state } of moved) this.#sweep(tx, source, state);
    for (const [key, cell] of cells) {
      const state = tx.value(cell);
      if (state !== undefined && state !== cell.current) tx.put(key, sourceRecord.encode(key, state));
    }
  }

  /** Clears marks away that the floor has passed, in the commit that moved it; what is too many goes with later ones. */
  #sweep(tx: Transaction, source: Source, { number, floor }: SourceState): void {
    const below = (key: typeof keys.entry) => ({
      from: key(number, 0),
      to: key(number, floor),
      limit: maxSwept,
    });
    for (const key of this.#store.keys(below(keys.entry))) tx.delete(key);
    for (const { key, value } of this.#store.range(below(keys.debt))) {
      tx.delete(key);
      tx.delete(keys.owed(source.from, bytesRecord.decode(key, value)));
    }
  }

  #cell({ key }: Source): Cell<SourceState | undefined> {
    let cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, (cell = new Cell(this.known({ key }))));
    return cell;
  }
}
