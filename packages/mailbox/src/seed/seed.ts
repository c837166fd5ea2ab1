import { isAbsolute, normalize } from "node:path";
import { ChannelError, maxPacketBytes, type Channel, type ChannelHost, type Link } from "@multifleet/core";
import { checkOptions, type Rules } from "@multifleet/core/options";
import { SeedDirectory } from "./directory.js";
import { openFailure } from "./failure.js";
import { SeedLink } from "./link.js";

/** What {@link seed} takes, and what stands under `channels.seed` in a config file. */
export interface SeedOptions {
  /** This node's own seed directory, as an absolute path: `seed` in the node's home. It is made where there is none. */
  readonly directory?: string;
}

const rules: Rules<SeedOptions> = {
  directory: [
    (value) => typeof value === "string" && isAbsolute(value) && !value.includes("\0"),
    "an absolute path, such as that of seed in the node's home",
    "required",
  ],
};

/** A channel between the nodes of one user on one machine by files, for when nothing of the peer runs: it reads them at its start. */
export function seed(options: SeedOptions = {}): Channel {
  return {
    contract: 1,
    name: "seed",
    traits: { effect: "stores", inbound: true, maxFrameBytes: maxPacketBytes, rank: 4 },
    async open(host, { signal }) {
      const path = normalize(checkOptions<Required<SeedOptions>>("seed", options, rules).directory);
      if (signal.aborted) throw new ChannelError("ABORTED", "seed: opening was aborted");
      try {
        return await open(path, host, signal);
      } catch (error) {
        throw openFailure(error);
      }
    },
  };
}

async function open(path: string, host: ChannelHost, signal: AbortSignal): Promise<Link> {
  const directory = await SeedDirectory.make(path);
  await directory.tidy(Date.now());
  signal.throwIfAborted();
  const link = new SeedLink(directory, host);
  try {
    await link.start();
    signal.throwIfAborted();
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
  return link;
}
