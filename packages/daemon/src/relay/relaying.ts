import {
  decodeReceipt,
  decodeRelayRequest,
  encodeRelayAnswer,
  open,
  type NodeId,
  type Opened,
  type Packet,
  type RelayAnswer,
  type RelayRequest,
  type Verdict,
} from "@multifleet/core";
import { MailboxError } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Log } from "../log.js";
import type { Carriage } from "../messages/carriage.js";
import type { Way } from "../messages/door.js";
import type { Sealing } from "../messages/sealing.js";
import { failure, withoutAnswer, type Forwarding } from "./forwarding.js";
import type { Copy, Kept } from "./kept.js";
import { relayName } from "./names.js";
import type { Quotas } from "./quota.js";
import type { HeardRoutes } from "./routes.js";

export interface RelayingHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly sealing: Sealing;
  readonly carriage: Carriage;
  readonly routes: HeardRoutes;
  readonly forwarding: Forwarding;
  readonly quotas: Quotas;
  readonly kept: Kept;
  now(): number;
  /** Whether this node passes packets on at all. */
  on(): boolean;
  direct(): readonly string[];
  /** This node's own door, for what is meant for itself. */
  receive(bytes: Uint8Array, way: Way): Promise<Verdict>;
}

type Verified = Extract<Opened, { ok: true }>;

/** How long a target may take to answer, and a second relay, in milliseconds: both together are within an attempt of whoever asks. */
const targetTime = 2_000;
const relayTime = 2_500;
/** How many other relays are asked for one packet. */
const mostBeyond = 2;
/** How long a copy is kept at most, whatever its own end, in milliseconds. */
const longest = 7 * 86_400_000;
/** Copies that are handed to one node at a time. */
const window = 16;
/** The first wait before a target is tried again, doubled each time, in milliseconds; and how often that is done. */
const firstRetry = 1_000;
const mostRetries = 8;
const longestTimer = 2_147_483_647;

/** This node as one who passes on: it carries what members ask for, once, and keeps copies for targets that are away. */
export class Relaying {
  readonly #host: RelayingHost;
  /** Packets being carried now: the same one that is asked for twice goes once. */
  readonly #carrying = new Map<string, Promise<RelayAnswer>>();
  /** Targets that copies are handed to now, and whether there was another reason meanwhile. */
  readonly #handing = new Map<NodeId, { again: boolean }>();
  /** Targets that did not take what waits for them though they are there: how often that was, and when they are tried again. */
  readonly #retries = new Map<NodeId, { readonly failures: number; readonly timer: NodeJS.Timeout }>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: RelayingHost) {
    this.#host = host;
  }

  /** Takes a request of a member; gives the sealed answer, or undefined when it is none that can be answered. */
  async take(packet: Packet, way: Way): Promise<Uint8Array | undefined> {
    const { counters, sealing, now } = this.#host;
    // No relay within a relay, nothing by a store, and no answer that nobody waits for.
    if (way.name === relayName || way.effect !== "delivers" || packet.replyTo !== "") {
      counters.count("relay_refused_total", "malformed");
      return undefined;
    }
    counters.count("relay_requests_total");
    const answer = await this.#answer(packet);
    if (answer.outcome === "refused" || answer.outcome === "busy")
      counters.count("relay_refused_total", answer.reason);
    const body = encodeRelayAnswer(answer);
    const { id: replyTo, from: to } = packet;
    return sealing.fleeting({ kind: "relay", type: "relay", to, body, replyTo }, now()).bytes;
  }

  /** A peer is there, or a way to it: it is handed what waits for it. */
  wake(target: NodeId): void {
    clearTimeout(this.#retries.get(target)?.timer);
    this.#retries.delete(target);
    this.#begin(target);
  }

  #begin(target: NodeId): void {
    const running = this.#handing.get(target);
    if (running !== undefined) running.again = true;
    else if (this.#host.kept.of(target).length > 0) background(this.#hand(target), "relay", this.#host);
  }

  /** The same for all that copies wait for: a medium came back. */
  wakeAll(): void {
    for (const target of new Set(this.#host.kept.of().map((copy) => copy.target))) this.wake(target);
  }

  /** Takes up what the last run kept: each target's hello brings it what waits for it. */
  resume(): void {
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const retry of this.#retries.values()) clearTimeout(retry.timer);
  }

  async #answer(packet: Packet): Promise<RelayAnswer> {
    const { fleet, quotas, now } = this.#host;
    const request = decodeRelayRequest(packet.body);
    if (request === undefined) return failure("refused", "bad_request");
    if (now() >= packet.expires) return failure("refused", "expired");
    if (request.target === fleet.node) return this.#takeIn(request, packet.from);
    const objection = this.#objection(request, packet.from);
    if (objection !== undefined) return failure("refused", objection);
    const leave = quotas.enter(packet.from, request.packet.length, now());
    if (leave === undefined) return failure("busy", "quota");
    try {
      // The signature last: it costs the most.
      const opened = this.#open(request);
      if (opened === undefined) return failure("refused", "not_genuine");
      if (opened.packet.from === fleet.node) return failure("refused", "loop");
      if (now() >= opened.packet.expires) return failure("refused", "expired");
      await this.#forget(opened);
      return request.ask === "keep"
        ? await this.#keep(request, opened, packet.from)
        : await this.#carry(request, opened, packet.from);
    } finally {
      leave();
    }
  }

  /** What is for this node comes in by its own door, as if it had come by itself. */
  async #takeIn({ packet }: RelayRequest, through: NodeId): Promise<RelayAnswer> {
    const verdict = await this.#host.receive(packet, { name: relayName, effect: "delivers", through });
    if (verdict.code === "taken")
      return { outcome: "delivered", reason: "", beyond: "", answer: verdict.answer ?? new Uint8Array() };
    return verdict.code === "later" ? failure("later", "come_again") : failure("turned_away", "door");
  }

  /** What speaks against a request before its packet is opened. */
  #objection({ hops, target }: RelayRequest, asker: NodeId): string | undefined {
    const { fleet, on } = this.#host;
    if (!on()) return "off";
    if (hops < 1) return "hops";
    if (fleet.member(target) === undefined) return "unknown_target";
    // Back to where it came from.
    return target === asker ? "loop" : undefined;
  }

  /** Opens a packet in its target's place: what that would refuse is not passed on. */
  #open({ packet, target }: RelayRequest): Verified | undefined {
    const { fleet } = this.#host;
    const opened = open(packet, {
      ...{ fleet: fleet.fleet, node: target },
      gate: (id) => fleet.gate(id),
      key: (each) => fleet.key(each),
    });
    return opened.ok && opened.packet.kind !== "relay" ? opened : undefined;
  }

  async #carry(request: RelayRequest, opened: Verified, asker: NodeId): Promise<RelayAnswer> {
    const { counters, kept } = this.#host;
    const key = `${request.target}/${hex(opened.digest)}`;
    const running = this.#carrying.get(key);
    if (running !== undefined) return running;
    const carried = this.#carryOn(request, opened.packet, asker);
    this.#carrying.set(key, carried);
    try {
      const answer = await carried;
      if (answer.outcome !== "delivered") return answer;
      counters.count("relay_passed_total");
      const copy = kept.find(request.target, hex(opened.digest));
      if (copy !== undefined) await this.#drop(copy, "delivered");
      return answer;
    } finally {
      this.#carrying.delete(key);
    }
  }

  /** Straight to the target, else through one more node that is known to reach it. */
  async #carryOn({ hops, target, packet }: RelayRequest, inner: Packet, asker: NodeId): Promise<RelayAnswer> {
    const { forwarding } = this.#host;
    const first = await this.#handOver(target, inner, packet);
    if (first.outcome !== "unreachable" || hops < 2) return first;
    const others = forwarding.likely(target).filter((node) => node !== inner.from && node !== asker);
    const frame = { id: inner.id, to: target, bytes: packet };
    for (const beyond of others.slice(0, mostBeyond)) {
      const answer = await forwarding.ask(beyond, frame, "carry", { hops: hops - 1, within: relayTime });
      if (answer.outcome === "delivered") return { ...answer, beyond };
    }
    return first;
  }

  /** Once, over channels that lead straight to the target, which is told that it was passed on, where it knows of such. */
  async #handOver(target: NodeId, inner: Packet, bytes: Uint8Array): Promise<RelayAnswer> {
    const { carriage, forwarding, routes, direct } = this.#host;
    const frame = { id: inner.id, to: target, bytes };
    if (routes.passes(target)) return forwarding.ask(target, frame, "carry", { hops: 0, within: targetTime });
    const carried = await carriage.carryOnce(target, inner.id, bytes, { via: direct(), within: targetTime });
    if (carried.effect === undefined) {
      const answer = withoutAnswer(carried);
      return answer.outcome === "busy" ? failure("later", "come_again") : answer;
    }
    const answer = carried.answer ?? new Uint8Array();
    return forwarding.believe(frame, { outcome: "delivered", reason: "", beyond: "", answer });
  }

  /** Says that a copy is stored only once it is. */
  async #keep({ target, packet }: RelayRequest, opened: Verified, asker: NodeId): Promise<RelayAnswer> {
    const { counters, forwarding, kept, log } = this.#host;
    try {
      const copy = this.#copyOf(opened, packet, asker);
      const known = kept.find(target, copy.digest) !== undefined;
      if (!(await kept.add(copy, packet))) return failure("busy", "full");
      if (!known) counters.count("relay_kept_total");
    } catch (thrown) {
      if (!(thrown instanceof MailboxError)) throw thrown;
      counters.count("store_errors_total", thrown.code.toLowerCase());
      log.error("relay_not_kept", { target, reason: explain(thrown) });
      return failure("busy", "store_failed");
    }
    this.#arm();
    // The target may have come between the two requests; where nothing leads to it, its hello is waited for.
    if (forwarding.isNear(target)) this.wake(target);
    return { outcome: "stored", reason: "", beyond: "", answer: new Uint8Array() };
  }

  #copyOf({ packet, digest }: Verified, bytes: Uint8Array, asker: NodeId, least = 0): Copy {
    const { to: target, from, id, seq } = packet;
    const now = this.#host.now();
    const expires = Math.min(Math.max(packet.expires, least), now + longest);
    const texts = { digest: hex(digest), stream: hex(packet.stream) };
    return { target, from, asker, id, seq, ...texts, size: bytes.length, expires, keptAt: now };
  }

  /** Hands a target what waits for it, until that is all or it cannot be reached. */
  async #hand(target: NodeId): Promise<void> {
    const { kept } = this.#host;
    const state = { again: true };
    this.#handing.set(target, state);
    try {
      while (state.again) {
        state.again = false;
        const some = kept.of(target).slice(0, window);
        const gone = await Promise.all(some.map((copy) => this.#handCopy(copy)));
        if (some.length > 0 && gone.every(Boolean)) state.again = true;
      }
    } finally {
      this.#handing.delete(target);
    }
    if (kept.of(target).length > 0) this.#tryAgain(target);
    else this.#retries.delete(target);
  }

  /** Whoever said hello and then was silent, or busy, is tried again a few times; after that its next hello is waited for. */
  #tryAgain(target: NodeId): void {
    const failures = (this.#retries.get(target)?.failures ?? 0) + 1;
    if (failures > mostRetries || this.#closed) return;
    const wait = firstRetry * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
    const timer = setTimeout(() => this.#begin(target), wait);
    this.#retries.set(target, { failures, timer });
  }

  /** True when the copy is needed no more. */
  async #handCopy(copy: Copy): Promise<boolean> {
    const { fleet, kept, now } = this.#host;
    const bytes = kept.bytes(copy);
    if (now() >= copy.expires) return this.#drop(copy, "expired");
    const request = {
      hops: 1,
      ask: "carry",
      target: copy.target,
      packet: bytes ?? new Uint8Array(),
    } as const;
    const opened = fleet.member(copy.target) === undefined ? undefined : this.#open(request);
    if (opened === undefined || bytes === undefined) return this.#drop(copy, "not_genuine");
    const answer = await this.#handOver(copy.target, opened.packet, bytes);
    if (answer.outcome === "turned_away") return this.#drop(copy, "refused");
    if (answer.outcome !== "delivered") return false;
    if (answer.answer.length > 0) await this.#giveBack(copy, answer.answer);
    return this.#drop(copy, "delivered");
  }

  /** The target's receipt goes back to whoever sent the packet; where that one is away, it waits here in the packet's place. */
  async #giveBack(copy: Copy, bytes: Uint8Array): Promise<void> {
    const { kept, fleet, counters, log } = this.#host;
    const request = { hops: 1, ask: "carry", target: copy.from, packet: bytes } as const;
    if (copy.from === fleet.node) return;
    const opened = this.#open(request);
    if (opened === undefined) return;
    const answer = await this.#handOver(copy.from, opened.packet, bytes);
    if (answer.outcome === "delivered" || answer.outcome === "turned_away") return;
    try {
      // It counts for as long as the packet does: its own end is that of one that nobody keeps.
      await kept.add(this.#copyOf(opened, bytes, copy.asker, copy.expires), bytes);
    } catch (thrown) {
      if (!(thrown instanceof MailboxError)) throw thrown;
      counters.count("store_errors_total", thrown.code.toLowerCase());
      log.error("relay_not_kept", { target: copy.from, reason: explain(thrown) });
    }
  }

  /** What passes by tells what is settled: a receipt the packet it answers, any packet all that its sender has settled before. */
  async #forget({ packet }: Verified): Promise<void> {
    const { kept } = this.#host;
    if (kept.size === 0) return;
    const { from, to, base } = packet;
    const stream = hex(packet.stream);
    const digest =
      packet.kind === "receipt" ? hex(decodeReceipt(packet.body)?.digest ?? new Uint8Array()) : "";
    const settled = kept
      .of()
      .filter(
        (copy) =>
          (copy.target === from && copy.from === to && copy.digest === digest) ||
          (copy.from === from &&
            copy.target === to &&
            copy.stream === stream &&
            copy.seq > 0 &&
            copy.seq < base),
      );
    await Promise.all(settled.map((copy) => this.#drop(copy, "settled")));
  }

  async #drop(copy: Copy, why: string): Promise<true> {
    if (await this.#host.kept.drop(copy)) this.#host.counters.count("relay_dropped_total", why);
    return true;
  }

  /** Wakes up when the first copy ends. */
  #arm(): void {
    clearTimeout(this.#timer);
    const { kept, now } = this.#host;
    if (kept.size === 0 || this.#closed) return;
    const first = Math.min(...kept.of().map((copy) => copy.expires));
    const wait = Math.min(Math.max(first - now(), 0), longestTimer);
    this.#timer = setTimeout(() => background(this.#expire(), "relay", this.#host), wait);
  }

  async #expire(): Promise<void> {
    const { kept, now } = this.#host;
    const over = kept.of().filter((copy) => now() >= copy.expires);
    await Promise.all(over.map((copy) => this.#drop(copy, "expired")));
    this.#arm();
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
