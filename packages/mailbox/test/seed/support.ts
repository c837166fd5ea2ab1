import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, realpathSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Channel, ChannelHost, Link } from "@multifleet/core";
import { Host, open } from "../../../../test/host.js";
import { seed } from "../../src/seed/index.js";
import { afterTest } from "../support.js";

export function root(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "seed-")));
  afterTest(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
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
  const link = await open(channel, host);
  afterTest(async () => link[Symbol.asyncDispose]());
  return link;
}

/** An open seed channel with its host. */
export async function openSeed(name: string, directory: string) {
  const host = new Host(name);
  const link = await openLink(seed({ directory }), host);
  return { host, link, directory };
}

export const frame = (size = 200): Uint8Array => new Uint8Array(randomBytes(size));
