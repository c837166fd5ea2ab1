import { newPacketId, type NodeId, type Packet } from "@multifleet/core";
import type { Item } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import type { EventLog } from "../events.js";
import type { Hellos } from "../hello.js";
import type { Log } from "../log.js";
import type { Post } from "../messages/post.js";
import type { Addresses, Peers } from "../peers.js";
import type { LatePresence } from "../roster/late-presence.js";
import type { Fleet } from "./fleet.js";
import { membershipBody, readSurfaced, surfacedBody, takeMembership } from "./notice-bodies.js";

export interface NoticesHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly events: EventLog;
  readonly fleet: Fleet;
  readonly peers: Peers;
  readonly post: Pick<Post, "notify" | "surfaced">;
  readonly presence: Pick<LatePresence, "now">;
  readonly hellos: Pick<Hellos, "say">;
  now(): number;
  /** Where this node is reached now, by channel. */
  addresses(): Addresses;
}

/** What members tell each other, and what must arrive: who belongs to the fleet, and that a message was given to a session. */
export class Notices {
  readonly #host: NoticesHost;

  constructor(host: NoticesHost) {
    this.#host = host;
  }

  /** Carries out one that came. @throws when it must come again. */
  async take(packet: Packet): Promise<void> {
    const { counters, events, fleet, hellos, log, peers, post, presence } = this.#host;
    if (packet.type === "wake") return;
    if (packet.type === "surfaced") {
      const id = readSurfaced(packet);
      if (id !== undefined) await post.surfaced(id, packet.from);
      return;
    }
    const fresh = await takeMembership(packet, fleet, peers);
    if (fresh === undefined) {
      counters.count("packets_refused_total", "bad_membership");
      return;
    }
    log.info("membership", { version: fleet.version, nodes: fleet.peers.length + 1 });
    for (const node of fresh) events.emit("peer", { node, state: "admitted" });
    presence.now?.members();
    hellos.say(fresh);
  }

  /** A node was let in: the others are told, and where it is. */
  admitted(node: NodeId): void {
    const { events, fleet, presence } = this.#host;
    events.emit("peer", { node, state: "admitted" });
    presence.now?.members();
    this.sendMembership(fleet.peers.filter((peer) => peer !== node));
  }

  sendMembership(to: readonly NodeId[]): void {
    const { addresses, fleet, peers } = this.#host;
    for (const peer of to) this.#send(peer, "membership", membershipBody(fleet, peers, addresses()));
  }

  /** An agent session was given the item: its sender is told. */
  surfaced({ id, from }: Item): void {
    this.#send(from, "surfaced", surfacedBody(id));
  }

  #send(to: NodeId, type: "membership" | "surfaced", body: Uint8Array): void {
    const { post, now } = this.#host;
    background(post.notify(to, type, body, newPacketId(now())), type, this.#host);
  }
}
