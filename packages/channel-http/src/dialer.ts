import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { buildConnector } from "undici";
import { ChannelError } from "@multifleet/core";

/** After this time without traffic, in ms, the kernel asks whether the other machine is still there. */
const keepAliveProbeMs = 10_000;

/** Makes the connections of a link. undici's own way to make them leaves one that is being made to itself when it is closed. */
export class Dialer {
  readonly #timeoutMs: number;
  readonly #dialing = new Set<Socket>();

  /** @param timeoutMs how long a connection may take to be made */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** As undici wants it: for a Pool's `connect`. */
  readonly dial: buildConnector.connector = ({ hostname, protocol, port }, callback) => {
    const isSecure = protocol === "https:";
    const to = { host: hostname, port: Number(port || (isSecure ? 443 : 80)) };
    const servername = isIP(hostname) === 0 ? hostname : "";
    const socket = isSecure ? connectTls({ ...to, servername, ALPNProtocols: ["http/1.1"] }) : connect(to);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);
    const giveUp = () =>
      socket.destroy(new ChannelError("UNREACHABLE", `not connected within ${this.#timeoutMs} ms`));
    const timer = setTimeout(giveUp, this.#timeoutMs);
    const isFirst = () => {
      clearTimeout(timer);
      return this.#dialing.delete(socket);
    };
    this.#dialing.add(socket);
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      if (isFirst()) callback(null, socket);
    });
    socket.on("error", (error) => {
      if (isFirst()) callback(error, null);
    });
  };

  /** Ends the connections that are still being made. */
  async close(): Promise<void> {
    const closed = [...this.#dialing].map(async (socket) => {
      const end = new Promise((resolve) => socket.once("close", resolve));
      socket.destroy(new ChannelError("CLOSED", "the link was closed"));
      await end;
    });
    await Promise.all(closed);
  }
}
