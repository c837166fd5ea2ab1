import { ChannelError, maxPacketBytes, type Channel, type ChannelHost, type Link } from "@multifleet/core";
import { JetStreamLink } from "./jetstream-link.js";
import { Lines, type Line } from "./line.js";
import { NatsLink } from "./link.js";
import { Names } from "./names.js";
import { checkOptions, type NatsOptions } from "./options.js";
import type { Seat } from "./seat.js";

/** The place of both among P0 to P9. */
const rank = 1;

/**
 * Two channels over one connection to a NATS server: `nats` asks the peer itself, `jetstream` leaves a copy for one that is away. The
 * connection is there while one of them is open.
 */
export function nats(options: NatsOptions = {}): readonly Channel[] {
  let lines: Lines | undefined;
  const lineOf = ({ fleet, node }: ChannelHost): Line => {
    lines ??= new Lines(checkOptions(options));
    return lines.of(new Names(fleet, node));
  };
  const channel = (
    name: string,
    effect: "delivers" | "stores",
    link: (line: Line, host: ChannelHost) => Link & { readonly seat: Seat },
  ): Channel => ({
    contract: 1,
    name,
    traits: { effect, inbound: true, maxFrameBytes: maxPacketBytes, rank },
    async open(host, { signal }) {
      const line = lineOf(host);
      if (signal.aborted) throw new ChannelError("ABORTED", "nats: opening was aborted");
      const opened = link(line, host);
      await opened.seat.open(signal);
      return opened;
    },
  });
  const request = channel("nats", "delivers", (line, host) => new NatsLink(line, host));
  if (options?.jetstream === false) return [request];
  return [request, channel("jetstream", "stores", (line, host) => new JetStreamLink(line, host))];
}
