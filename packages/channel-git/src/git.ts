import { ChannelError, maxPacketBytes, type Channel } from "@multifleet/core";
import { asChannelError, channelError } from "./failure.js";
import { GitLink } from "./link.js";
import { checkOptions, type GitOptions } from "./options.js";
import { failureToSpool, Spool } from "./spool.js";

/** A channel through a git remote that both ends reach, and that need not know either: packets wait there as commits, encrypted. */
export function git(options: GitOptions): Channel {
  return {
    contract: 1,
    name: "git",
    traits: { effect: "stores", inbound: true, maxFrameBytes: maxPacketBytes, rank: 7 },
    async open(host, { signal }) {
      const settings = checkOptions(options);
      const aborted = () => channelError("ABORTED", "opening was aborted");
      if (signal.aborted) throw aborted();
      const spool = await Spool.open(settings.directory, host.node).catch((error: unknown) => {
        throw error instanceof ChannelError ? error : failureToSpool(error, settings.directory);
      });
      if (signal.aborted) throw aborted();
      const link = new GitLink(host, spool, settings);
      try {
        await link.start();
        if (signal.aborted) throw aborted();
        return link;
      } catch (error) {
        await link[Symbol.asyncDispose]();
        throw asChannelError(error);
      }
    },
  };
}
