import { fleetId, nodeId, type Link } from "@multifleet/core";
import { discord, type DiscordOptions } from "@multifleet/channel-discord";
import type { Host } from "../../../test/host.js";
import { contentOf } from "../src/post.js";
import { tagFor } from "../src/tag.js";
import { coverOf, keys } from "./covers.js";
import type { StandIn } from "./stand-in/stand-in.js";

export const fleet = fleetId("home");
export const members = await keys("alpha", "bravo");

/** Opens the channel of `host` on a stand-in, where every peer is known to read it too. */
export async function open(
  standIn: StandIn,
  host: Host,
  more: Partial<DiscordOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Link> {
  const options = { ...standIn.options, cover: coverOf(members, host.node), ...more };
  const link = await discord(options).open(host, { signal });
  host.told.splice(0, host.told.length, ...link.addresses);
  return link;
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
