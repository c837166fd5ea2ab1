import { maxPacketBytes, type Channel } from "@multifleet/core";
import { fault } from "./failure.js";
import { DiscordLink } from "./link.js";
import { checkOptions, type DiscordOptions } from "./options.js";
import { readToken } from "./token.js";

/** A channel that leaves packets, encrypted, as files in one channel of Discord, and takes those that are for this node. */
export function discord(options: DiscordOptions): Channel {
  return {
    contract: 1,
    name: "discord",
    traits: {
      effect: "stores",
      inbound: true,
      maxFrameBytes: maxPacketBytes,
      // People call it P0, for emergencies. It is somebody else's machine and a slow one, so of all that store it is tried last: behind git, 7.
      rank: 9,
    },
    async open(host, { signal }) {
      const settings = checkOptions(options);
      if (signal.aborted) throw fault("ABORTED", "opening was aborted");
      const token = settings.token ?? (await readToken(settings.tokenFile ?? ""));
      if (signal.aborted) throw fault("ABORTED", "opening was aborted");
      return await DiscordLink.open(host, settings, token, signal);
    },
  };
}
