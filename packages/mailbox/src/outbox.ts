import type { NodeId, PacketId, Sealed } from "@multifleet/core";
import type { Commits } from "./commits.js";
import type { Counted } from "./counted.js";
import { outboxKeys as keys, within } from "./keys.js";
import { Lane, type Arriving } from "./lane.js";
import { MailboxError } from "./errors.js";
import type { Draft, Mailbox, Sent, Slot } from "./mailbox.js";
import { bytesRecord, messageRecord, numberRecord, placeRecord } from "./records.js";
import type { Reader } from "./reader.js";
import { scan } from "./store/store.js";
import type { Transaction } from "./transaction.js";

/** How much may wait in an outbox: more is refused with `QUOTA`, and nothing is dropped. */
export interface Limits {
  /** Messages that are not settled. Default 100,000. */
  readonly messages: number;
  /** Their sealed bytes. Default 1 GiB. */
  readonly bytes: number;
}

const none = new Uint8Array();

/** Accepting: numbers, seals and keeps messages, and knows which of them are not settled. */
export class Outbox {
  readonly #reader: Reader;
  readonly #commits: Commits;
  readonly #counted: Counted;
  readonly #limits: Limits;
  readonly #stream: Uint8Array;
  readonly #lanes = new Map<NodeId, Lane>();
  /** Ids between `accept` and its end, with a promise of that end. */
  readonly #arriving = new Map<PacketId, Promise<void>>();
  #arrivingBytes = 0;
  #orderings = 0;
  #pending = { messages: 0, bytes: 0 };

  constructor(reader: Reader, commits: Commits, counted: Counted, limits: Limits, stream: Uint8Array) {
    this.#reader = reader;
    this.#commits = commits;
    this.#counted = counted;
    this.#limits = limits;
    this.#stream = stream;
    this.#restore();
  }

  /** How many ordering keys are new since this was last asked. */
  takeOrderings(): number {
    const count = this.#orderings;
    this.#orderings = 0;
    return count;
  }

  base(peer: NodeId): number {
    return this.#lanes.get(peer)?.base ?? 1;
  }

  async accept(draft: Draft, seal: Arriving["seal"]): ReturnType<Mailbox["accept"]> {
    this.#commits.check();
    // Whoever comes second with an id waits for the first one's end, and tries itself if that was a failure.
    let other = this.#arriving.get(draft.id);
    while (other !== undefined) {
      await other;
      other = this.#arriving.get(draft.id);
    }
    const known = this.#reader.message(draft.id);
    if (known !== undefined) {
      const same = Buffer.compare(known.fingerprint, draft.fingerprint) === 0;
      return { code: same ? "same" : "conflict", message: known };
    }
    this.#commits.check();
    const waiting = this.#pending.messages + this.#arriving.size;
    if (draft.kind === "message" && waiting >= this.#limits.messages)
      throw full(`${this.#limits.messages} messages`);
    const accepted = new Promise<Sent>((resolve, reject) =>
      this.#enter({ draft, seal, slot: this.#foresee(draft), sealed: undefined, resolve, reject }),
    );
    const ended = accepted.then(
      () => void this.#arriving.delete(draft.id),
      // lint: catch-ok the failure itself goes to the caller, by the promise that is awaited below
      () => void this.#arriving.delete(draft.id),
    );
    this.#arriving.set(draft.id, ended);
    return { code: "accepted", message: await accepted };
  }

  /** A message has been settled, durably. */
  settled(message: Sent, size: number): void {
    this.lane(message.to).settle(message.seq);
    if (message.kind === "message") this.#pending.messages--;
    this.#pending.bytes -= size;
  }

  lane(peer: NodeId): Lane {
    let lane = this.#lanes.get(peer);
    if (lane === undefined) this.#lanes.set(peer, (lane = new Lane(peer, 0)));
    return lane;
  }

  #restore(): void {
    const lanes = within("q/");
    for (const { key, value } of scan(this.#reader.store, lanes.from, lanes.to)) {
      const peer = key.slice(2) as NodeId;
      this.#lanes.set(peer, new Lane(peer, numberRecord.decode(key, value)));
    }
    const pending = within("p/");
    for (const { key, value } of scan(this.#reader.store, pending.from, pending.to)) {
      const { sent, size } = messageRecord.decode(key, value);
      this.lane(sent.to).add(sent.seq);
      if (sent.kind === "message") this.#pending.messages++;
      this.#pending.bytes += size;
    }
    const { pending: counted } = this.#reader.books();
    if (counted !== this.#pending.messages)
      throw new MailboxError(
        "CORRUPT",
        `the outbox holds ${this.#pending.messages} unsettled messages where its books say ${counted}`,
      );
  }

  #foresee({ to, key }: Draft): Slot {
    const lane = this.lane(to);
    const seq = lane.next;
    const prev = key === "" ? 0 : lane.before(key, this.#reader.number(keys.ordering(to, key)));
    lane.foresee(key, seq);
    return { stream: this.#stream, seq, base: lane.base, prev };
  }

  #enter(arriving: Arriving): void {
    const lane = this.lane(arriving.draft.to);
    lane.line.push(arriving);
    this.#seal(lane, arriving);
  }

  #seal(lane: Lane, arriving: Arriving): void {
    try {
      const sealed = arriving.seal(arriving.slot);
      if (!(sealed instanceof Promise)) return this.#sealed(lane, arriving, sealed);
      sealed.then(
        (later) => this.#sealed(lane, arriving, later),
        (error: unknown) => this.#drop(lane, arriving, error),
      );
    } catch (error) {
      this.#drop(lane, arriving, error);
    }
  }

  #sealed(lane: Lane, arriving: Arriving, sealed: Sealed): void {
    const bytes = this.#pending.bytes + this.#arrivingBytes + sealed.bytes.length;
    if (bytes > this.#limits.bytes) return this.#drop(lane, arriving, full(`${this.#limits.bytes} bytes`));
    arriving.sealed = sealed;
    this.#arrivingBytes += sealed.bytes.length;
    this.#askFor(lane);
  }

  #drop(lane: Lane, arriving: Arriving, error: unknown): void {
    const index = lane.line.indexOf(arriving);
    lane.line.splice(index, 1);
    if (index < lane.asked) lane.asked--;
    this.#unseal(arriving);
    lane.surprise();
    arriving.reject(error);
    this.#askFor(lane);
  }

  #unseal(arriving: Arriving): void {
    this.#arrivingBytes -= arriving.sealed?.bytes.length ?? 0;
    arriving.sealed = undefined;
  }

  /** Asks for the commit of all at the head of the line that are sealed. */
  #askFor(lane: Lane): void {
    for (let next = lane.line[lane.asked]; next?.sealed !== undefined; next = lane.line[lane.asked]) {
      lane.asked++;
      void this.#commit(lane, next);
    }
  }

  /** Never rejects: how it ends is told by the arriving message's own promise. */
  async #commit(lane: Lane, arriving: Arriving): Promise<void> {
    let planned = false;
    let message: Sent | undefined;
    try {
      message = await this.#commits.request((tx) => {
        const admitted = this.#admit(tx, lane, arriving);
        planned = true;
        return admitted;
      });
    } catch (error) {
      return planned ? this.#fail(lane, arriving, error) : this.#drop(lane, arriving, error);
    }
    // Not its turn: it is asked for again when the one before it is sealed.
    if (message === undefined) return;
    this.#leave(lane, arriving);
    arriving.resolve(message);
  }

  #fail(lane: Lane, arriving: Arriving, error: unknown): void {
    // What was not its turn had no part in the commit that failed.
    if (lane.line.includes(arriving)) return;
    this.#leave(lane, arriving);
    lane.surprise();
    arriving.reject(error);
  }

  #leave(lane: Lane, arriving: Arriving): void {
    lane.committing--;
    this.#unseal(arriving);
  }

  /** Plans the head of the line, if it is sealed for the place that it really gets, and seals it for that place if it is not. */
  #admit(tx: Transaction, lane: Lane, arriving: Arriving): Sent | undefined {
    if (lane.line[0] !== arriving || arriving.sealed === undefined) return undefined;
    const slot = this.#slot(tx, lane, arriving);
    if (slot !== arriving.slot) {
      this.#unseal(arriving);
      arriving.slot = slot;
      lane.foresee(arriving.draft.key, slot.seq);
      this.#seal(lane, arriving);
      if (lane.line[0] !== arriving) return undefined;
      if (arriving.sealed === undefined) {
        lane.asked = 0;
        return undefined;
      }
    }
    const message = this.#plan(tx, lane, arriving, arriving.sealed);
    lane.line.shift();
    lane.asked--;
    lane.committing++;
    return message;
  }

  /** The place that a message really gets: the one foreseen, unless something before it failed. */
  #slot(tx: Transaction, lane: Lane, { draft: { to, key }, slot }: Arriving): Slot {
    const seq = tx.value(lane.last) + 1;
    const last = key === "" ? 0 : this.#reader.number(keys.ordering(to, key), tx);
    const prev = last < lane.base ? 0 : last;
    if (slot.seq === seq && (slot.prev === prev || slot.prev === last)) return slot;
    return { stream: this.#stream, seq, base: lane.base, prev };
  }

  #plan(tx: Transaction, lane: Lane, { draft, slot }: Arriving, sealed: Sealed): Sent {
    const place = this.#counted.count(tx, "place");
    const notice = draft.kind === "notice";
    if (!notice) this.#counted.count(tx, "accepted");
    const message = sentOf(draft, slot.seq, sealed.digest);
    const size = sealed.bytes.length;
    const put = <Value>(key: string, codec: { encode(key: string, value: Value): Buffer }, value: Value) =>
      tx.put(key, codec.encode(key, value));
    put(keys.pending(notice ? "notice" : "accepted", place), messageRecord, {
      sent: message,
      size,
      ending: 0,
    });
    put(keys.sealed(place), bytesRecord, sealed.bytes);
    put(keys.id(draft.id), placeRecord, { place, notice });
    put(keys.lane(draft.to), numberRecord, slot.seq);
    if (draft.key !== "") {
      const ordering = keys.ordering(draft.to, draft.key);
      if (tx.get(ordering) === undefined) tx.after(() => this.#orderings++);
      put(ordering, numberRecord, slot.seq);
    }
    tx.set(lane.last, slot.seq);
    tx.after(() => {
      lane.add(slot.seq);
      lane.confirm(draft.key, slot.seq);
      if (!notice) this.#pending.messages++;
      this.#pending.bytes += size;
    });
    return message;
  }
}

/** Field by field: spreading is several times slower, and this is done for every message. */
function sentOf(draft: Draft, seq: number, digest: Uint8Array): Sent {
  return {
    id: draft.id,
    kind: draft.kind,
    to: draft.to,
    type: draft.type,
    session: draft.session,
    toSession: draft.toSession,
    replyTo: draft.replyTo,
    key: draft.key,
    subject: draft.subject,
    via: draft.via,
    created: draft.created,
    expires: draft.expires,
    fingerprint: draft.fingerprint,
    seq,
    digest,
    state: "accepted",
    reason: "",
    attempts: [],
    settledAt: 0,
    surfacedAt: 0,
    receipt: none,
  };
}

function full(limit: string): MailboxError {
  return new MailboxError("QUOTA", `the outbox holds the ${limit} that it may; nothing was accepted`);
}
