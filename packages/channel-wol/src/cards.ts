import type { ChannelHost, NodeId } from "@multifleet/core";
import { parseAddress, type Card } from "./address.js";

/** A peer's further cards are not woken: a fleet's member may tell anything. */
const most = 8;
/** Parsed addresses are remembered up to this many; then all are forgotten. */
const maxParsed = 4_096;

/** The cards of peers, as the daemon knows them from the config and from what peers tell. */
export class Cards {
  readonly #host: ChannelHost;
  readonly #parsed = new Map<string, Card | undefined>();

  constructor(host: ChannelHost) {
    this.#host = host;
  }

  of(peer: NodeId): readonly Card[] {
    const cards: Card[] = [];
    for (const address of this.#host.addresses(peer)) {
      const card = this.#parse(address);
      if (card !== undefined && cards.length < most) cards.push(card);
    }
    return cards;
  }

  #parse(address: string): Card | undefined {
    if (!this.#parsed.has(address)) {
      if (this.#parsed.size === maxParsed) this.#parsed.clear();
      const card = parseAddress(address);
      if (card === undefined) this.#host.count("bad_addresses");
      this.#parsed.set(address, card);
    }
    return this.#parsed.get(address);
  }
}
