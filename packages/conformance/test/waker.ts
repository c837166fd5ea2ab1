import { createSocket } from "node:dgram";
import { once } from "node:events";
import { ChannelError, type Channel, type SendResult } from "@multifleet/core";

/** A channel that wakes: a datagram to the port of a sleeper, and nothing comes back. What the kit says of `wakes` is tried on it. */
export function waker({ ports }: { readonly ports: Readonly<Record<string, number>> }): Channel {
  return {
    contract: 1,
    name: "waker",
    traits: { effect: "wakes", inbound: false, maxFrameBytes: Number.MAX_SAFE_INTEGER, rank: 6 },
    async open(host, { signal }) {
      if (signal.aborted) throw new ChannelError("ABORTED", "opening was aborted");
      const socket = createSocket("udp4");
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      socket.on("error", () => host.count("socket_errors"));
      let closing: Promise<void> | undefined;
      let settle: () => void;
      const closed = new Promise<undefined>((resolve) => (settle = () => resolve(undefined)));
      return {
        addresses: [],
        closed,
        reaches: (to) => ports[to] !== undefined,
        async send({ to }, { signal: stop }): Promise<SendResult> {
          const port = ports[to];
          if (stop.aborted) return { ok: false, error: new ChannelError("ABORTED", "the send was aborted") };
          if (closing) return { ok: false, error: new ChannelError("CLOSED", "the link is closed") };
          if (port === undefined)
            return { ok: false, error: new ChannelError("UNREACHABLE", `nothing wakes ${to}`) };
          return await new Promise((resolve) => {
            socket.send("wake up", port, "127.0.0.1", (cause) => {
              const error = cause && new ChannelError("UNREACHABLE", cause.message, { cause });
              resolve(error ? { ok: false, error } : { ok: true, effect: "wakes" });
            });
          });
        },
        [Symbol.asyncDispose]() {
          return (closing ??= new Promise((resolve) => {
            socket.close(() => {
              settle();
              resolve();
            });
          }));
        },
      };
    },
  };
}
