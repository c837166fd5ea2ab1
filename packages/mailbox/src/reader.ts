import type { NodeId, PacketId } from "@multifleet/core";
import { readCounters } from "./counted.js";
import {
  drawerKey,
  inboxKeys,
  lastNumber,
  outboxKeys as keys,
  sessionPrefix,
  within,
  type Shelf,
} from "./keys.js";
import { MailboxError } from "./errors.js";
import type { Books, Item, Mailbox, MailboxReader, Owed, Sent } from "./mailbox.js";
import {
  bytesRecord,
  itemRecord,
  messageRecord,
  numberRecord,
  owedRecord,
  placeRecord,
  sourceRecord,
  textRecord,
} from "./records.js";
import { scan, type StoreReader } from "./store/store.js";

const shelfNames: readonly Shelf[] = ["accepted", "sent", "notice"];
const dead = ["expired", "rejected", "cancelled"] as const;

/** Everything that can be read of a mailbox, by its writer or beside it. Nothing is kept in memory. */
export class Reader implements MailboxReader {
  readonly store: StoreReader;

  constructor(store: StoreReader) {
    this.store = store;
  }

  message(id: PacketId): Sent | undefined {
    return this.found(id)?.sent;
  }

  sealed(id: PacketId): Uint8Array | undefined {
    const found = this.found(id);
    if (found === undefined || found.sent.state === "delivered") return undefined;
    const key = keys.sealed(found.place);
    const stored = this.store.get(key);
    if (stored === undefined)
      throw new MailboxError("CORRUPT", `the sealed bytes of message ${id} are missing`);
    return bytesRecord.decode(key, stored);
  }

  *pending(): Generator<Sent> {
    const shelves = shelfNames.map((shelf) => {
      const { from, to } = within(`p/${shelf}/`);
      const entries = scan(this.store, from, to);
      return { entries, next: entries.next() };
    });
    for (;;) {
      // Each shelf is in the order of acceptance: the oldest of their first ones is the oldest of all.
      const [oldest] = shelves
        .filter(({ next }) => next.done !== true)
        .toSorted((a, b) => lastNumber(a.next.value?.key ?? "") - lastNumber(b.next.value?.key ?? ""));
      const entry = oldest?.next.value;
      if (oldest === undefined || entry === undefined) return;
      yield messageRecord.decode(entry.key, entry.value).sent;
      oldest.next = oldest.entries.next();
    }
  }

  messages({ state, limit }: Parameters<Mailbox["messages"]>[0]): Sent[] {
    if (state === undefined) return this.#newest(["p/accepted/", "p/sent/", "h/"], limit);
    if (state === "accepted" || state === "sent") return this.#newest([`p/${state}/`], limit);
    return this.#ended([state], limit);
  }

  deadLetters(limit: number): Sent[] {
    return this.#ended(dead, limit);
  }

  books(): Books {
    const { accepted, delivered, expired, rejected, cancelled } = readCounters(this.store);
    const pending = accepted - delivered - expired - rejected - cancelled;
    return { accepted, delivered, expired, rejected, cancelled, pending };
  }

  inbox({ after = 0, toSession, unsurfaced = false, limit }: Parameters<Mailbox["inbox"]>[0]): Item[] {
    const prefixes =
      toSession === undefined
        ? [unsurfaced ? "u/" : "x/"]
        : [false, true].slice(0, unsurfaced ? 1 : 2).map((surfaced) => sessionPrefix(toSession, surfaced));
    const positions = prefixes.flatMap((prefix) => {
      const { to } = within(prefix);
      const from = prefix + inboxKeys.item(after + 1).slice(2);
      return this.store.keys({ from, to, limit }).map(lastNumber);
    });
    return positions
      .toSorted((a, b) => a - b)
      .slice(0, limit)
      .map((position) => this.itemAt(position))
      .filter((item) => item !== undefined);
  }

  item(id: PacketId, from?: NodeId): Item | undefined {
    const position = this.position(this.store, id, from);
    return position === undefined ? undefined : this.itemAt(position);
  }

  owed(peer?: NodeId, limit = 1_000): Owed[] {
    const { from, to } = within(peer === undefined ? "o/" : `o/${peer}/`);
    const receipts: Owed[] = [];
    for (const { key, value } of scan(this.store, from, to)) {
      if (receipts.length >= limit) break;
      const { owed, stream, seq } = owedRecord.decode(key, value);
      if (seq >= this.#floor(owed.to, stream)) receipts.push(owed);
    }
    return receipts;
  }

  get<Value>(key: string): Value | undefined {
    const stored = this.store.get(drawerKey(key));
    return stored === undefined
      ? undefined
      : (JSON.parse(textRecord.decode(drawerKey(key), stored)) as Value);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  /** A stored number, 0 where there is none. */
  number(key: string, store: Pick<StoreReader, "get"> = this.store): number {
    const stored = store.get(key);
    return stored === undefined ? 0 : numberRecord.decode(key, stored);
  }

  /** A message with its place, wherever it is. */
  found(id: PacketId, store: Pick<StoreReader, "get"> = this.store) {
    const at = store.get(keys.id(id));
    if (at === undefined) return undefined;
    const { place, notice } = placeRecord.decode(keys.id(id), at);
    const shelves: readonly Shelf[] = notice ? ["notice"] : ["sent", "accepted"];
    for (const key of [...shelves.map((shelf) => keys.pending(shelf, place)), keys.settled(notice, place)]) {
      const stored = store.get(key);
      if (stored !== undefined) return { key, place, notice, ...messageRecord.decode(key, stored) };
    }
    throw new MailboxError("CORRUPT", `message ${id} is known but its record is missing`);
  }

  /** Which item an id means: ids are unique at their sender only. The first that is not surfaced, or else the first. */
  position(store: Pick<StoreReader, "get" | "keys">, id: PacketId, from?: NodeId): number | undefined {
    const bounds = within(`j/${id}/`);
    const positions = store
      .keys({ ...bounds, limit: 256 })
      .map(lastNumber)
      .filter((position) => from === undefined || this.content(position, store)?.from === from);
    return (
      positions.find((position) => store.get(inboxKeys.unsurfaced(position)) !== undefined) ?? positions[0]
    );
  }

  itemAt(position: number): Item | undefined {
    const content = this.content(position);
    if (content === undefined) return undefined;
    return { ...content, surfacedAt: this.number(inboxKeys.surfacedAt(position)), position };
  }

  content(position: number, store: Pick<StoreReader, "get"> = this.store) {
    const key = inboxKeys.item(position);
    const stored = store.get(key);
    return stored === undefined ? undefined : itemRecord.decode(key, stored);
  }

  #floor(from: NodeId, stream: Uint8Array): number {
    const key = inboxKeys.source(from, stream);
    const stored = this.store.get(key);
    return stored === undefined ? 0 : sourceRecord.decode(key, stored).floor;
  }

  #newest(prefixes: readonly string[], limit: number): Sent[] {
    return prefixes
      .flatMap((prefix) => this.store.range({ ...within(prefix), reverse: true, limit }))
      .toSorted((a, b) => lastNumber(b.key) - lastNumber(a.key))
      .slice(0, limit)
      .map(({ key, value }) => messageRecord.decode(key, value).sent);
  }

  #ended(states: readonly string[], limit: number): Sent[] {
    return states
      .flatMap((state) => this.store.range({ ...within(`s/${state}/`), reverse: true, limit }))
      .toSorted((a, b) => lastNumber(b.key) - lastNumber(a.key))
      .slice(0, limit)
      .map(({ key, value }) => {
        const settled = keys.settled(false, numberRecord.decode(key, value));
        const stored = this.store.get(settled);
        if (stored === undefined) throw new MailboxError("CORRUPT", `the record of ${key} is missing`);
        return messageRecord.decode(settled, stored).sent;
      });
  }
}
