import {
  newPacketId,
  open,
  readReceipt,
  type Channel,
  type Link,
  type NodeId,
  type Opened,
  type PacketId,
  type Sealed,
} from "@multifleet/core";
import type { ChannelHealth } from "@multifleet/cascade";
import { rankName } from "./channels/catalog.js";
import type { ChannelState } from "./channels/supervisor.js";
import type { Fleet } from "./fleet/fleet.js";
import type { Sealing } from "./messages/sealing.js";
import type { CheckRow, PathView } from "./node.js";
import { Problem } from "./problem.js";
import { relayNames } from "./relay/names.js";

export interface ChecksHost {
  readonly fleet: Fleet;
  readonly sealing: Sealing;
  now(): number;
  states(): readonly ChannelState[];
  link(channel: string): Link | undefined;
  health(peer: NodeId): readonly ChannelHealth[];
}

/** How long a probe's answer may take, in milliseconds. */
const patience = 3_000;

/** Tries channels with signed probes: what works is what the peer itself has answered. */
export class Checks {
  readonly #host: ChecksHost;
  /** Probes whose answer comes by another channel than they went. */
  readonly #waiting = new Map<
    PacketId,
    {
      readonly probe: { readonly id: PacketId; readonly to: NodeId; readonly digest: Uint8Array };
      readonly reached: () => void;
    }
  >();

  constructor(host: ChecksHost) {
    this.#host = host;
  }

  async run(
    filter: { readonly peer?: string; readonly channel?: string },
    signal: AbortSignal,
  ): Promise<readonly CheckRow[]> {
    const { fleet } = this.#host;
    const peers = fleet.peers.filter((peer) => filter.peer === undefined || peer === filter.peer);
    if (filter.peer !== undefined && peers.length === 0) {
      throw new Problem(
        "unknown_peer",
        `no other node of this fleet is named ${filter.peer}; known: ${fleet.peers.join(", ") || "none"}`,
      );
    }
    const states = this.#host
      .states()
      .filter(({ channel }) => filter.channel === undefined || channel.name === filter.channel);
    if (states.length === 0)
      throw new Problem(
        "bad_request",
        `there is no channel ${filter.channel}; there are ${this.#host
          .states()
          .map((state) => state.channel.name)
          .join(", ")}`,
      );
    const pairs = peers.flatMap((peer) => states.map((state) => ({ peer, state })));
    // One listener for all probes: with one each, a large fleet would look like a leak to Node.
    const stops = new Set<() => void>();
    const stopAll = () => {
      for (const stop of stops) stop();
    };
    signal.addEventListener("abort", stopAll);
    try {
      return await Promise.all(pairs.map(({ peer, state }) => this.#try(peer, state, stops)));
    } finally {
      signal.removeEventListener("abort", stopAll);
    }
  }

  /** Takes a receipt that is no message's. False when no probe waits for it. */
  receipt(opened: Extract<Opened, { ok: true }>): boolean {
    const waiting = this.#waiting.get(opened.packet.id);
    if (waiting === undefined || readReceipt(opened.packet, waiting.probe)?.outcome !== "reached")
      return false;
    waiting.reached();
    return true;
  }

  /** One channel to one peer as it is known, without trying it. */
  path(peer: NodeId, { channel, state, since, reason }: ChannelState): PathView {
    const { name, traits } = channel;
    const common = { channel: name, rank: rankName(channel), effect: traits.effect };
    const link = this.#host.link(name);
    if (link === undefined)
      return { ...common, state: "unreachable", since: time(since), reason: `${state}: ${reason}` };
    if (!link.reaches(peer)) return { ...common, state: "unreachable", reason: noWay(name) };
    const health = this.#host.health(peer).find((each) => each.channel === name);
    return {
      ...common,
      state: health?.state ?? "unknown",
      ...(health === undefined || health.since === 0 ? {} : { since: time(health.since) }),
      ...(health === undefined || health.reason === "" ? {} : { reason: health.reason }),
      ...(health?.latency === undefined ? {} : { latency_ms: Math.round(health.latency * 10) / 10 }),
    };
  }

  async #try(peer: NodeId, state: ChannelState, stops: Set<() => void>): Promise<CheckRow> {
    const { channel } = state;
    const row = { ...this.path(peer, state), peer };
    const link = this.#host.link(channel.name);
    if (link === undefined || !link.reaches(peer))
      return { ...row, works: false, remedy: remedy(channel, link) };
    if (channel.traits.effect === "wakes")
      return { ...row, works: false, reason: "not tried: it would wake the machine" };
    const began = performance.now();
    const failure = await this.#probe(peer, link, stops);
    const ms = Math.round((performance.now() - began) * 10) / 10;
    if (failure !== undefined)
      return { ...row, works: false, ms, reason: failure, remedy: remedy(channel, link) };
    const { reason: _, ...works } = row;
    return { ...works, state: "up", works: true, ms };
  }

  /** Undefined when the peer answered, else what went wrong. */
  async #probe(peer: NodeId, link: Link, stops: Set<() => void>): Promise<string | undefined> {
    const { sealing, now, fleet } = this.#host;
    const id = newPacketId(now());
    const sealed: Sealed = sealing.fleeting(
      { kind: "probe", type: "probe", to: peer, id, body: new Uint8Array() },
      now(),
    );
    const probe = { id, to: peer, digest: sealed.digest };
    const limit = new AbortController();
    const stop = () => limit.abort();
    stops.add(stop);
    const timer = setTimeout(stop, patience);
    const reached = new Promise<boolean>((done) => {
      this.#waiting.set(id, { probe, reached: () => done(true) });
      limit.signal.addEventListener("abort", () => done(false));
    });
    try {
      const result = await link.send({ id, to: peer, bytes: sealed.bytes }, { signal: limit.signal });
      if (!result.ok)
        return result.error.code === "ABORTED"
          ? `no answer within ${patience} ms`
          : `${result.error.code}: ${result.error.message}`;
      if (result.answer !== undefined) {
        const opened = open(result.answer, fleet);
        const receipt = opened.ok ? readReceipt(opened.packet, probe) : undefined;
        return receipt?.outcome === "reached" ? undefined : "the answer is not the peer's";
      }
      return (await reached) ? undefined : `stored, but the peer has not answered within ${patience} ms`;
    } finally {
      clearTimeout(timer);
      stops.delete(stop);
      this.#waiting.delete(id);
    }
  }
}

function noWay(channel: string): string {
  return relayNames.includes(channel)
    ? "no other node is known that could pass anything on to this peer"
    : "no address is known for this peer";
}

function remedy(channel: Channel, link: Link | undefined): string {
  if (link === undefined) return "multifleet doctor";
  switch (channel.name) {
    case "http":
      return "is the peer's daemon running, and its packet listener open to this machine? On the peer: multifleet doctor";
    case "relay":
    case "relay-store":
      return "a third node must reach this peer, and be reached from here: multifleet peers";
    case "ipc":
    case "seed":
      return "works only between nodes of one user on one machine";
    default:
      return "multifleet doctor";
  }
}

function time(at: number): string {
  return new Date(at).toISOString();
}
