import type { Packet } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import { selfName } from "../channels/self.js";
import type { Supervisor } from "../channels/supervisor.js";
import type { EventLog } from "../events.js";
import { aliveType } from "../hello.js";
import type { Log } from "../log.js";
import type { NatsChannels } from "../nats/nats-channels.js";
import type { Peers } from "../peers.js";
import type { Relays } from "../relay/relays.js";
import type { LatePresence } from "../roster/late-presence.js";
import type { Carriage } from "./carriage.js";
import type { Way } from "./door.js";
import type { Receipts } from "./receipts.js";

export interface HearingHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly events: EventLog;
  readonly mailbox: Pick<Mailbox, "advance">;
  readonly peers: Pick<Peers, "lastSeen" | "heard">;
  readonly carriage: Pick<Carriage, "tell">;
  readonly receipts: Pick<Receipts, "pay">;
  readonly relays: Pick<Relays, "heard">;
  readonly presence: Pick<LatePresence, "now">;
  readonly natsChannels: Pick<NatsChannels, "follow" | "renew">;
  readonly supervisor: Pick<Supervisor, "poke">;
  now(): number;
}

/** What a genuine packet says by having come, whatever is in it: its sender is alive, and there is a way. */
export class Hearing {
  readonly #host: HearingHost;

  constructor(host: HearingHost) {
    this.#host = host;
  }

  heard(packet: Packet, way: Way): void {
    const { peers, mailbox, presence, events, carriage, natsChannels, relays, now } = this.#host;
    const { from, stream, base, kind, type, replyTo } = packet;
    const first = peers.lastSeen(from) === undefined;
    peers.heard(from, now());
    mailbox.advance(from, stream, base);
    if (way.name === selfName) return;
    presence.now?.heard(packet);
    const hello = kind === "hello" && type !== aliveType;
    if (hello || first) events.emit("peer", { node: from, state: "heard", channel: way.name });
    carriage.tell({ kind: "heard", channel: way.name, peer: from, hello: hello && replyTo === "" });
    if (hello && natsChannels.follow()) background(natsChannels.renew(), "nats", this.#host);
    if (kind !== "hello" || hello) relays.heard(packet, way);
    if (!hello) return;
    this.#host.receipts.pay(from);
    // A peer that has just come may have left something where nobody tells of it.
    if (replyTo === "") this.#host.supervisor.poke();
  }
}
