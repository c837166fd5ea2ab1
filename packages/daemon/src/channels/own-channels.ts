import type { Channel } from "@multifleet/core";
import type { Parts } from "../parts.js";
import { catalog } from "./catalog.js";
import { discoverChannels, type Discovered } from "./discover.js";
import { ownOptions } from "./own-options.js";

/**
 * The node's channels, with the options that the daemon itself has for them beneath those of the config.
 *
 * @param port Of the packet listener, in place of the one that was kept.
 * @param only Those that are made for this name, and no others.
 */
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
