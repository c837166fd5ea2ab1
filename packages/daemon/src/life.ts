import type { Channel } from "@multifleet/core";
import { background, type NodeCounters } from "./books.js";
import type { ChannelChanges } from "./channels/changes.js";
import type { Discovered } from "./channels/discover.js";
import { checkHints } from "./channels/hints.js";
import type { PacketListener } from "./channels/packet-listener.js";
import type { Supervisor } from "./channels/supervisor.js";
import type { Config } from "./config.js";
import { StartFailure } from "./failure.js";
import type { Fleet } from "./fleet/fleet.js";
import type { Hellos } from "./hello.js";
import type { Log } from "./log.js";
import { watchMachine, type MachineEvent } from "./machine/watch.js";
import type { Carriage } from "./messages/carriage.js";
import type { Post } from "./messages/post.js";
import type { Receipts } from "./messages/receipts.js";
import type { NatsChannels } from "./nats/nats-channels.js";
import type { Peers } from "./peers.js";
import type { Relays } from "./relay/relays.js";
import type { LatePresence } from "./roster/late-presence.js";

export interface LifeHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly config: Pick<Config, "channels" | "peers">;
  readonly fleet: Pick<Fleet, "peers">;
  readonly carriage: Pick<Carriage, "close">;
  readonly changes: Pick<ChannelChanges, "quietly">;
  readonly hellos: Pick<Hellos, "say">;
  readonly listener: Pick<PacketListener, "settlePort">;
  readonly natsChannels: Pick<NatsChannels, "follow" | "begin" | "end">;
  readonly peers: Pick<Peers, "save">;
  readonly post: Pick<Post, "resume" | "close">;
  readonly presence: Pick<LatePresence, "load" | "end">;
  readonly receipts: Pick<Receipts, "pay">;
  readonly relays: Pick<Relays, "resume" | "close">;
  readonly supervisor: Pick<Supervisor, "open" | "states" | "poke" | "close">;
  /** The node's way to itself. */
  readonly self: Channel;
  /** The node's channels, to be opened. @throws StartFailure */
  own(): Promise<Discovered>;
}

/** A node's start, its first words to its peers, what it does when its machine wakes or moves, and its end. */
export class Life {
  readonly #host: LifeHost;
  #skipped: Discovered["skipped"] = [];
  #ended = false;
  #unwatch = () => {};

  constructor(host: LifeHost) {
    this.#host = host;
  }

  /** Channels that are installed but could not be used at the start. */
  get skipped(): Discovered["skipped"] {
    return this.#skipped;
  }

  /** Opens the channels, and takes up what the last run left. @throws StartFailure */
  async start(): Promise<void> {
    const { changes, config, listener, log, natsChannels, post, relays, supervisor, self } = this.#host;
    natsChannels.follow();
    const { channels, configured, skipped, madeFor } = await this.#host.own();
    // What a channel calls itself that could not be loaded is not known.
    if (skipped.length === 0)
      checkHints(
        config,
        channels.map(({ name }) => name),
      );
    this.#skipped = skipped;
    natsChannels.begin(channels.map(({ name }) => name).filter((name) => madeFor.get(name) === "nats"));
    for (const { name, reason } of skipped) log.warn("channel_skipped", { channel: name, reason });
    await changes.quietly(() => supervisor.open([...channels, self]));
    await listener.settlePort(configured);
    for (const { channel, state, reason } of supervisor.states()) {
      if (state === "misconfigured" && configured.has(channel.name))
        throw new StartFailure(`${this.#keyOf(channel.name, reason)}: ${reason}`);
    }
    post.resume();
    relays.resume();
  }

  /** Says hello to the peers, and what is still owed to them. Apart from `start`, so that nobody waits for it who waits for this node. */
  greet(): void {
    if (this.#ended) return;
    const { counters, fleet, hellos, presence, receipts } = this.#host;
    // The first hello is to have the roster's part already.
    const say = () => (this.#ended ? undefined : hellos.say(fleet.peers));
    background(presence.load().finally(say), "roster", this.#host);
    for (const peer of fleet.peers) receipts.pay(peer);
    this.#unwatch = watchMachine(
      (event) => this.#machineChanged(event),
      (program) => counters.count("machine_watches_missing_total", program),
    );
  }

  /** Ends what the node started; the store and the local API are ended by whoever opened them. */
  async end(): Promise<void> {
    const { carriage, natsChannels, peers, post, presence, relays, supervisor } = this.#host;
    this.#ended = true;
    this.#unwatch();
    natsChannels.end();
    await presence.end();
    post.close();
    relays.close();
    carriage.close();
    await supervisor.close();
    await peers.save();
  }

  /** The key of the config that a channel's refusal is about: seed files over SSH are refused for what stands in `channels.ssh`. */
  #keyOf(channel: string, reason: string): string {
    const names = Object.keys(this.#host.config.channels ?? {});
    return `channels.${names.find((name) => reason.startsWith(`MISCONFIGURED: ${name}: `)) ?? channel}`;
  }

  /** Peers are told that we are here, and perhaps elsewhere; what waits on media that cannot push is read. */
  #machineChanged(event: MachineEvent): void {
    const { counters, fleet, hellos, supervisor } = this.#host;
    counters.count("machine_events_total", event);
    hellos.say(fleet.peers);
    supervisor.poke();
  }
}
