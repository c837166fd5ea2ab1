import {
  ChannelError,
  type Channel,
  type ChannelHost,
  type FleetId,
  type Link,
  type MediumEvent,
  type NodeId,
  type Verdict,
} from "@multifleet/core";
import { background, type NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Log } from "../log.js";

export interface SupervisorHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly node: () => NodeId;
  readonly fleet: () => FleetId;
  readonly random: () => number;
  now(): number;
  receive(bytes: Uint8Array, channel: Channel): Promise<Verdict>;
  addresses(to: NodeId, channel: string): readonly string[];
  opened(channel: Channel, link: Link): void;
  closed(channel: Channel, reason: string): void;
  medium(channel: Channel, event: MediumEvent): void;
}

/** A channel's own state, for people. */
export interface ChannelState {
  readonly channel: Channel;
  readonly state: "opening" | "open" | "closed" | "misconfigured";
  readonly since: number;
  readonly reason: string;
}

/** First wait before a channel that broke is opened again, and the longest, in milliseconds; doubled each time, with full jitter. */
const firstWait = 500;
const longestWait = 30_000;

/** Opens the channels and keeps them open: a link that breaks, or an open that fails, is tried again until the node ends. */
export class Supervisor {
  readonly #host: SupervisorHost;
  readonly #kept: Keeper[] = [];

  constructor(host: SupervisorHost) {
    this.#host = host;
  }

  /** Called once, at the start. Resolves once each channel is open or has failed for the first time. */
  async open(channels: readonly Channel[]): Promise<void> {
    this.#kept.push(...channels.map((channel) => new Keeper(channel, this.#host)));
    await Promise.all(this.#kept.map((keeper) => keeper.open()));
  }

  link(name: string): Link | undefined {
    return this.#kept.find((keeper) => keeper.channel.name === name)?.link;
  }

  states(): ChannelState[] {
    return this.#kept.map((keeper) => keeper.state());
  }

  /**
   * By channel, where this node is reached. A channel that is closed for the moment counts with its last addresses: a peer that is told of
   * none would have no way to us until we speak again.
   */
  addresses(): Record<string, readonly string[]> {
    const all: Record<string, readonly string[]> = {};
    for (const { channel, addresses } of this.#kept) if (addresses.length > 0) all[channel.name] = addresses;
    return all;
  }

  /** Closes every channel and opens it again, `other` in the place of the one with its name: after this node's name changed. */
  async reopen(other?: Channel): Promise<void> {
    const next = (channel: Channel) => (other?.name === channel.name ? other : channel);
    await Promise.all(this.#kept.map((keeper) => this.#replace(keeper, next(keeper.channel))));
  }

  /** Puts another channel in the place of the one with its name: after its options changed. */
  async replace(channel: Channel): Promise<void> {
    const keeper = this.#kept.find((each) => each.channel.name === channel.name);
    if (keeper !== undefined) await this.#replace(keeper, channel);
  }

  /** Puts `channels` in the place of those named in `stale`, which may be more, fewer or others: after what they are made from changed. */
  async exchange(stale: ReadonlySet<string>, channels: readonly Channel[]): Promise<void> {
    const gone = this.#kept.filter(({ channel }) => stale.has(channel.name));
    await Promise.all(gone.map((keeper) => keeper.close()));
    const next = channels.map((channel) => new Keeper(channel, this.#host));
    const stays = this.#kept.filter((keeper) => !gone.includes(keeper));
    this.#kept.splice(0, this.#kept.length, ...stays, ...next);
    await Promise.all(next.map((keeper) => keeper.open()));
  }

  /** Opens those of these channels that wait to be opened again: what they waited for is there. */
  wake(names: ReadonlySet<string>): void {
    for (const keeper of this.#kept) if (names.has(keeper.channel.name)) keeper.wake();
  }

  async #replace(keeper: Keeper, channel: Channel): Promise<void> {
    await keeper.close();
    const next = new Keeper(channel, this.#host);
    this.#kept[this.#kept.indexOf(keeper)] = next;
    await next.open();
  }

  /** Has every channel whose medium cannot push read it now. */
  poke(): void {
    for (const { link } of this.#kept) link?.poke?.();
  }

  async close(): Promise<void> {
    await Promise.all(this.#kept.map((keeper) => keeper.close()));
  }
}

/** Keeps one channel open. */
class Keeper {
  readonly channel: Channel;
  link: Link | undefined;
  #lastAddresses: readonly string[] = [];
  readonly #host: SupervisorHost;
  readonly #ended = new AbortController();
  #state: ChannelState["state"] = "opening";
  #since: number;
  #reason = "";
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(channel: Channel, host: SupervisorHost) {
    this.channel = channel;
    this.#host = host;
    this.#since = host.now();
  }

  /** The link's own, which may change while it is open; once it is closed, the last ones. */
  get addresses(): readonly string[] {
    if (this.link !== undefined) this.#lastAddresses = this.link.addresses;
    return this.#lastAddresses;
  }

  state(): ChannelState {
    return { channel: this.channel, state: this.#state, since: this.#since, reason: this.#reason };
  }

  async open(): Promise<void> {
    const { counters, log } = this.#host;
    const { name } = this.channel;
    const again = this.#failures > 0;
    if (again) counters.count("self_heal_repair_attempts_total");
    let link: Link;
    try {
      link = await this.channel.open(this.#channelHost(), { signal: this.#ended.signal });
    } catch (thrown) {
      if (this.#ended.signal.aborted) return;
      counters.count("channel_open_errors_total", name);
      const never = thrown instanceof ChannelError && thrown.code === "MISCONFIGURED";
      this.#become(never ? "misconfigured" : "closed", explain(thrown));
      log.error("channel_not_open", { channel: name, reason: this.#reason });
      if (!never) this.#openLater();
      return;
    }
    if (this.#ended.signal.aborted) {
      await link[Symbol.asyncDispose]();
      return;
    }
    if (again) counters.count("self_heal_repair_success_total");
    this.#failures = 0;
    this.link = link;
    this.#become("open", "");
    log.info("channel_open", { channel: name, addresses: link.addresses });
    this.#host.opened(this.channel, link);
    background(this.#watch(link), "channel", this.#host);
  }

  wake(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#failures = 0;
    this.#openNow();
  }

  async close(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { link } = this;
    if (link === undefined) return;
    this.#lastAddresses = link.addresses;
    this.link = undefined;
    this.#become("closed", "the node closed it");
    this.#host.closed(this.channel, "the node closed it");
    await link[Symbol.asyncDispose]();
  }

  async #watch(link: Link): Promise<void> {
    const error = await link.closed;
    if (this.link !== link) return;
    this.link = undefined;
    const reason = error === undefined ? "closed" : explain(error);
    this.#become("closed", reason);
    this.#host.counters.count("channel_closed_total", this.channel.name);
    this.#host.log.error("channel_closed", { channel: this.channel.name, reason });
    this.#host.closed(this.channel, reason);
    this.#openLater();
  }

  #openLater(): void {
    const most = Math.min(firstWait * 2 ** this.#failures, longestWait);
    this.#failures++;
    this.#timer = setTimeout(() => this.#openNow(), this.#host.random() * most);
  }

  #openNow(): void {
    this.#timer = undefined;
    background(this.open(), "channel", this.#host);
  }

  #become(state: ChannelState["state"], reason: string): void {
    this.#state = state;
    this.#since = this.#host.now();
    this.#reason = reason;
  }

  #channelHost(): ChannelHost {
    const host = this.#host;
    const { channel } = this;
    return {
      node: host.node(),
      fleet: host.fleet(),
      receive: (bytes) => host.receive(bytes, channel),
      count: (event) => host.counters.count("channel_events_total", `${channel.name}.${event}`),
      report: (event) => host.medium(channel, event),
      addresses: (to, other = channel.name) => host.addresses(to, other),
    };
  }
}
