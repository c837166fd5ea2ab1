import {
  decodeContent,
  decodePacket,
  encodeContent,
  isPacketId,
  newPacketId,
  readReceipt,
  type NodeId,
  type Opened,
  type Packet,
  type PacketId,
} from "@multifleet/core";
import {
  MailboxError,
  type Attempt,
  type Mailbox,
  type MessageState,
  type Sent,
  type Settlement,
} from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import type { EventLog } from "../events.js";
import { explain } from "../failure.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Log } from "../log.js";
import type { MessageView, SendAnswer, SendRequest } from "../node.js";
import { Problem } from "../problem.js";
import { relayName, relayNames } from "../relay/names.js";
import type { Carriage } from "./carriage.js";
import { compose, parseTarget, type Outgoing, type Target } from "./outgoing.js";
import type { noticeTypes } from "./door.js";
import type { Sealing } from "./sealing.js";
import { messageView, shownState } from "./message-view.js";

type Verified = Extract<Opened, { ok: true }>;

/** A receiver's word on a message, as its receipt has it. */
export interface Word {
  readonly message: Sent;
  readonly outcome: "delivered" | "rejected";
  readonly reason: string;
}

/** What the post asks of the rest of the node. */
export interface PostHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly events: EventLog;
  readonly fleet: Fleet;
  readonly mailbox: Mailbox;
  readonly sealing: Sealing;
  readonly carriage: Carriage;
  now(): number;
  /** Encrypts a body to `to` and to this node itself, where the config asks for it; undefined where it does not. */
  encrypt(body: Uint8Array, to: NodeId, id: PacketId): Promise<Uint8Array | undefined>;
  /** The plain body of a packet that this node encrypted. */
  decrypt(packet: Packet): Promise<Uint8Array | undefined>;
}

/** A state as people are told it. */
type Told = MessageState | "surfaced";
type End = Pick<Settlement, "state" | "reason" | "receipt">;

/** How long a receipt may still be under way when its message expires, before we say that it did, in milliseconds. */
const grace = 5_000;
/** How long until a settlement that the store refused is tried again, in milliseconds. */
const settleAgain = 1_000;

/** The sender's side of every message: from the request to the one state in which it ends. */
export class Post {
  readonly #host: PostHost;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Pending messages that a carrier took: what the store says of them follows with its next commit. */
  readonly #sent = new Set<PacketId>();
  /** How many messages and notices wait for each peer. */
  readonly #waiting = new Map<NodeId, number>();
  /** Who waits for a message, by its id. */
  readonly #waiters = new Map<PacketId, Set<(state: Told) => void>>();
  /** Ends that the store refused, in the order they came: nothing is said of them until they are durable. */
  readonly #refused: { readonly message: Sent; readonly end: End; readonly attempts: readonly Attempt[] }[] =
    [];

  constructor(host: PostHost) {
    this.#host = host;
  }

  /** Takes up what the last run left: everything that was accepted and not settled. */
  resume(): void {
    for (const message of this.#host.mailbox.pending()) this.#carry(message);
  }

  /** How many messages and notices wait for `peer`. */
  pendingTo(peer: NodeId): number {
    return this.#waiting.get(peer) ?? 0;
  }

  async send(request: SendRequest): Promise<SendAnswer> {
    try {
      if (request.id !== undefined && !isPacketId(request.id)) {
        throw new Problem(
          "bad_id",
          `id is ${JSON.stringify(request.id)}: use 1 to 64 of A-Z, a-z, 0-9, "_" and "-", beginning with a letter or a digit`,
        );
      }
      if (request.to === "all") return await this.#sendToAll(request);
      const message = await this.#accept(
        compose(request, this.#target(request), request.id, this.#host.now()),
      );
      return answer(message);
    } catch (thrown) {
      const problem = asProblem(thrown);
      this.#host.counters.count("accept_errors_total", problem.code);
      if (thrown instanceof MailboxError)
        this.#host.counters.count("store_errors_total", thrown.code.toLowerCase());
      throw problem;
    }
  }

  view(id: string): MessageView {
    return this.#view(this.#find(id));
  }

  views(messages: readonly Sent[]): readonly MessageView[] {
    return messages.map((message) => this.#view(message));
  }

  /** Resolves once the message is in `state` or has ended, or when `signal` fires. */
  async wait(
    id: string,
    state: "delivered" | "surfaced" | "settled",
    signal: AbortSignal,
  ): Promise<MessageView> {
    const message = this.#find(id);
    if (isOver(message.state, message.surfacedAt > 0, state) || signal.aborted) return this.#view(message);
    const waiters = this.#waiters.get(message.id) ?? new Set();
    this.#waiters.set(message.id, waiters);
    await new Promise<void>((done) => {
      const told = (now: Told) => {
        if (isOver(now, now === "surfaced", state)) end();
      };
      const end = () => {
        waiters.delete(told);
        if (waiters.size === 0) this.#waiters.delete(message.id);
        signal.removeEventListener("abort", end);
        done();
      };
      waiters.add(told);
      signal.addEventListener("abort", end);
    });
    return this.view(id);
  }

  async cancel(id: string): Promise<MessageView> {
    const message = this.#find(id);
    if (message.state !== "accepted" && message.state !== "sent") {
      throw new Problem(
        "already_settled",
        `message ${id} is ${shownState(message)} and cannot be taken back`,
      );
    }
    await this.#settle(message, { state: "cancelled", reason: "cancelled_by_sender" });
    return this.view(id);
  }

  /** Sends a dead letter's content again under a new id. */
  async retry(id: string): Promise<SendAnswer> {
    const { mailbox } = this.#host;
    const message = this.#find(id);
    if (message.state === "accepted" || message.state === "sent")
      throw new Problem("not_settled", `message ${id} is still on its way`);
    if (message.state === "delivered") throw new Problem("already_settled", `message ${id} was delivered`);
    const sealed = mailbox.sealed(message.id);
    const packet = sealed === undefined ? undefined : decodePacket(sealed);
    if (packet === undefined || typeof packet === "string") {
      throw new Problem("not_found", `the text of message ${id} is not kept any more`);
    }
    const body = packet.encrypted ? await this.#host.decrypt(packet) : packet.body;
    const content = body === undefined ? undefined : decodeContent(body);
    if (content === undefined) throw new Problem("not_found", `the text of message ${id} cannot be read`);
    const { type, to, session, toSession, replyTo, key, via } = message;
    return this.send({
      type: type as SendRequest["type"],
      to: toSession === "" ? to : `${to}/${toSession}`,
      payload: content,
      ...{ session, key, idempotent: packet.idempotent },
      ...(replyTo === "" ? {} : { replyTo }),
      ...(via === "" ? {} : { via }),
    });
  }

  /** Makes a notice to another daemon: kept and carried like a message, shown to nobody. */
  async notify(
    to: NodeId,
    type: (typeof noticeTypes)[number],
    body: Uint8Array,
    id: PacketId,
    { via = "", lifetime = 30 * 86_400_000 } = {},
  ): Promise<void> {
    const now = this.#host.now();
    const expires = now + lifetime;
    const texts = { type, session: "", toSession: "", replyTo: "", key: "", subject: "", via } as const;
    let bytes: Uint8Array | undefined;
    const { code, message } = await this.#host.mailbox.accept(
      { id, kind: "notice", to, ...texts, created: now, expires, fingerprint: body.slice(0, 32) },
      (slot) => {
        const sealed = this.#host.sealing.kept({ kind: "notice", to, id, type, body, expires }, slot, now);
        bytes = sealed.bytes;
        return sealed;
      },
    );
    if (code === "accepted") this.#carry(message, bytes);
  }

  /** Asks another daemon for something that is of use only now. True when it did it; taken back when `signal` fires. */
  async ask(
    to: NodeId,
    type: (typeof noticeTypes)[number],
    body: Uint8Array,
    { signal, ...how }: { readonly via: string; readonly lifetime: number; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { mailbox, now } = this.#host;
    const id = newPacketId(now());
    let end: (state: Told) => void = () => undefined;
    const settled = new Promise<Told>((done) => (end = done));
    const told = (state: Told) => {
      if (isOver(state, false, "settled")) end(state);
    };
    const stop = () => end("cancelled");
    this.#waiters.set(id, new Set([told]));
    signal.addEventListener("abort", stop);
    try {
      await this.notify(to, type, body, id, how);
      if (signal.aborted) stop();
      const state = await settled;
      const asked = state === "cancelled" ? mailbox.message(id) : undefined;
      if (asked !== undefined)
        await this.#settle(asked, { state: "cancelled", reason: "cancelled_by_sender" });
      return state === "delivered";
    } finally {
      signal.removeEventListener("abort", stop);
      this.#waiters.delete(id);
    }
  }

  /** What an opened packet says of a message of ours; undefined unless it is that message's receipt, from its receiver. */
  word(id: PacketId, opened: Verified): Word | undefined {
    const message = this.#host.mailbox.message(id);
    const receipt = message === undefined ? undefined : readReceipt(opened.packet, message);
    if (message === undefined || receipt === undefined || receipt.outcome === "reached") return undefined;
    return { message, outcome: receipt.outcome, reason: receipt.reason };
  }

  /** Settles a message by its receiver's word. @param sealed The receipt as it came. */
  async believe({ message, outcome, reason }: Word, sealed: Uint8Array): Promise<void> {
    if (outcome === "delivered")
      return this.#settle(message, { state: "delivered", reason: "", receipt: sealed });
    // The receiver's word that it came too late is an expiry, on both sides alike.
    return this.#settle(message, {
      state: reason === "expired" ? "expired" : "rejected",
      reason,
      receipt: sealed,
    });
  }

  /** The peer says that an agent session was given our message. */
  async surfaced(id: PacketId, from: NodeId): Promise<void> {
    const message = this.#host.mailbox.message(id);
    if (message === undefined || message.to !== from) return;
    if (await this.#host.mailbox.markSurfaced(id, this.#host.now())) this.#tell(message, "surfaced");
  }

  carried(id: PacketId, attempts: readonly Attempt[]): void {
    this.#host.mailbox.progress(id, attempts);
    const message = this.#sent.has(id) ? undefined : this.#host.mailbox.message(id);
    if (message?.state !== "accepted") return;
    this.#sent.add(id);
    this.#tell(message, "sent");
  }

  /** The cascade gave up, since the message's time is over. */
  expired(id: PacketId, doubtful: boolean): void {
    const message = this.#host.mailbox.message(id);
    if (message === undefined) return;
    const attempts = [...this.#host.carriage.attempts(id)];
    const end = () => {
      const reason = doubtful ? "unconfirmed" : "no_path";
      background(this.#settle(message, { state: "expired", reason }, attempts), "expire", this.#host);
    };
    // A carrier had it, so the receiver's word may be on its way: wait a little, that both sides may agree.
    if (doubtful || message.state === "sent") this.#later(grace, end);
    else end();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #sendToAll(request: SendRequest): Promise<SendAnswer> {
    const { fleet } = this.#host;
    if (fleet.peers.length === 0)
      throw new Problem(
        "unknown_peer",
        "this fleet has no other node yet; invite one with: multifleet invite",
      );
    const now = this.#host.now();
    const sent = await Promise.all(
      fleet.peers.map((node) => {
        const id = request.id === undefined ? undefined : `${request.id}_${node}`;
        if (id !== undefined && !isPacketId(id))
          throw new Problem(
            "bad_id",
            `id is too long for a message to all: with the node's name it has ${id.length} characters of at most 64`,
          );
        return this.#accept(compose(request, { node, session: "" }, id, now));
      }),
    );
    const messages = sent.map((message) => ({ id: message.id, to: message.to, state: shownState(message) }));
    const first = sent[0];
    if (first === undefined) throw new Problem("internal", "nothing was sent");
    return { ...answer(first), messages };
  }

  /** Where a request goes; a reply without a target goes where its message came from. */
  #target(request: SendRequest): Target {
    if (request.to !== undefined) return parseTarget(request.to);
    const asked = request.replyTo ?? "";
    const item = isPacketId(asked) ? this.#host.mailbox.item(asked) : undefined;
    if (request.type !== "reply" || asked === "")
      throw new Problem("bad_request", 'to is missing: name a node, such as "mac2"');
    if (item === undefined)
      throw new Problem(
        "unknown_item",
        `no inbox item has the id ${JSON.stringify(asked)}, so there is nobody to reply to`,
      );
    return { node: item.from, session: item.session };
  }

  async #accept({ draft, content, idempotent }: Outgoing): Promise<Sent> {
    const { counters, fleet, mailbox, sealing } = this.#host;
    const { id, to, type, session, toSession, replyTo, key, expires } = draft;
    const plain = encodeContent(content);
    let bytes: Uint8Array | undefined;
    const cipher = await this.#host.encrypt(plain, to, id);
    const accepted = await mailbox.accept(draft, (slot) => {
      const letter = {
        kind: "message",
        to,
        id,
        type,
        session,
        toSession,
        replyTo,
        key,
        expires,
        idempotent,
      } as const;
      const sealed = sealing.kept(
        { ...letter, body: cipher ?? plain, encrypted: cipher !== undefined },
        slot,
        draft.created,
      );
      bytes = sealed.bytes;
      return sealed;
    });
    if (accepted.code === "conflict")
      throw new Problem(
        "id_conflict",
        `id ${id} was used for another message; choose a new id, or leave it out`,
      );
    if (accepted.code === "same") return accepted.message;
    counters.count("messages_accepted_total");
    this.#tell(accepted.message, "accepted");
    if (to !== fleet.node && fleet.member(to) === undefined) {
      await this.#settle(accepted.message, { state: "rejected", reason: "unknown_recipient" });
      throw new Problem("unknown_recipient", `no node of this fleet is named ${to}; ${knownNodes(fleet)}`, {
        extra: { id, state: "rejected", reason: "unknown_recipient" },
      });
    }
    this.#carry(accepted.message, bytes);
    return accepted.message;
  }

  #carry(message: Sent, bytes?: Uint8Array): void {
    const { id, to, expires, via, attempts } = message;
    this.#waiting.set(to, this.pendingTo(to) + 1);
    const size = bytes?.length ?? this.#host.mailbox.sealed(id)?.length ?? 0;
    const only = via === relayName ? relayNames : via;
    const shipment = { id, to, expires, ...(only === "" ? {} : { via: only }) };
    this.#host.carriage.carry(shipment, bytes, size, attempts);
  }

  /** Ends a message, durably, once. The carriage forgets it at once; what the store refuses is tried again, and never said before. */
  async #settle(message: Sent, end: End, tried?: readonly Attempt[]): Promise<void> {
    const { id } = message;
    const { mailbox, carriage, counters } = this.#host;
    const attempts = tried ?? [...carriage.attempts(id)];
    carriage.settled(id);
    this.#sent.delete(id);
    const settlement: Settlement = { ...end, at: this.#host.now(), attempts: attempts.map(ended) };
    let settled: boolean;
    try {
      settled = await mailbox.settle(id, settlement);
    } catch (thrown) {
      if (!(thrown instanceof MailboxError) || thrown.code === "CLOSED") throw thrown;
      counters.count("store_errors_total", thrown.code.toLowerCase());
      this.#host.log.error("settle_failed", { id, reason: explain(thrown) });
      this.#refused.push({ message, end, attempts });
      if (this.#refused.length === 1)
        this.#later(settleAgain, () => background(this.#settleRefused(), "settle", this.#host));
      return;
    }
    if (!settled) return;
    if (message.state === "accepted" || message.state === "sent")
      this.#waiting.set(message.to, Math.max(this.pendingTo(message.to) - 1, 0));
    if (message.kind === "message") this.#countEnd(message, end);
    this.#tell(message, end.state, end.reason);
  }

  /** Tries refused settlements again: one first, the rest once the store takes it. */
  async #settleRefused(): Promise<void> {
    const [first, ...rest] = this.#refused.splice(0);
    if (first === undefined) return;
    await this.#settle(first.message, first.end, first.attempts);
    if (this.#refused.length > 0) this.#refused.push(...rest);
    else await Promise.all(rest.map(({ message, end, attempts }) => this.#settle(message, end, attempts)));
  }

  #countEnd(before: Sent, { state, reason }: End): void {
    const { counters } = this.#host;
    if (before.state === "expired" || before.state === "cancelled") counters.count("late_receipts_total");
    if (state === "delivered") counters.count("messages_delivered_total");
    if (state === "expired") counters.count("messages_expired_total");
    if (state === "cancelled") counters.count("messages_cancelled_total");
    if (state === "rejected") counters.count("messages_rejected_total", reason);
  }

  /** Says how far a message is: on the event stream, and to those who wait for it. */
  #tell({ id, kind, to, type, subject }: Sent, state: Told, reason = ""): void {
    if (kind === "message") {
      this.#host.events.emit("message", {
        ...{ id, to, type, subject, state },
        ...(reason === "" ? {} : { reason }),
      });
    }
    for (const told of this.#waiters.get(id) ?? []) told(state);
  }

  #view(message: Sent): MessageView {
    const { carriage, fleet } = this.#host;
    return messageView(message, fleet.node, carriage.attempts(message.id), carriage.trouble(message.to));
  }

  #find(id: string): Sent {
    const kept = isPacketId(id) ? this.#host.mailbox.message(id) : undefined;
    const message: Sent | undefined =
      kept !== undefined && this.#sent.has(kept.id) ? { ...kept, state: "sent" } : kept;
    if (message?.kind !== "message")
      throw new Problem("unknown_message", `no message has the id ${JSON.stringify(id)}`);
    return message;
  }

  #later(wait: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, wait);
    this.#timers.add(timer);
  }
}

/** Whether one who waits for `wanted` has waited long enough. */
function isOver(state: Told, surfaced: boolean, wanted: "delivered" | "surfaced" | "settled"): boolean {
  if (state === "accepted" || state === "sent") return false;
  return wanted !== "surfaced" || state !== "delivered" || surfaced;
}

function answer(message: Sent): SendAnswer {
  return {
    id: message.id,
    state: shownState(message),
    ...(message.reason === "" ? {} : { reason: message.reason }),
  };
}

/** An attempt that was still under way when its message was settled came too late. */
function ended(attempt: Attempt): Attempt {
  return attempt.outcome === undefined
    ? { ...attempt, outcome: "ABORTED", reason: "settled meanwhile" }
    : attempt;
}

function knownNodes(fleet: Fleet): string {
  return fleet.peers.length === 0
    ? "this fleet has no other node yet"
    : `known: ${fleet.peers.slice(0, 20).join(", ")}`;
}

/** A failed store as the caller's problem. */
function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (!(thrown instanceof MailboxError)) return new Problem("internal", explain(thrown), { cause: thrown });
  const options = { cause: thrown };
  switch (thrown.code) {
    case "FULL":
      return new Problem(
        "disk_full",
        "the disk is full; nothing was accepted. Free some space and send again",
        options,
      );
    case "QUOTA":
      return new Problem("quota_exceeded", thrown.message, { ...options, extra: { retry_after_s: 30 } });
    case "CLOSED":
      return new Problem("shutting_down", "the node is shutting down; nothing was accepted", options);
    default:
      return new Problem(
        "store_failed",
        `the store failed; nothing was accepted: ${thrown.message}`,
        options,
      );
  }
}
