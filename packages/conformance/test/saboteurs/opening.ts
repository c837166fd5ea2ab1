import { createServer } from "node:net";
import { ChannelError } from "@multifleet/core";
import { withLink } from "../rigs.js";
import { never, remains, type Row } from "./sabotage.js";

/** Channels that are not what they say, or open wrongly. */
export const opening: readonly Row[] = [
  [
    "contract/shape",
    /name is a lower-case label/,
    "has a name that is no label",
    (channel) => ({ ...channel, name: "My Channel" }),
  ],
  [
    "contract/shape",
    /traits do not change/,
    "changes its traits when it opens",
    (channel) => {
      let { rank } = channel.traits;
      const fickle = withLink(channel, () => ({ addresses: [String((rank = 8))] }));
      return {
        ...fickle,
        get traits() {
          return { ...channel.traits, rank };
        },
      };
    },
  ],
  [
    "open/inert",
    /Timeout/,
    "arms a timer when it is made",
    (channel) => {
      const timer = setTimeout(() => undefined, 60_000);
      remains.add(() => clearTimeout(timer));
      return channel;
    },
  ],
  [
    "open/inert",
    /TCPSERVERWRAP/,
    "listens when it is made",
    (channel) => {
      const server = createServer().listen(0, "127.0.0.1");
      remains.add(() => server.close());
      return channel;
    },
  ],
  [
    "open/aborts",
    /not a ChannelError: undefined/,
    "opens although its signal has fired",
    (channel) => ({ ...channel, open: (host) => channel.open(host, { signal: never }) }),
  ],
  [
    "open/aborts",
    /not a ChannelError: AbortError/,
    "throws what the platform throws",
    (channel) => ({
      ...channel,
      async open(host, { signal }) {
        signal.throwIfAborted();
        return await channel.open(host, { signal });
      },
    }),
  ],
  [
    "open/aborts",
    /left open/,
    "leaves a server listening when opening was aborted",
    (channel) => ({
      ...channel,
      async open(host, options) {
        const server = createServer().listen(0, "127.0.0.1");
        remains.add(() => server.close());
        const link = await channel.open(host, options);
        server.close();
        return link;
      },
    }),
  ],
  [
    "open/misconfigured-code",
    /'INTERNAL'/,
    "says INTERNAL of options that can never work",
    (channel) => ({
      ...channel,
      async open(host, options) {
        try {
          return await channel.open(host, options);
        } catch (cause) {
          throw new ChannelError("INTERNAL", "sabotage", { cause });
        }
      },
    }),
  ],
];
