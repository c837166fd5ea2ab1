import type { Board } from "@multifleet/core";
import { readRow, writeRow, type Entry } from "@multifleet/roster";
import type { NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Log } from "../log.js";

export interface TableHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly stream: Uint8Array;
  /** How an entry stands to what is known of its node. */
  compare(entry: Entry): "NEWER" | "SAME" | "OLDER";
  /** A newer row that its node has signed. */
  read(entry: Entry): void;
  /** This node's row is not there as it was written. */
  lost(): void;
}

/** How long a row may take to be stored, in milliseconds. */
const patience = 5_000;

/** The board that this node reads and writes. Whatever is on it, only what a member has signed for its own row gets through. */
export class Table {
  readonly #host: TableHost;
  readonly #end = new AbortController();
  #board: Board | undefined;
  #unwatch = () => {};
  #written: Uint8Array | undefined;
  /** Why the row was not stored the last time; empty where it was. */
  #trouble = "";

  constructor(host: TableHost) {
    this.#host = host;
  }

  /** Takes another board, or none. */
  use(board: Board | undefined): void {
    if (board === this.#board) return;
    this.#unwatch();
    this.#unwatch = () => {};
    this.#board = board;
    this.#trouble = "";
    if (board !== undefined) this.#unwatch = board.watch((key, value) => this.#told(key, value));
  }

  /** Writes this node's row. What was not stored is counted, and comes again with the next refresh. Never rejects. */
  async write(entry: Entry, within = patience): Promise<void> {
    const { counters, fleet, log, stream } = this.#host;
    const board = this.#board;
    if (board === undefined) return;
    const row = writeRow(entry, { fleet: fleet.fleet, ...fleet.keys, stream });
    this.#written = row;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), within);
    const stop = () => limit.abort();
    this.#end.signal.addEventListener("abort", stop);
    try {
      await board.put(entry.node_id, row, { signal: limit.signal });
      counters.count("roster_rows_written_total");
      this.#trouble = "";
    } catch (thrown) {
      counters.count("roster_row_errors_total");
      const reason = explain(thrown);
      // A server that has no table at all refuses every refresh for the same reason: told once, counted each time.
      if (reason !== this.#trouble) log.warn("roster_row_not_written", { reason });
      this.#trouble = reason;
    } finally {
      clearTimeout(timer);
      this.#end.signal.removeEventListener("abort", stop);
    }
  }

  end(): void {
    this.use(undefined);
    this.#end.abort();
  }

  #told(key: string, value: Uint8Array | undefined): void {
    const { fleet } = this.#host;
    const own = key === fleet.node;
    if (own && value !== undefined && this.#written !== undefined && equal(value, this.#written)) return;
    // What was there once, or another has put there, is not what we say.
    if (own && this.#written !== undefined) this.#host.lost();
    if (value === undefined) return this.#refuse(key, "removed");
    const row = readRow(key, value, fleet, Date.now());
    if (!row.ok) return this.#refuse(key, row.fault.toLowerCase());
    const order = this.#host.compare(row.entry);
    if (order === "NEWER") {
      this.#host.counters.count("roster_rows_read_total");
      this.#host.read(row.entry);
    } else if (order === "OLDER" && !(own && this.#written === undefined)) this.#refuse(key, "older");
  }

  /** The last valid row stays what is known of its node. */
  #refuse(key: string, reason: string): void {
    this.#host.counters.count("roster_rows_refused_total", reason);
    this.#host.log.warn("roster_row_refused", { key: key.slice(0, 64), reason });
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
