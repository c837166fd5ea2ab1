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
import { discord, type DiscordOptions } from "@multifleet/channel-discord";
import { contentOf } from "../src/post.js";
import { tagFor } from "../src/tag.js";
import { coverOf, keys } from "./covers.js";
import type { StandIn } from "./stand-in/stand-in.js";

export const fleet = fleetId("home");
export const members = await keys("alpha", "bravo");

/** A daemon that remembers what its channel said, and tells whoever waits for it. */
export class Host implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleet;
  readonly received: string[] = [];
  readonly events: MediumEvent[] = [];
  readonly counts: Record<string, number> = {};
  told: readonly string[] = [];
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

  addresses(): readonly string[] {
    return this.told;
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

/** Opens the channel of `host` on a stand-in, where every peer is known to read it too. */
export async function open(
  standIn: StandIn,
  host: Host,
  more: Partial<DiscordOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Link> {
  const options = { ...standIn.options, cover: coverOf(members, host.node), ...more };
  const link = await discord(options).open(host, { signal });
  host.told = link.addresses;
  return link;
}

/** Sends to bravo. */
export async function send(
  link: Link,
  text = "hello",
  signal: AbortSignal = new AbortController().signal,
): Promise<SendResult> {
  const frame = { id: newPacketId(Date.now()), to: nodeId("bravo"), bytes: Buffer.from(text) };
  return await link.send(frame, { signal });
}

/** The error code of a failed send, or the effect of one that worked. */
export function outcome(result: SendResult): string {
  return result.ok ? result.effect : result.error.code;
}

/** The text of a message for a node, and the file that goes with it. */
export async function letter(to: string, text: string): Promise<[content: string, file: Buffer]> {
  const covered = await coverOf(members, "alpha").cover(Buffer.from(text), nodeId(to));
  return [address(to), Buffer.from(covered ?? [])];
}

/** The text of a message for a node. */
export function address(to: string): string {
  return contentOf(tagFor(fleet, nodeId(to)));
}
