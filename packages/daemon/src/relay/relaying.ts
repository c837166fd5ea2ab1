import {
  decodeRelayRequest,
  encodeRelayAnswer,
  type NodeId,
  type Opened,
  type Packet,
  type RelayAnswer,
  type RelayRequest,
  type Verdict,
} from "@multifleet/core";
import type { NodeCounters } from "../books.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Way } from "../messages/door.js";
import type { Sealing } from "../messages/sealing.js";
import { failure, type Forwarding } from "./forwarding.js";
import type { Handing } from "./handing.js";
import type { Keeping } from "./keeping.js";
import { relayName } from "./names.js";
import type { Quotas } from "./quota.js";
import type { Straight } from "./straight.js";

export interface RelayingHost {
  readonly counters: NodeCounters;
  readonly fleet: Pick<Fleet, "node" | "member">;
  readonly sealing: Sealing;
  readonly forwarding: Forwarding;
  readonly quotas: Quotas;
  readonly straight: Straight;
  readonly keeping: Pick<Keeping, "keep" | "forget" | "delivered">;
  readonly handing: Pick<Handing, "wake">;
  now(): number;
  /** Whether this node passes packets on at all. */
  on(): boolean;
  /** This node's own door, for what is meant for itself. */
  receive(bytes: Uint8Array, way: Way): Promise<Verdict>;
}

type Verified = Extract<Opened, { ok: true }>;

/** How long a second relay may take to answer, in milliseconds: with the target's time, it is within an attempt of whoever asks. */
const relayTime = 2_500;
/** How many other relays are asked for one packet. */
const mostBeyond = 2;

/** What members ask of this node as one who passes on: it carries a packet at once, or keeps a copy for a target that is away. */
export class Relaying {
  readonly #host: RelayingHost;
  /** Packets being carried now: the same one that is asked for twice goes once. */
  readonly #carrying = new Map<string, Promise<RelayAnswer>>();

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

  async #answer(packet: Packet): Promise<RelayAnswer> {
    const { fleet, keeping, quotas, straight, now } = this.#host;
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
      const opened = straight.open(request.target, request.packet);
      if (opened === undefined) return failure("refused", "not_genuine");
      if (opened.packet.from === fleet.node) return failure("refused", "loop");
      if (now() >= opened.packet.expires) return failure("refused", "expired");
      await keeping.forget(opened);
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

  async #carry(request: RelayRequest, opened: Verified, asker: NodeId): Promise<RelayAnswer> {
    const { counters, keeping } = this.#host;
    const key = `${request.target}/${Buffer.from(opened.digest).toString("hex")}`;
    const running = this.#carrying.get(key);
    if (running !== undefined) return running;
    const carried = this.#carryOn(request, opened.packet, asker);
    this.#carrying.set(key, carried);
    try {
      const answer = await carried;
      if (answer.outcome !== "delivered") return answer;
      counters.count("relay_passed_total");
      await keeping.delivered(opened);
      return answer;
    } finally {
      this.#carrying.delete(key);
    }
  }

  /** Straight to the target, else through one more node that is known to reach it. */
  async #carryOn({ hops, target, packet }: RelayRequest, inner: Packet, asker: NodeId): Promise<RelayAnswer> {
    const { forwarding, straight } = this.#host;
    const first = await straight.handOver(target, inner, packet);
    if (first.outcome !== "unreachable" || hops < 2) return first;
    const others = forwarding.likely(target).filter((node) => node !== inner.from && node !== asker);
    const frame = { id: inner.id, to: target, bytes: packet };
    for (const beyond of others.slice(0, mostBeyond)) {
      const answer = await forwarding.ask(beyond, frame, "carry", { hops: hops - 1, within: relayTime });
      if (answer.outcome === "delivered") return { ...answer, beyond };
    }
    return first;
  }

  /** Says that a copy is stored only once it is. */
  async #keep({ target, packet }: RelayRequest, opened: Verified, asker: NodeId): Promise<RelayAnswer> {
    const { counters, forwarding, handing, keeping } = this.#host;
    const kept = await keeping.keep(opened, packet, asker);
    if (kept === "full" || kept === "store_failed") return failure("busy", kept);
    if (kept === "new") counters.count("relay_kept_total");
    // The target may have come between the two requests; where nothing leads to it, its hello is waited for.
    if (forwarding.isNear(target)) handing.wake(target);
    return { outcome: "stored", reason: "", beyond: "", answer: new Uint8Array() };
  }
}
