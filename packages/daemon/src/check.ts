import {
  newPacketId,
  open,
  readReceipt,
  type Effect,
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
import type { Peers } from "./peers.js";
import { Problem } from "./problem.js";
import { noChannel, remedyFor, untriable, type Trouble } from "./remedies.js";
import { relayNames } from "./relay/names.js";

export interface ChecksHost {
  readonly fleet: Fleet;
  readonly sealing: Sealing;
  now(): number;
  states(): readonly ChannelState[];
  link(channel: string): Link | undefined;
  health(peer: NodeId): readonly ChannelHealth[];
  /** Where the config says a peer is reached by a channel; none where it says nothing. */
  hints(peer: NodeId, channel: string): readonly string[];
  readonly peers: Pick<Peers, "addresses">;
}

/** How long a channel may take for a probe, in milliseconds: a store may have to connect and push. */
const patience: Readonly<Record<Effect, number>> = { delivers: 3_000, stores: 15_000, wakes: 3_000 };

/** What a probe came to. */
type Probed =
  | { readonly outcome: "answered"; readonly reason?: undefined; readonly trouble?: undefined }
  | { readonly outcome: "stored" | "woke" | "failed"; readonly reason: string; readonly trouble?: Trouble };

const answered: Probed = { outcome: "answered" };

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
    if (states.length === 0) {
      const names = this.#host.states().map(({ channel }) => channel.name);
      throw new Problem("bad_request", noChannel(filter.channel ?? "", names));
    }
    const pairs = peers.flatMap((peer) => states.map((state) => ({ peer, state })));
    // One listener for all probes: with one each, a large fleet would look like a leak to Node.
    const stops = new Set<() => void>();
    const stopAll = () => {
      for (const stop of stops) stop();
    };
    signal.addEventListener("abort", stopAll);
    try {
      return await Promise.all(
        pairs.map(({ peer, state }) => this.#try(peer, state, stops, filter.channel !== undefined)),
      );
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
    if (!link.reaches(peer))
      return { ...common, state: "unreachable", reason: this.#noWay(name, peer, link) };
    const health = this.#host.health(peer).find((each) => each.channel === name);
    return {
      ...common,
      state: health?.state ?? "unknown",
      ...(health === undefined || health.since === 0 ? {} : { since: time(health.since) }),
      ...(health === undefined || health.reason === "" ? {} : { reason: health.reason }),
      ...(health?.latency === undefined ? {} : { latency_ms: Math.round(health.latency * 10) / 10 }),
    };
  }

  async #try(peer: NodeId, state: ChannelState, stops: Set<() => void>, named: boolean): Promise<CheckRow> {
    const { name, traits } = state.channel;
    const { since: _, ...known } = this.path(peer, state);
    const row = { ...known, peer };
    const link = this.#host.link(name);
    const { hints } = this.#host;
    const remedied = (met: Trouble) => remedyFor(name, met, peer, hints(peer, "ssh"));
    const given = this.#host.peers.addresses(peer, name).length > 0;
    const trouble = untriable(
      link,
      peer,
      hints(peer, name).length > 0 ? "bad_hint" : given ? "nowhere" : "no_address",
    );
    if (link === undefined || trouble !== undefined)
      return { ...row, works: false, outcome: "failed", remedy: remedied(trouble ?? "closed") };
    if (traits.effect === "wakes" && !named) {
      const how = `multifleet check ${peer} --channel ${name}`;
      const reason = "not tried: it would wake the machine";
      return { ...row, works: false, outcome: "not_tried", reason, remedy: how };
    }
    const began = performance.now();
    const { outcome, reason, trouble: met } = await this.#probe(peer, link, stops, traits.effect);
    const ms = Math.round((performance.now() - began) * 10) / 10;
    if (outcome === "answered") {
      const { reason: __, ...works } = row;
      return { ...works, state: "up", works: true, outcome, ms };
    }
    const remedy = met === undefined ? {} : { remedy: remedied(met) };
    return { ...row, works: false, outcome, ms, reason, ...remedy };
  }

  /** Why a channel that is open knows no way to a peer. An address is not shown: it may hold a login. */
  #noWay(channel: string, peer: NodeId, link: Link): string {
    if (relayNames.includes(channel))
      return "no other node is known that could pass anything on to this peer";
    const { available, reason } = link.status?.() ?? {};
    if (available === false && typeof reason === "string") return reason;
    if (this.#host.hints(peer, channel).length > 0)
      return `peers.${peer}.${channel} in config.json is not an address that can be used here`;
    return this.#host.peers.addresses(peer, channel).length > 0
      ? "what it tells of itself leads nowhere from here"
      : "no address is known for this peer";
  }

  async #probe(peer: NodeId, link: Link, stops: Set<() => void>, effect: Effect): Promise<Probed> {
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
    let timer = setTimeout(stop, patience[effect]);
    const reached = new Promise<boolean>((done) => {
      this.#waiting.set(id, { probe, reached: () => done(true) });
      limit.signal.addEventListener("abort", () => done(false));
    });
    try {
      const result = await link.send({ id, to: peer, bytes: sealed.bytes }, { signal: limit.signal });
      if (!result.ok) {
        const { code, message } = result.error;
        if (code === "ABORTED")
          return { outcome: "failed", reason: `no answer within ${patience[effect]} ms`, trouble: "TIMEOUT" };
        return { outcome: "failed", reason: `${code}: ${message}`, trouble: code };
      }
      if (result.effect === "wakes")
        return {
          outcome: "woke",
          reason: "a magic packet was sent; whether it woke shows with the peer's hello",
        };
      if (result.answer !== undefined) {
        const opened = open(result.answer, fleet);
        const receipt = opened.ok ? readReceipt(opened.packet, probe) : undefined;
        if (receipt?.outcome === "reached") return answered;
        return { outcome: "failed", reason: "the answer is not the peer's", trouble: "INTERNAL" };
      }
      // What a store holds is read soon where its medium pushes, and else at the peer's next event.
      clearTimeout(timer);
      timer = setTimeout(stop, patience.delivers);
      if (await reached) return answered;
      const reason = `stored; ${peer} has not answered within ${patience.delivers} ms`;
      return { outcome: "stored", reason, trouble: "not_answered" };
    } finally {
      clearTimeout(timer);
      stops.delete(stop);
      this.#waiting.delete(id);
    }
  }
}

function time(at: number): string {
  return new Date(at).toISOString();
}
