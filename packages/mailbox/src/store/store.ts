/** What a commit does, each key being in one of the maps only: a value replaces what the key held, undefined removes it. */
export type Changes = Iterable<ReadonlyMap<string, Buffer | undefined>>;

export interface Entry {
  readonly key: string;
  readonly value: Buffer;
}

/** Keys from `from` up to but without `to`; the last ones first if `reverse`. */
export interface Range {
  readonly from: string;
  readonly to: string;
  readonly reverse?: boolean;
  readonly limit: number;
}

/** What may be done inside {@link Store.exclusively}. */
export interface Exclusive {
  get(key: string): Buffer | undefined;
  put(key: string, value: Buffer): void;
  delete(key: string): void;
}

/** A durable ordered map that other processes may read at the same time. Every failure is a MailboxError. */
export interface StoreReader {
  get(key: string): Buffer | undefined;
  range(range: Range): Entry[];
  /** The keys alone, which is cheaper. */
  keys(range: Range): string[];
  /** The size of its file. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** The same for its one writer. */
export interface Store extends StoreReader {
  /**
   * Makes all changes or none, and resolves once they are flushed to the disk. One at a time.
   * @throws MailboxError `FULL`, `FAILED`: nothing was changed, and the next commit may succeed.
   */
  commit(changes: Changes): Promise<void>;
  /** Runs `action` while no other process can, and flushes what it wrote; for the few writes that decide who the writer is. */
  exclusively<Value>(action: (inside: Exclusive) => Value): Value;
}

/** All that a store reads in a range, in pieces, so that no reader holds on to an old snapshot for long. */
export function* scan(store: Pick<StoreReader, "range">, from: string, to: string): Generator<Entry> {
  let next: string | undefined = from;
  while (next !== undefined) {
    const entries: Entry[] = store.range({ from: next, to, limit: 256 });
    yield* entries;
    // The smallest key behind the last one is that key with a zero byte.
    next = entries.length < 256 ? undefined : `${entries.at(-1)?.key}\0`;
  }
}
