import {
  fleetId,
  newPacketId,
  nodeId,
  type ChannelHost,
  type Link,
  type MediumEvent,
  type NodeId,
  type SendResult,
  type Verdict,
} from "@multifleet/core";
import { git } from "../src/index.js";
import type { GitOptions } from "../src/options.js";

/** A daemon that remembers what its channel said, and tells whoever waits for it. */
export class Host implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleetId("home");
  readonly received: string[] = [];
  readonly events: MediumEvent[] = [];
  readonly counts: Record<string, number> = {};
  readonly told = new Map<string, readonly string[]>();
  judge: (text: string) => Verdict | Promise<Verdict> = () => ({ code: "taken" });
  readonly #looks = new Set<() => void>();

  constructor(node: string) {
    this.node = nodeId(node);
  }

  async receive(bytes: Uint8Array): Promise<Verdict> {
    const text = Buffer.from(bytes).toString();
    this.received.push(text);
    this.#look();
    return await this.judge(text);
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
    return this.told.get(to) ?? [];
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

/** One node with its channel open. */
export class Node {
  readonly host: Host;
  readonly link: Link;

  private constructor(host: Host, link: Link) {
    this.host = host;
    this.link = link;
  }

  static async open(host: Host | string, options: GitOptions): Promise<Node> {
    const daemon = typeof host === "string" ? new Host(host) : host;
    return new Node(daemon, await git(options).open(daemon, { signal: new AbortController().signal }));
  }

  async send(to: string, text: string, signal = new AbortController().signal): Promise<SendResult> {
    const frame = { id: newPacketId(Date.now()), to: nodeId(to), bytes: Buffer.from(text) };
    return await this.link.send(frame, { signal });
  }

  /** Resolves once `count` frames came in all. */
  async received(count: number): Promise<string[]> {
    await this.host.until(() => this.host.received.length >= count);
    return this.host.received;
  }

  async close(): Promise<void> {
    await this.link[Symbol.asyncDispose]();
  }
}

/** The error code and text of a failed send, or the effect of one that worked. */
export function outcome(result: SendResult): string {
  return result.ok ? result.effect : `${result.error.code}: ${result.error.message}`;
}
