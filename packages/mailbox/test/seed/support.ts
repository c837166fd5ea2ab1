import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, realpathSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  fleetId,
  nodeId,
  packetId,
  type Channel,
  type ChannelHost,
  type Link,
  type NodeId,
  type Verdict,
} from "@multifleet/core";
import { seed } from "../../src/seed/index.js";
import { afterTest } from "../support.js";

export function root(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "seed-")));
  afterTest(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A daemon that remembers what it was given, and says what it is told to say. */
export class Host implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleetId("home");
  readonly frames: Buffer[] = [];
  readonly counts = new Map<string, number>();
  readonly routes = new Map<NodeId, readonly string[]>();
  judge: (bytes: Uint8Array) => Verdict | Promise<Verdict> = () => ({ code: "taken" });
  readonly #waiting = new Set<() => void>();

  constructor(name: string) {
    this.node = nodeId(name);
  }

  async receive(bytes: Uint8Array): Promise<Verdict> {
    this.frames.push(Buffer.from(bytes));
    const verdict = await this.judge(bytes);
    this.#tell();
    return verdict;
  }

  count(event: string): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    this.#tell();
  }

  report(): void {
    this.count("reports");
  }

  addresses(to: NodeId): readonly string[] {
    return this.routes.get(to) ?? [];
  }

  /** Resolves once `condition` holds, which is looked at after every word of the channel. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #tell(): void {
    for (const look of this.#waiting) look();
  }
}

/** Resolves once a directory holds nothing, looking at every change of it. */
export async function emptied(directory: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (readdirSync(directory).length > 0) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(directory, look);
    watcher.on("error", reject);
    look();
  });
}

export async function openLink(channel: Channel, host: ChannelHost): Promise<Link> {
  const link = await channel.open(host, { signal: new AbortController().signal });
  afterTest(async () => link[Symbol.asyncDispose]());
  return link;
}

/** An open seed channel with its host. */
export async function openSeed(name: string, directory: string) {
  const host = new Host(name);
  const link = await openLink(seed({ directory }), host);
  return { host, link, directory };
}

export function send(link: Link, to: NodeId, bytes: Uint8Array) {
  return link.send({ id: packetId("f1"), to, bytes }, { signal: new AbortController().signal });
}

export const frame = (size = 200): Uint8Array => new Uint8Array(randomBytes(size));
