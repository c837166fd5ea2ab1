import type { NodeId, Packet } from "@multifleet/core";
import type { ChannelHealth } from "@multifleet/cascade";
import type { Mailbox } from "@multifleet/mailbox";
import type { NodeCounters } from "../books.js";
import type { Fleet } from "../fleet/fleet.js";
import { mostHeard } from "../hello.js";
import type { Log } from "../log.js";
import type { Carriage } from "../messages/carriage.js";
import type { Way } from "../messages/door.js";
import type { Sealing } from "../messages/sealing.js";
import { Forwarding } from "./forwarding.js";
import { Handing } from "./handing.js";
import { Keeping } from "./keeping.js";
import { Kept } from "./kept.js";
import { relayName } from "./names.js";
import { Quotas } from "./quota.js";
import { Relaying, type RelayingHost } from "./relaying.js";
import { HeardRoutes } from "./routes.js";
import { Straight } from "./straight.js";

export interface RelaysHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly mailbox: Mailbox;
  readonly sealing: Sealing;
  readonly carriage: Carriage;
  now(): number;
  /** Whether this node passes packets on, and has its own passed on. */
  on(): boolean;
  /** The open channels that deliver and lead straight to a peer. */
  direct(): readonly string[];
  health(peer: NodeId, among: readonly string[]): readonly ChannelHealth[];
  receive: RelayingHost["receive"];
  /** The nodes whose rows of the roster say that they reach `to`, the chief first. */
  likely(to: NodeId): readonly NodeId[];
  /** How many messages wait for a peer. */
  pendingTo(peer: NodeId): number;
  /** Says hello to a peer through others. */
  greet(peer: NodeId): void;
}

/** Up to so many nodes that pass on, each of them may be the only way to anybody. */
const fewRelays = 3;
/** How long the list of those that this node hears holds, in milliseconds: a start says hello to the whole fleet at once. */
const heardFor = 1_000;

/** All of relaying: whom to ask and what for, what others ask, and who reaches whom. */
export class Relays {
  /** What the channel is given of this node. */
  readonly forwarding: Forwarding;
  readonly #host: RelaysHost;
  readonly #routes: HeardRoutes;
  readonly #keeping: Keeping;
  readonly #handing: Handing;
  readonly #relaying: Relaying;
  /** Peers that were heard straight from themselves, the last one at the end. */
  readonly #heard = new Set<NodeId>();
  /** Peers that our hello did not reach, until somebody is known to reach them. */
  readonly #unreached = new Set<NodeId>();
  #hears: readonly NodeId[] = [];
  #hearsAt = -Infinity;

  constructor(host: RelaysHost) {
    this.#host = host;
    const routes = new HeardRoutes({ likely: (to) => host.likely(to) });
    this.#routes = routes;
    this.forwarding = new Forwarding({ ...host, routes });
    const { forwarding } = this;
    const common = { ...host, routes, forwarding, kept: new Kept(host.mailbox) };
    const straight = new Straight(common);
    const keeping = new Keeping(common);
    const handing = new Handing({ ...common, straight, keeping });
    this.#keeping = keeping;
    this.#handing = handing;
    this.#relaying = new Relaying({ ...common, straight, keeping, handing, quotas: new Quotas() });
  }

  /** Takes a member's request; see {@link Relaying}. */
  take(packet: Packet, way: Way): Promise<Uint8Array | undefined> {
    return this.#relaying.take(packet, way);
  }

  /** Takes up what the last run kept: each target's hello brings it what waits for it. */
  resume(): void {
    this.#keeping.arm();
  }

  close(): void {
    this.#keeping.close();
    this.#handing.close();
  }

  /** A short list of those that this node hears, for its hello; undefined where it passes nothing on. */
  hears(): readonly NodeId[] | undefined {
    const { now, on } = this.#host;
    if (!on()) return undefined;
    if (now() >= this.#hearsAt && now() < this.#hearsAt + heardFor) return this.#hears;
    const last = [...this.#heard].slice(-mostHeard).toReversed();
    this.#hears = last.filter((node) => this.forwarding.isNear(node));
    this.#hearsAt = now();
    return this.#hears;
  }

  /** A peer's hello says whom it hears, or that it passes nothing on. */
  told(peer: NodeId, hears: readonly NodeId[] | undefined): void {
    this.#routes.learn(peer, hears);
    for (const node of hears ?? []) if (this.#unreached.delete(node)) this.#host.greet(node);
  }

  /** None of our channels reaches a peer: somebody who does passes our hello on, so that it knows the way back to us. */
  unreached(peer: NodeId): void {
    if (!this.#host.on() || this.forwarding.isNear(peer)) return;
    if (this.forwarding.likely(peer).length > 0) this.#host.greet(peer);
    else this.#unreached.add(peer);
  }

  /** A genuine packet of a peer came in. */
  heard({ kind, from }: Packet, way: { readonly name: string }): void {
    if (way.name === relayName) return;
    this.#heard.delete(from);
    this.#heard.add(from);
    this.#unreached.delete(from);
    if (kind !== "hello") return;
    this.#handing.wake(from);
    this.forwarding.found(this.#mayWaitFor(from), from);
  }

  /** A medium came back, for one peer or for all. */
  mediumUp(peer: NodeId | undefined): void {
    if (peer === undefined) this.#handing.wakeAll();
    else this.#handing.wake(peer);
  }

  /** The peers whose messages may find a way through `relay`: where there are many relays, those that it is known to reach. */
  #mayWaitFor(relay: NodeId): readonly NodeId[] {
    const { fleet, pendingTo } = this.#host;
    if (!this.#routes.passes(relay)) return [];
    const waiting = fleet.peers.filter((peer) => pendingTo(peer) > 0);
    if (this.#routes.relays().length <= fewRelays) return waiting;
    return waiting.filter((peer) => this.#routes.likely(peer).includes(relay));
  }
}
