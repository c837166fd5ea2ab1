import type { Sealed } from "@multifleet/core";
import type { Commits } from "./commits.js";
import type { Counted } from "./counted.js";
import { outboxKeys as keys } from "./keys.js";
import type { Arriving, Lane } from "./lane.js";
import type { Draft, Sent, Slot } from "./mailbox.js";
import type { Reader } from "./reader.js";
import { bytesRecord, messageRecord, numberRecord, placeRecord } from "./records.js";
import type { Transaction } from "./transaction.js";

/** Who decides about room, and is told what was kept. */
export interface Keeper {
  /** Why so many bytes more than are kept may not be, or undefined. */
  refusal(bytes: number): Error | undefined;
  /** A message is durable. */
  kept(message: Sent, size: number): void;
  /** The first message under an ordering key is durable. */
  ordered(): void;
}

const none = new Uint8Array();

/**
 * The way of a message from `accept` into the store. Its place is foreseen and it is sealed for that at once, while an earlier commit may
 * still be under way; when its own commit is planned the place is known. Where something before it failed, it is sealed for the place it
 * really gets: so numbers have no gaps, and no packet names a predecessor that never was.
 */
export class Admission {
  readonly #reader: Reader;
  readonly #commits: Commits;
  readonly #counted: Counted;
  readonly #stream: Uint8Array;
  readonly #keeper: Keeper;
  /** Sealed bytes that are on their way. */
  #bytes = 0;

  constructor(reader: Reader, commits: Commits, counted: Counted, stream: Uint8Array, keeper: Keeper) {
    this.#reader = reader;
    this.#commits = commits;
    this.#counted = counted;
    this.#stream = stream;
    this.#keeper = keeper;
  }

  /** Resolves once the message is durable; rejects with what `seal` threw, or with a MailboxError. */
  enter(lane: Lane, draft: Draft, seal: Arriving["seal"]): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const arriving = { draft, seal, slot: this.#foresee(lane, draft), sealed: undefined, resolve, reject };
      lane.line.push(arriving);
      this.#seal(lane, arriving);
    });
  }

  #foresee(lane: Lane, { to, key }: Draft): Slot {
    const seq = lane.next;
    const prev = key === "" ? 0 : lane.before(key, this.#reader.number(keys.ordering(to, key)));
    lane.foresee(key, seq);
    return { stream: this.#stream, seq, base: lane.base, prev };
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
    const refusal = this.#keeper.refusal(this.#bytes + sealed.bytes.length);
    if (refusal !== undefined) return this.#drop(lane, arriving, refusal);
    arriving.sealed = sealed;
    this.#bytes += sealed.bytes.length;
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
    this.#bytes -= arriving.sealed?.bytes.length ?? 0;
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
      if (tx.get(ordering) === undefined) tx.after(() => this.#keeper.ordered());
      put(ordering, numberRecord, slot.seq);
    }
    tx.set(lane.last, slot.seq);
    tx.after(() => {
      lane.add(slot.seq);
      lane.confirm(draft.key, slot.seq);
      this.#keeper.kept(message, size);
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
