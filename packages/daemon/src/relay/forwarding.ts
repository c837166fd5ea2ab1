import {
  decodePacket,
  decodeRelayAnswer,
  encodeRelayRequest,
  maxRelayHops,
  newPacketId,
  open,
  type Frame,
  type MediumEvent,
  type NodeId,
  type Packet,
  type RelayAnswer,
  type RelayAsk,
} from "@multifleet/core";
import type { ChannelHealth } from "@multifleet/cascade";
import type { NodeCounters } from "../books.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Carried, Carriage } from "../messages/carriage.js";
import type { Sealing } from "../messages/sealing.js";
import type { HeardRoutes } from "./routes.js";

export interface ForwardingHost {
  readonly counters: NodeCounters;
  readonly fleet: Fleet;
  readonly sealing: Sealing;
  readonly carriage: Carriage;
  readonly routes: HeardRoutes;
  now(): number;
  /** The open channels that deliver and lead straight to a peer. */
  direct(): readonly string[];
  health(peer: NodeId, among: readonly string[]): readonly ChannelHealth[];
}

/** How a node is asked. */
export interface Asking {
  readonly hops?: number;
  /** How long it may take, in milliseconds. */
  readonly within?: number;
  readonly signal?: AbortSignal;
}

/** How long a request may be under way by clocks that differ, in milliseconds. */
const lifetime = 300_000;
/** How long an answer is waited for, in milliseconds, where whoever asks does not give up before. */
const patience = 10_000;
/** How many nodes are looked at for a way, and for how long what was found holds, in milliseconds. */
const mostUsable = 16;
const usableFor = 100;

/** This node as one who asks others to pass its packets on: whom to ask, and what of their answers to believe. */
export class Forwarding {
  readonly #host: ForwardingHost;
  readonly #listeners = new Set<(event: MediumEvent) => void>();
  #usable: readonly NodeId[] = [];
  #usableAt = -Infinity;

  constructor(host: ForwardingHost) {
    this.#host = host;
  }

  reaches(to: NodeId): boolean {
    const { fleet } = this.#host;
    if (to === fleet.node || fleet.member(to) === undefined) return false;
    return this.#known().some((node) => node !== to);
  }

  /** Those that are known to reach `to` before those that may; at most {@link mostUsable}. */
  candidates(to: NodeId): readonly NodeId[] {
    if (!this.reaches(to)) return [];
    const { routes } = this.#host;
    const likely = this.likely(to).slice(0, mostUsable);
    const others = this.#known().filter((node) => node !== to && !likely.includes(node));
    // Those that tried in vain come last, so that the next attempt asks others.
    const tried = (node: NodeId) => routes.failedAt(to, node);
    return [...likely, ...others.toSorted((a, b) => tried(a) - tried(b))];
  }

  /** Those that are known to reach `to`, and that we reach. */
  likely(to: NodeId): readonly NodeId[] {
    return this.#host.routes.likely(to).filter((node) => node !== to && this.#isUsable(node));
  }

  /**
   * Asks `relay`, over channels that lead straight to it, to carry or keep a packet; where it is the target itself, hands it over. Never
   * rejects. What is said to be delivered is so only by the target's own word.
   */
  async ask(relay: NodeId, frame: Frame, ask: RelayAsk, asking: Asking = {}): Promise<RelayAnswer> {
    const { sealing, carriage, routes, now } = this.#host;
    const { hops = maxRelayHops, within = patience, signal } = asking;
    const id = newPacketId(now());
    const body = encodeRelayRequest({ hops, ask, target: frame.to, packet: frame.bytes });
    const { bytes } = sealing.fleeting(
      { kind: "relay", type: "relay", to: relay, id, body },
      now(),
      lifetime,
    );
    const via = this.#host.direct();
    const carried = await carriage.carryOnce(relay, id, bytes, {
      ...{ via, within },
      ...(signal === undefined ? {} : { signal }),
    });
    const said = carried.answer === undefined ? undefined : this.#read(carried.answer, relay, id);
    if (said === undefined) {
      const without = withoutAnswer(carried);
      // A relay that does not let us in says nothing of the target.
      if (carried.effect === undefined)
        return without.outcome === "turned_away" && relay !== frame.to ? failure("refused", "door") : without;
      this.#host.counters.count("relay_lies_total");
      return failure("refused", "bad_answer");
    }
    const answer = said.outcome === "delivered" ? this.believe(frame, said) : said;
    if (answer.outcome === "delivered") routes.prove(frame.to, relay);
    else if (answer.outcome !== "stored" && answer.outcome !== "later")
      routes.disprove(frame.to, relay, now());
    return answer;
  }

  /** Takes what is said to be the target's answer for what it is: a relay that makes one up, or leaves it out, has delivered nothing. */
  believe(frame: Frame, said: RelayAnswer): RelayAnswer {
    const { counters, fleet } = this.#host;
    const packet = decodePacket(frame.bytes);
    if (typeof packet === "string") return failure("refused", "not_genuine");
    const none = said.answer.length === 0;
    if (none && isUnanswered(packet)) return said;
    const trust = {
      ...{ fleet: fleet.fleet, node: packet.from },
      gate: (id: Uint8Array) => fleet.gate(id),
      key: (each: Packet) => fleet.key(each),
    };
    const opened = none ? undefined : open(said.answer, trust);
    if (opened?.ok === true && opened.packet.from === frame.to) {
      const { kind, id, replyTo } = opened.packet;
      if (kind === "receipt" ? id === packet.id : replyTo === packet.id) return said;
    }
    counters.count("relay_lies_total");
    return failure("refused", none ? "no_answer" : "bad_answer");
  }

  /** Whether a channel leads straight to a node and nothing speaks against it. */
  isNear(node: NodeId): boolean {
    const { health, direct } = this.#host;
    return health(node, direct()).some(({ state }) => state === "up" || state === "unknown");
  }

  watch(listener: (event: MediumEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A relay said hello: what waits for these may find a way now. */
  found(peers: readonly NodeId[], relay: NodeId): void {
    this.#usableAt = -Infinity;
    for (const peer of peers) {
      if (peer === relay || !this.reaches(peer)) continue;
      for (const tell of this.#listeners) tell({ state: "up", peer, reason: `${relay} is there` });
    }
  }

  #read(bytes: Uint8Array, relay: NodeId, id: Packet["id"]): RelayAnswer | undefined {
    const opened = open(bytes, this.#host.fleet);
    if (!opened.ok) return undefined;
    const { kind, from, replyTo, body } = opened.packet;
    return kind === "relay" && from === relay && replyTo === id ? decodeRelayAnswer(body) : undefined;
  }

  /** Some nodes that pass on and that we reach, the last heard first. Kept for a moment: it is asked for every message. */
  #known(): readonly NodeId[] {
    const now = this.#host.now();
    if (now >= this.#usableAt && now < this.#usableAt + usableFor) return this.#usable;
    this.#usableAt = now;
    const found: NodeId[] = [];
    for (const node of this.#host.routes.relays()) {
      if (this.#isUsable(node)) found.push(node);
      if (found.length >= mostUsable) break;
    }
    this.#usable = found;
    return found;
  }

  /** Whether a node passes on and can be asked: a channel leads straight to it and nothing speaks against that. */
  #isUsable(node: NodeId): boolean {
    const { fleet, routes } = this.#host;
    if (node === fleet.node || fleet.member(node) === undefined || !routes.passes(node)) return false;
    return this.isNear(node);
  }
}

/** A relay's answer that brings nothing. */
export function failure(
  outcome: Exclude<RelayAnswer["outcome"], "delivered" | "stored">,
  reason: string,
): RelayAnswer {
  return { outcome, reason, beyond: "", answer: new Uint8Array() };
}

/** Receipts are not answered, nor are answers. */
function isUnanswered({ kind, replyTo }: Packet): boolean {
  return kind === "receipt" || (kind === "hello" && replyTo !== "");
}

/** What is known of a node that did not answer at all. */
export function withoutAnswer({ attempts }: Carried): RelayAnswer {
  const last = attempts.at(-1)?.outcome;
  if (last === "BUSY") return failure("busy", "no_time");
  return last === "REFUSED" ? failure("turned_away", "door") : failure("unreachable", "no_way");
}
