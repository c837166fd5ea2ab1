import { open, type Opened, type PacketId } from "@multifleet/core";
import type { NodeCounters } from "../books.js";
import type { Checks } from "../check.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Peers } from "../peers.js";
import type { LatePresence } from "../roster/late-presence.js";
import type { Post } from "./post.js";

export interface IncomingReceiptsHost {
  readonly counters: NodeCounters;
  readonly checks: Pick<Checks, "receipt">;
  readonly fleet: Fleet;
  readonly peers: Pick<Peers, "heard">;
  readonly post: Pick<Post, "word" | "believe">;
  readonly presence: Pick<LatePresence, "now">;
  now(): number;
}

/** Receipts that others made: only the receiver's own word for exactly what was sent is believed. */
export class IncomingReceipts {
  readonly #host: IncomingReceiptsHost;

  constructor(host: IncomingReceiptsHost) {
    this.#host = host;
  }

  /** One that a channel carried back at once. See {@link CarriageHost.answered}. */
  async answered(id: PacketId, answer: Uint8Array, believed: () => void): Promise<boolean> {
    const { counters, fleet, peers, post, presence, now } = this.#host;
    const opened = open(answer, fleet);
    const word = opened.ok ? post.word(id, opened) : undefined;
    if (!opened.ok || word === undefined) {
      counters.count("receipts_refused_total");
      return false;
    }
    peers.heard(opened.packet.from, now());
    presence.now?.heard(opened.packet);
    believed();
    await post.believe(word, answer);
    return true;
  }

  /** One that came by itself, of a message or of a probe. False when it fits nothing we wait for. */
  async take(opened: Extract<Opened, { ok: true }>, sealed: Uint8Array): Promise<boolean> {
    const { checks, post } = this.#host;
    if (checks.receipt(opened)) return true;
    const word = post.word(opened.packet.id, opened);
    if (word === undefined) return false;
    await post.believe(word, sealed);
    return true;
  }
}
