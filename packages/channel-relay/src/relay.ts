import {
  ChannelError,
  maxPacketBytes,
  relayOverheadBytes,
  type Channel,
  type RelayAsk,
} from "@multifleet/core";
import { openLink } from "./link.js";
import { checkOptions, type RelayOptions } from "./options.js";

/** The largest frame that leaves room for a relay's own seal around it. */
export const maxFrameBytes = maxPacketBytes - relayOverheadBytes;

/**
 * The way through other nodes of the fleet, as two channels: `relay` has a frame passed on now and brings the far node's answer back,
 * `relay-store` leaves a copy with a node that passes it on once the far one is there. They are two because they say different things: that a
 * copy is kept is no sign that the far node can be reached.
 */
export function relay(options: RelayOptions = {}): readonly Channel[] {
  return [channel("relay", "carry", options), channel("relay-store", "keep", options)];
}

function channel(name: string, ask: RelayAsk, options: RelayOptions): Channel {
  return {
    contract: 1,
    name,
    traits:
      ask === "keep"
        ? // P3 is its name; a file on the peer's own disk is nearer to it than a copy with a third node.
          { effect: "stores", inbound: false, maxFrameBytes, rank: 5 }
        : // Two hops and another node's work cost more than any way that leads straight to the peer.
          { effect: "delivers", inbound: false, maxFrameBytes, rank: 9 },
    async open(host, { signal }) {
      if (signal.aborted) throw new ChannelError("ABORTED", "opening was aborted");
      const settings = checkOptions(options);
      const { forwarder } = settings;
      if (forwarder === undefined)
        throw new ChannelError("MISCONFIGURED", "relay: forwarder is missing; only a daemon can supply it");
      return openLink({ host, forwarder, settings, ask, maxFrameBytes });
    },
  };
}
