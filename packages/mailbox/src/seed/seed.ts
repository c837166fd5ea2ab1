import { isAbsolute, normalize } from "node:path";
import { ChannelError, maxPacketBytes, type Channel, type ChannelHost, type Link } from "@multifleet/core";
import { SeedDirectory } from "./directory.js";
import { openFailure } from "./failure.js";
import { SeedLink } from "./link.js";

/** What {@link seed} takes, and what stands under `channels.seed` in a config file. */
export interface SeedOptions {
  /** This node's own seed directory, as an absolute path: `seed` in the node's home. It is made where there is none. */
  readonly directory?: string;
}

/** A channel between the nodes of one user on one machine by files, for when nothing of the peer runs: it reads them at its start. */
export function seed(options: SeedOptions = {}): Channel {
  return {
    contract: 1,
    name: "seed",
    traits: { effect: "stores", inbound: true, maxFrameBytes: maxPacketBytes, rank: 4 },
    async open(host, { signal }) {
      const path = checkOptions(options);
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

/** @throws ChannelError `MISCONFIGURED` */
function checkOptions(options: unknown): string {
  if (typeof options !== "object" || options === null) throw misconfigured("the options must be an object");
  const [unknown] = Object.keys(options).filter((name) => name !== "directory");
  if (unknown !== undefined)
    throw misconfigured(`there is no option ${JSON.stringify(unknown)}; there is directory`);
  const { directory } = options as { readonly directory?: unknown };
  if (typeof directory !== "string" || !isAbsolute(directory) || directory.includes("\0"))
    throw misconfigured(
      `directory is ${JSON.stringify(directory) ?? "missing"}, and must be an absolute path, such as that of seed in the node's home`,
    );
  return normalize(directory);
}

function misconfigured(message: string): ChannelError {
  return new ChannelError("MISCONFIGURED", `seed: ${message}`);
}
