import type { Channel, Link } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import type { Parts } from "../parts.js";
import { catalog } from "./catalog.js";
import { discoverChannels, type Discovered } from "./discover.js";
import { listenerDrawer, ownOptions, type KeptListener } from "./own-options.js";

/** The node's channels, with the options that the daemon itself has for them beneath those of the config. */
export async function ownChannels(parts: Parts, port?: number, only?: string): Promise<Discovered> {
  const { config, home, channels } = parts;
  if (channels !== undefined)
    return {
      channels,
      configured: new Set(channels.map(({ name }) => name)),
      madeFor: new Map(),
      skipped: [],
    };
  return discoverChannels(config.channels, home.directory, ownOptions(parts, port), only);
}

/** A new `http` channel with what is now known of its listener; undefined where the node's channels were given to it. */
export async function rebuiltListener(parts: Parts, port?: number): Promise<Channel | undefined> {
  if (parts.channels !== undefined || catalog.http === undefined) return undefined;
  const { channels } = await ownChannels(parts, port);
  return channels.find(({ name }) => name === "http");
}

/** Whether other machines can reach the packet listener: it listens beyond loopback. */
export function listensBeyondLoopback(link: Link | undefined): boolean {
  return link?.addresses.some((address) => !isLoopback(address)) === true;
}

/** Whether an address such as `http://127.0.0.1:8856` is this machine's own. */
export function isLoopback(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

/** Keeps the port that was taken, so that peers find this node there after a restart. */
export async function keepPort(mailbox: Mailbox, link: Link | undefined): Promise<void> {
  const address = link?.addresses.find((each) => URL.canParse(each));
  const port = address === undefined ? Number.NaN : Number(new URL(address).port);
  const kept = mailbox.get<KeptListener>(listenerDrawer) ?? {};
  if (port > 0 && kept.port !== port) await mailbox.put(listenerDrawer, { ...kept, port });
}

/** Opens the packet listener to other machines, now and after restarts. */
export async function keepHost(mailbox: Mailbox, host: string): Promise<void> {
  await mailbox.put(listenerDrawer, { ...mailbox.get<KeptListener>(listenerDrawer), host });
}
