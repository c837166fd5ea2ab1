import type { Channel } from "@multifleet/core";
import type { Supervisor } from "../channels/supervisor.js";
import type { Fleet } from "../fleet/fleet.js";
import type { Peers } from "../peers.js";
import { serverKind, type LocalServer } from "./local-server.js";
import type { NatsRequest } from "./settings.js";
import type { NatsServerView } from "./view.js";

export interface NatsChannelsHost {
  readonly fleet: Pick<Fleet, "peers">;
  readonly peers: Pick<Peers, "told">;
  readonly nats: Pick<LocalServer, "begin" | "follow" | "up" | "down" | "view">;
  readonly supervisor: Pick<Supervisor, "exchange" | "wake">;
  /** What the channels of NATS would be told of their servers now. */
  options(): object;
  /** The channels of NATS with what is now known of their servers; undefined where the node's channels were given to it. */
  made(): Promise<readonly Channel[] | undefined>;
  /** A server is shared, or no longer: the peers are to know. */
  served(): void;
}

/** Keeps the channels of NATS on the servers that are to be used: the node's own, or those that other members share. */
export class NatsChannels {
  readonly #host: NatsChannelsHost;
  #names: ReadonlySet<string> = new Set();
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(host: NatsChannelsHost) {
    this.#host = host;
  }

  /** Starts the node's own server if it is to run. @param names The channels of NATS that the node begins with. */
  begin(names: readonly string[]): void {
    const { nats, supervisor } = this.#host;
    this.#names = new Set(names);
    nats.begin(() => supervisor.wake(this.#names));
  }

  /** Takes up what the peers say of the servers that they share. @returns Whether others are to be used now. */
  follow(): boolean {
    const { fleet, nats, peers, options } = this.#host;
    const used = () => JSON.stringify(options());
    const before = used();
    nats.follow(fleet.peers.flatMap((peer) => peers.told(peer)[serverKind] ?? []));
    return used() !== before;
  }

  /** Opens the channels anew, where there are any, to the servers that are known now. */
  renew(): Promise<void> {
    const renewed = this.#turn.then(() => this.#exchange());
    this.#turn = Promise.allSettled([renewed]);
    return renewed;
  }

  /** Sets up the node's own server, starts it, and uses it. @throws Problem */
  async up(request: NatsRequest): Promise<NatsServerView> {
    await this.#host.nats.up(request);
    return this.#servedAnew();
  }

  /** Ends the node's own server for good. @throws Problem */
  async down(options: { readonly purge: boolean }): Promise<NatsServerView> {
    await this.#host.nats.down(options);
    return this.#servedAnew();
  }

  /** Nothing is opened any more. */
  end(): void {
    this.#ended = true;
  }

  async #servedAnew(): Promise<NatsServerView> {
    await this.renew();
    this.#host.served();
    return this.#host.nats.view();
  }

  async #exchange(): Promise<void> {
    if (this.#ended) return;
    const channels = await this.#host.made();
    if (channels === undefined) return;
    const stale = this.#names;
    this.#names = new Set(channels.map(({ name }) => name));
    await this.#host.supervisor.exchange(stale, channels);
  }
}
