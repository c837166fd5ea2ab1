import type { NodeId, PacketId } from "@multifleet/core";
import { Admission, type Keeper } from "./admission.js";
import type { Commits } from "./commits.js";
import type { Counted } from "./counted.js";
import { MailboxError } from "./errors.js";
import { within } from "./keys.js";
import { Lane, type Arriving } from "./lane.js";
import type { Draft, Mailbox, Sent } from "./mailbox.js";
import type { Reader } from "./reader.js";
import { messageRecord, numberRecord } from "./records.js";
import { scan } from "./store/store.js";

/** How much may wait in an outbox: more is refused with `QUOTA`, and nothing is dropped. */
export interface Limits {
  /** Messages that are not settled. Default 100,000. */
  readonly messages: number;
  /** Their sealed bytes. Default 1 GiB. */
  readonly bytes: number;
}

/** Accepting, once for each id, and knowing what is not settled. */
export class Outbox implements Keeper {
  readonly #reader: Reader;
  readonly #commits: Commits;
  readonly #limits: Limits;
  readonly #admission: Admission;
  readonly #lanes = new Map<NodeId, Lane>();
  /** Ids between `accept` and its end, with a promise of that end. */
  readonly #arriving = new Map<PacketId, Promise<void>>();
  #orderings = 0;
  #pending = { messages: 0, bytes: 0 };

  constructor(reader: Reader, commits: Commits, counted: Counted, limits: Limits, stream: Uint8Array) {
    this.#reader = reader;
    this.#commits = commits;
    this.#limits = limits;
    this.#admission = new Admission(reader, commits, counted, stream, this);
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
    const accepted = this.#admission.enter(this.lane(draft.to), draft, seal);
    const ended = accepted.then(
      () => void this.#arriving.delete(draft.id),
      // lint: catch-ok the failure itself goes to the caller, by the promise that is awaited below
      () => void this.#arriving.delete(draft.id),
    );
    this.#arriving.set(draft.id, ended);
    return { code: "accepted", message: await accepted };
  }

  refusal(bytes: number): MailboxError | undefined {
    return this.#pending.bytes + bytes > this.#limits.bytes ? full(`${this.#limits.bytes} bytes`) : undefined;
  }

  kept(message: Sent, size: number): void {
    if (message.kind === "message") this.#pending.messages++;
    this.#pending.bytes += size;
  }

  ordered(): void {
    this.#orderings++;
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
      this.kept(sent, size);
    }
    const { pending: counted } = this.#reader.books();
    if (counted !== this.#pending.messages)
      throw new MailboxError(
        "CORRUPT",
        `the outbox holds ${this.#pending.messages} unsettled messages where its books say ${counted}`,
      );
  }
}

function full(limit: string): MailboxError {
  return new MailboxError("QUOTA", `the outbox holds the ${limit} that it may; nothing was accepted`);
}
