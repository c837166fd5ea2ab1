import type { NodeId, PacketId } from "@multifleet/core";
import { bytes, codec, flag, list, number, oneOf, record, text, type Field } from "./codec.js";
import type { Attempt, Item, Owed, Sent } from "./mailbox.js";

/** What the store is. A store with another `format` is not read. */
export const formatRecord = codec(record({ format: number, stream: bytes, made: number }));
export const format = 1;

/** What is counted, over the store's whole life; the first five are of messages, not of notices. */
export interface Counters {
  readonly accepted: number;
  readonly delivered: number;
  readonly expired: number;
  readonly rejected: number;
  readonly cancelled: number;
  /** Items that wait for another one before they are shown. */
  readonly held: number;
  /** The last number given, of each kind. */
  readonly place: number;
  readonly ending: number;
  readonly position: number;
  readonly surfacing: number;
  readonly source: number;
}

export const countersRecord = codec<Counters>(
  record({
    ...{ accepted: number, delivered: number, expired: number, rejected: number, cancelled: number },
    ...{ held: number, place: number, ending: number, position: number, surfacing: number, source: number },
  }),
);

export const noCounters: Counters = {
  ...{ accepted: 0, delivered: 0, expired: 0, rejected: 0, cancelled: 0 },
  ...{ held: 0, place: 0, ending: 0, position: 0, surfacing: 0, source: 0 },
};

const nothing: Field<undefined> = { write: () => undefined, read: () => undefined };
export const numberRecord = codec(number);
export const emptyRecord = codec(nothing);
export const bytesRecord = codec(bytes);
export const textRecord = codec(text());

const words = text();
const attempt: Field<Attempt> = {
  write({ channel, at, ms, outcome, reason }) {
    words.write(channel);
    number.write(at);
    for (const value of [ms, outcome, reason]) flag.write(value !== undefined);
    if (ms !== undefined) number.write(ms);
    if (outcome !== undefined) words.write(outcome);
    if (reason !== undefined) words.write(reason);
  },
  read() {
    const [channel, at] = [words.read(), number.read()];
    const [timed, ended, explained] = [flag.read(), flag.read(), flag.read()];
    return {
      channel,
      at,
      ...(timed && { ms: number.read() }),
      ...(ended && { outcome: words.read() }),
      ...(explained && { reason: words.read() }),
    };
  },
};

const kind = oneOf("message", "notice");
const id = text<PacketId>();
const node = text<NodeId>();
const reference = text<PacketId | "">();

const sent: Field<Sent> = record({
  ...{ id, kind, to: node, type: text(), session: text(), toSession: text(), replyTo: reference },
  ...{ key: text(), subject: text(), via: text(), created: number, expires: number, fingerprint: bytes },
  ...{ seq: number, digest: bytes },
  state: oneOf("accepted", "sent", "delivered", "expired", "rejected", "cancelled"),
  ...{ reason: text(), attempts: list(attempt), settledAt: number, surfacedAt: number, receipt: bytes },
});

/** Where an id is. */
export const placeRecord = codec(record({ place: number, notice: flag }));

/** A message, the size of its sealed bytes, and its number among the settled ones, 0 before. */
export const messageRecord = codec(record({ sent, size: number, ending: number }));

/** What is known of one sender's stream. */
export interface SourceState {
  readonly number: number;
  /** Everything below is settled at the sender. */
  readonly floor: number;
  /** Items of it that wait, and how many of them could be shown but were too many for one commit. */
  readonly held: number;
  readonly released: number;
}

export const sourceRecord = codec<SourceState>(
  record({ number, floor: number, held: number, released: number }),
);

/** What became of a packet. `held`: its turn has not come. */
export const entryRecord = codec(
  record({ digest: bytes, outcome: oneOf("delivered", "rejected"), reason: text(), held: flag }),
);

const content: Field<Omit<Item, "surfacedAt" | "position">> = record({
  ...{ id, from: node, type: text(), session: text(), toSession: text(), replyTo: reference, key: text() },
  ...{ subject: text(), body: text(), created: number, expires: number, idempotent: flag },
  ...{ channel: text(), receivedAt: number },
});

/** An item's content: when it is surfaced is written beside it, so that a large one is written once. */
export const itemRecord = codec(content);
export type Content = ReturnType<typeof itemRecord.decode>;

/** A packet whose turn has not come. `shown`: whether there is an item to show then, and not only a way to free. */
export const waitingRecord = codec(record({ shown: flag, content }));

export const surfacingRecord = codec(record({ position: number, at: number }));

/** A receipt that is owed, and the stream whose floor ends the debt. */
const owed: Field<Owed> = record({
  ...{ id, to: node, digest: bytes, outcome: oneOf("delivered", "rejected", "reached"), reason: text() },
});
export const owedRecord = codec(record({ owed, stream: bytes, seq: number }));
