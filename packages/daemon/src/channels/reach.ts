import type { Board, Channel, NodeId } from "@multifleet/core";
import type { ChannelHealth } from "@multifleet/cascade";
import { relayName, relayNames } from "../relay/names.js";
import { rankName } from "./catalog.js";
import { selfName } from "./self.js";
import type { ChannelState, Supervisor } from "./supervisor.js";

export interface ReachHost {
  readonly supervisor: Pick<Supervisor, "states" | "link">;
  health(peer: NodeId): readonly ChannelHealth[];
}

/** Which of the node's channels lead where. */
export class Reach {
  readonly #host: ReachHost;

  constructor(host: ReachHost) {
    this.#host = host;
  }

  /** The channels that people see, all but the node's way to itself, in the order that people know: also where one was opened late. */
  shown(): ChannelState[] {
    return this.#host.supervisor
      .states()
      .filter(({ channel }) => channel.name !== selfName)
      .toSorted((a, b) => Number(rankName(a.channel).slice(1)) - Number(rankName(b.channel).slice(1)));
  }

  /** The channels that deliver, and by no other node's help. */
  direct(): Channel[] {
    return this.shown()
      .map(({ channel }) => channel)
      .filter(({ name, traits }) => traits.effect === "delivers" && !relayNames.includes(name));
  }

  /** Those of them that lead straight to `peer`. */
  deliverers(peer: NodeId): string[] {
    return this.direct()
      .filter(({ name }) => this.#reaches(name, peer))
      .map(({ name }) => name);
  }

  /** Those of them that work to `peer`, in the order that people know. */
  working(peer: NodeId): string[] {
    const up = new Set(
      this.#host
        .health(peer)
        .filter(({ state }) => state === "up")
        .map(({ channel }) => channel),
    );
    return this.direct()
      .filter(({ name }) => up.has(name) && this.#reaches(name, peer))
      .toSorted((a, b) => a.traits.rank - b.traits.rank)
      .map(({ name }) => name);
  }

  /** The channel through other nodes, where it is on. */
  relayed(): string[] {
    return this.#host.supervisor.link(relayName) === undefined ? [] : [relayName];
  }

  /** The open channels that have a board, best first. */
  boards(): { readonly name: string; readonly board: Board }[] {
    const ranked = this.shown()
      .map(({ channel }) => channel)
      .toSorted((a, b) => a.traits.rank - b.traits.rank);
    return ranked.flatMap(({ name }) => {
      const board = this.#host.supervisor.link(name)?.board;
      return board === undefined ? [] : [{ name, board }];
    });
  }

  #reaches(name: string, peer: NodeId): boolean {
    return this.#host.supervisor.link(name)?.reaches(peer) === true;
  }
}
