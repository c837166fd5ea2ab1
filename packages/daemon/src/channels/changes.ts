import type { Channel, Link, MediumEvent } from "@multifleet/core";
import type { Carrier } from "@multifleet/cascade";
import type { EventLog } from "../events.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Hellos } from "../hello.js";
import type { Carriage } from "../messages/carriage.js";
import { relayNames } from "../relay/names.js";
import type { Relays } from "../relay/relays.js";
import type { LatePresence } from "../roster/late-presence.js";

export interface ChannelChangesHost {
  readonly events: EventLog;
  readonly fleet: Pick<Fleet, "peers">;
  readonly carriage: Pick<Carriage, "tell">;
  readonly hellos: Pick<Hellos, "say">;
  readonly presence: Pick<LatePresence, "now">;
  readonly relays: Pick<Relays, "mediumUp">;
}

/** Tells the rest of the node that a channel opened or closed, or that its medium came or went. */
export class ChannelChanges {
  readonly #host: ChannelChangesHost;
  #quiet = false;

  constructor(host: ChannelChangesHost) {
    this.#host = host;
  }

  opened({ name, traits }: Channel, link: Link): void {
    const { carriage, events, fleet, hellos, presence } = this.#host;
    const carrier: Carrier = {
      name,
      effect: traits.effect,
      rank: traits.rank,
      maxFrameBytes: traits.maxFrameBytes,
      reaches: (peer) => link.reaches(peer),
    };
    carriage.tell({ kind: "opened", carrier });
    events.emit("channel", { channel: name, state: "open" });
    presence.now?.channels({ name, state: "up" });
    if (!this.#quiet) hellos.say(fleet.peers, name);
  }

  closed({ name }: Channel, reason: string): void {
    const { carriage, events, presence } = this.#host;
    carriage.tell({ kind: "closed", channel: name, reason });
    presence.now?.channels();
    events.emit("channel", { channel: name, state: "closed", reason });
  }

  medium({ name }: Channel, { state, peer, reason = "" }: MediumEvent): void {
    const { carriage, events, presence, relays } = this.#host;
    const of = peer === undefined ? {} : { peer };
    carriage.tell({ kind: "medium", channel: name, state, reason, ...of });
    presence.now?.channels(peer === undefined ? { name, state } : undefined);
    if (state === "up" && !relayNames.includes(name)) relays.mediumUp(peer);
    events.emit("channel", { channel: name, state, reason, ...of });
  }

  /** While several channels are opened: one hello at the end tells all addresses at once. */
  async quietly(work: () => Promise<void>): Promise<void> {
    this.#quiet = true;
    try {
      await work();
    } finally {
      this.#quiet = false;
    }
  }
}
