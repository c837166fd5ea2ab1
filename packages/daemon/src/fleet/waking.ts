import { isNodeId, type NodeId, type Packet } from "@multifleet/core";
import type { ChannelHealth } from "@multifleet/cascade";
import * as z from "zod";
import type { Post } from "../messages/post.js";
import type { Peers } from "../peers.js";
import type { Fleet } from "./fleet.js";

export interface WakingHost {
  readonly fleet: Fleet;
  readonly peers: Peers;
  readonly post: Pick<Post, "ask">;
  /** The open channels that deliver and reach `peer`. */
  deliverers(peer: NodeId): readonly string[];
  health(peer: NodeId): readonly ChannelHealth[];
}

/** Wakes a member by a packet of this machine's own; false when that could not be done. */
type Wake = (target: NodeId, signal: AbortSignal) => Promise<boolean>;

/** Open for keys that newer versions add. */
const request = z.object({ target: z.string().refine(isNodeId) });

/** How long a request may be on its way, in milliseconds: who is woken by an older one is woken for nothing. */
const lifetime = 15_000;

/** Members wake each other's neighbours: who is not on the sleeper's network asks one that is. */
export class Waking {
  readonly #host: WakingHost;
  #wake: Wake | undefined;

  constructor(host: WakingHost) {
    this.#host = host;
  }

  /** What the channel that wakes is given. */
  get options() {
    return {
      members: () => this.#members(),
      ask: (helper: NodeId, target: NodeId, signal: AbortSignal) => this.#ask(helper, target, signal),
      lend: (wake: Wake | undefined) => void (this.#wake = wake),
    };
  }

  /** Carries out what a member asks for. False when it cannot be done, or is no request of ours to grant. */
  async take({ body }: Packet): Promise<boolean> {
    const target = readRequest(body);
    if (target === undefined || this.#host.fleet.member(target) === undefined) return false;
    if (target === this.#host.fleet.node) return true;
    return (await this.#wake?.(target, AbortSignal.timeout(lifetime))) ?? false;
  }

  /** The peers that may be awake: there is a way to each that is not known to be down, and those that were heard last come first. */
  #members(): readonly NodeId[] {
    const { fleet, peers } = this.#host;
    return fleet.peers
      .filter((peer) => this.#ways(peer).length > 0)
      .toSorted((a, b) => (peers.lastSeen(b) ?? 0) - (peers.lastSeen(a) ?? 0));
  }

  #ask(helper: NodeId, target: NodeId, signal: AbortSignal): Promise<boolean> {
    // One channel that delivers: a helper that sleeps itself is neither woken for this, nor left a note that it would find too late.
    const [via] = this.#ways(helper);
    if (via === undefined) return Promise.resolve(false);
    const body = new TextEncoder().encode(JSON.stringify({ target }));
    return this.#host.post.ask(helper, "wake", body, { via, lifetime, signal });
  }

  /** The channels that deliver to a peer and are not known to be down, those that are up before the others. */
  #ways(peer: NodeId): readonly string[] {
    const states = new Map(this.#host.health(peer).map(({ channel, state }) => [channel, state]));
    const ways = this.#host.deliverers(peer).filter((way) => states.get(way) !== "down");
    return ways.toSorted((a, b) => Number(states.get(b) === "up") - Number(states.get(a) === "up"));
  }
}

function readRequest(body: Uint8Array): NodeId | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
  const parsed = request.safeParse(value);
  return parsed.success ? parsed.data.target : undefined;
}
