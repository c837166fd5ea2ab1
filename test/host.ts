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
} from "../packages/core/src/index.js";

export const bravo: NodeId = nodeId("bravo");

/** A daemon that remembers what its channel said, and tells whoever waits for it. */
export class Host implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleetId("home");
  readonly received: Buffer[] = [];
  readonly events: MediumEvent[] = [];
  readonly counts: Record<string, number> = {};
  /** Where every peer says it is, but for those of `toldOf`. */
  readonly told: string[] = [];
  /** Where single peers say they are. */
  readonly toldOf = new Map<string, readonly string[]>();
  judge: (bytes: Uint8Array) => Verdict | Promise<Verdict> = () => ({ code: "taken" });
  readonly #looks = new Set<() => void>();

  /** @param told where every peer says it is */
  constructor(node: string, ...told: string[]) {
    this.node = nodeId(node);
    this.told.push(...told);
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

  addresses(to: NodeId): readonly string[] {
    return this.toldOf.get(to) ?? this.told;
  }

  /** What was received, of senders that send text. */
  get texts(): string[] {
    return this.received.map(String);
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

export async function open(channel: Channel, host: ChannelHost): Promise<Link> {
  return await channel.open(host, { signal: new AbortController().signal });
}

/** Sends to bravo. */
export async function send(
  link: Link,
  frame: Uint8Array | string = "hello",
  signal: AbortSignal = new AbortController().signal,
  id: PacketId = newPacketId(Date.now()),
): Promise<SendResult> {
  return await link.send({ id, to: bravo, bytes: Buffer.from(frame) }, { signal });
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
