import { ChannelError, maxPacketBytes, type Channel } from "@multifleet/core";
import { Directory } from "./directory.js";
import { Endpoints } from "./endpoints.js";
import { HttpLink } from "./link.js";
import { listen } from "./listener.js";
import { checkOptions, type HttpOptions } from "./options.js";

/** A channel that posts packets to its peers' own HTTP listeners, and listens for theirs. */
export function http(options: HttpOptions = {}): Channel {
  return {
    contract: 1,
    name: "http",
    traits: {
      effect: "delivers",
      inbound: options?.listen !== false,
      maxFrameBytes: maxPacketBytes,
      rank: 2,
    },
    async open(host, { signal }) {
      const settings = checkOptions(options);
      if (signal.aborted) throw new ChannelError("ABORTED", "http: opening was aborted");
      const listener = settings.listen ? await listen(host, settings) : undefined;
      if (signal.aborted) {
        await listener?.close();
        throw new ChannelError("ABORTED", "http: opening was aborted");
      }
      return new HttpLink(
        new Directory(host, settings, listener?.port),
        new Endpoints(host, settings),
        listener,
      );
    },
  };
}
