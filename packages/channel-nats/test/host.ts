import {
  fleetId,
  newPacketId,
  nodeId,
  type Channel,
  type ChannelHost,
  type Link,
  type MediumEvent,
  type NodeId,
  type PacketId,
  type SendResult,
  type Verdict,
} from "@multifleet/core";
import { nats, type NatsOptions } from "../src/index.js";

export const bravo: NodeId = nodeId("bravo");

/** A daemon that remembers what its channel said, and tells whoever waits for it. */
export class Host implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleetId("home");
  readonly received: Buffer[] = [];
  readonly events: MediumEvent[] = [];
  readonly counts: Record<string, number> = {};
  judge: (bytes: Uint8Array) => Verdict | Promise<Verdict> = () => ({ code: "taken" });
  readonly #looks = new Set<() => void>();

  constructor(node: string) {
    this.node = nodeId(node);
  }

  async receive(bytes: Uint8Array): Promise<Verdict> {
    this.received.push(Buffer.from(bytes));
    this.#look();
    return await this.judge(bytes);
  }

  count(event: string): void {
    this.counts[event] = (this.counts[event] ?? 0) + 1;
    this.#look();
  }

  report(event: MediumEvent): void {
    this.events.push(event);
    this.#look();
  }

  addresses(): readonly string[] {
    return [];
  }

  get states(): string[] {
    return this.events.map(({ state }) => state);
  }

  /** Resolves once `condition` holds; it is looked at whenever the channel says something. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
    });
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
}

const opened = new Set<Link>();

/** Opens one of the two channels; it is closed by {@link closeAll} at the latest. */
export async function open(
  host: Host,
  options: NatsOptions,
  which: "nats" | "jetstream" = "nats",
): Promise<Link> {
  const channel = nats(options).find(({ name }) => name === which);
  return await openChannel(channel as Channel, host);
}

export async function openChannel(channel: Channel, host: Host): Promise<Link> {
  const link = await channel.open(host, { signal: new AbortController().signal });
  opened.add(link);
  return link;
}

/** Disposes every link that a test opened. */
export async function closeAll(): Promise<void> {
  const links = [...opened];
  opened.clear();
  await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
}

/** Sends to bravo. */
export async function send(
  link: Link,
  bytes: Uint8Array = Buffer.from("hello"),
  signal: AbortSignal = new AbortController().signal,
  id: PacketId = newPacketId(Date.now()),
): Promise<SendResult> {
  return await link.send({ id, to: bravo, bytes }, { signal });
}

/** The error code of a failed send, or the effect of one that worked. */
export function outcome(result: SendResult): string {
  return result.ok ? result.effect : result.error.code;
}

/** A verdict that is held back until `release` is called. */
export class Gate {
  release: () => void = () => undefined;
  readonly released: Promise<void>;

  constructor() {
    this.released = new Promise((resolve) => (this.release = resolve));
  }

  /** As a `judge`. */
  readonly take = async (): Promise<Verdict> => {
    await this.released;
    return { code: "taken" };
  };
}
