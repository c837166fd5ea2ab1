import { statSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { MailboxError } from "../errors.js";
import { failure } from "./failure.js";
import type { Changes, Entry, Exclusive, Range, Store, StoreReader } from "./store.js";

type Database = RootDatabase<Buffer, string>;

/** The data file's name inside a store's directory, and that of the table of its users beside it. */
export const dataFile = "data.mdb";
export const lockFile = "lock.mdb";

/** Opens the store in `directory` for its writer. @throws MailboxError `FAILED`, `FULL`, `CORRUPT`. */
export function openStore(directory: string): Store {
  return new LmdbStore(directory, false);
}

/** Opens the store in `directory` for reading beside its writer. @throws MailboxError `FAILED`, `CORRUPT`. */
export function openStoreReader(directory: string): StoreReader {
  return new LmdbStore(directory, true);
}

/** Keys are their UTF-8: its order is that of the texts' code points. */
const keyEncoder = {
  writeKey(key: string, target: Buffer, start: number): number {
    // LMDB makes room when it is told that there is none.
    const end = start + Buffer.byteLength(key);
    if (end > target.length) throw new RangeError("no room for the key");
    target.write(key, start);
    return end;
  },
  readKey: (source: Buffer, start: number, end: number): string => source.toString("utf8", start, end),
};

class LmdbStore implements Store {
  readonly #directory: string;
  readonly #readOnly: boolean;
  #db: Database | undefined;
  #state: "open" | "mending" | "closed" = "open";

  constructor(directory: string, readOnly: boolean) {
    this.#directory = directory;
    this.#readOnly = readOnly;
    this.#db = this.#open();
  }

  get(key: string): Buffer | undefined {
    return this.#guard((db) => db.getBinary(key));
  }

  range(range: Range): Entry[] {
    return this.#guard((db) => [...db.getRange(bounds(range))]);
  }

  keys(range: Range): string[] {
    return this.#guard((db) => [...db.getKeys(bounds(range))]);
  }

  get bytes(): number {
    return statSync(join(this.#directory, dataFile), { throwIfNoEntry: false })?.size ?? 0;
  }

  async commit(changes: Changes): Promise<void> {
    let size = 0;
    const db = this.#current();
    const written = db.batch(() => {
      for (const map of changes)
        for (const [key, value] of map) {
          size += key.length + (value?.length ?? 0);
          // Each also returns the promise of the whole batch.
          if (value === undefined) void db.remove(key);
          else void db.put(key, value);
        }
    });
    try {
      await written;
    } catch (error) {
      const cause = await commitError(error);
      await this.#mend();
      throw failure(cause, this.#directory, size);
    }
  }

  exclusively<Value>(action: (inside: Exclusive) => Value): Value {
    return this.#guard((db) =>
      db.transactionSync(() =>
        action({
          get: (key) => db.getBinary(key),
          put: (key, value) => db.putSync(key, value),
          delete: (key) => void db.removeSync(key),
        }),
      ),
    );
  }

  async close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    this.#state = "closed";
    await db?.close();
  }

  #open(): Database {
    try {
      return open<Buffer, string>({
        path: this.#directory,
        noSubdir: false,
        encoding: "binary",
        keyEncoder,
        readOnly: this.#readOnly,
        // A commit is then one transaction of ours, and a failed one is an error of its promise alone.
        eventTurnBatching: false,
        // Visible is durable: with overlapping flushes a commit could be read, and then fail.
        overlappingSync: false,
      });
    } catch (error) {
      throw failure(error, this.#directory, 0);
    }
  }

  #current(): Database {
    if (this.#state === "closed")
      throw new MailboxError("CLOSED", `the store in ${this.#directory} is closed`);
    if (this.#state === "mending")
      throw new MailboxError("FAILED", `the store in ${this.#directory} is being opened again`);
    return (this.#db ??= this.#open());
  }

  #guard<Value>(action: (db: Database) => Value): Value {
    try {
      return action(this.#current());
    } catch (error) {
      throw error instanceof MailboxError ? error : failure(error, this.#directory, 0);
    }
  }

  /** After a failed write of its root LMDB refuses everything until it is opened anew. */
  async #mend(): Promise<void> {
    if (this.#answers()) return;
    const broken = this.#db;
    this.#db = undefined;
    this.#state = "mending";
    await broken?.close();
    this.#state = "open";
  }

  #answers(): boolean {
    try {
      this.#db?.transactionSync(() => undefined);
      return true;
    } catch {
      return false;
    }
  }
}

function bounds({ from, to, reverse = false, limit }: Range) {
  return reverse
    ? { start: to, end: from, reverse, exclusiveStart: true, inclusiveEnd: true, limit }
    : { start: from, end: to, limit };
}

/** What LMDB said: it rejects with a general error that carries a promise of the particular one. */
async function commitError(error: unknown): Promise<unknown> {
  const detail = (error as { readonly commitError?: Promise<never> }).commitError;
  try {
    return (await detail) ?? error;
  } catch (cause) {
    return cause;
  }
}
