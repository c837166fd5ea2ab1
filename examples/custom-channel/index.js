// @ts-check
import { once } from "node:events";
import { connect, createServer, isIP } from "node:net";
import { ChannelError, maxPacketBytes } from "@multifleet/core";
import { channelError, framed, readMessage } from "./wire.js";

const verdicts = /** @type {const} */ (["taken", "refused", "later"]);

// #region factory
/**
 * A channel over plain TCP: one connection for each packet. Packets come sealed, so it needs no secrets of its own.
 *
 * @param {object} [options]
 * @param {string} [options.host] the IP address to listen on, one that peers can reach; default 127.0.0.1
 * @param {number} [options.port] the port to listen on; default 0, any free one, which peers learn from this node's hellos
 * @param {Record<string, string>} [options.peers] where nodes listen that have not said so: `{ mac2: "tcp://10.0.0.2:7000" }`
 * @returns {import("@multifleet/core").Channel}
 */
export default function tcp({ host = "127.0.0.1", port = 0, peers = {} } = {}) {
  return {
    contract: 1,
    name: "tcp",
    traits: { effect: "delivers", inbound: true, maxFrameBytes: maxPacketBytes, rank: 5 },
    async open(daemon, { signal }) {
      if (isIP(host) === 0) throw new ChannelError("MISCONFIGURED", `tcp: host is no IP address: ${host}`);
      if (!Number.isInteger(port) || port < 0 || port > 65_535)
        throw new ChannelError("MISCONFIGURED", `tcp: port is no port: ${port}`);
      if (signal.aborted) throw new ChannelError("ABORTED", "opening was aborted");
      return await open(daemon, host, port, peers);
    },
  };
}
// #endregion factory

/**
 * @param {import("@multifleet/core").ChannelHost} daemon
 * @param {string} host
 * @param {number} port
 * @param {Record<string, string>} peers
 * @returns {Promise<import("@multifleet/core").Link>}
 */
async function open(daemon, host, port, peers) {
  /** Every connection, in and out. @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  let isOpen = true;
  /** @type {Promise<void> | undefined} */
  let closing;
  /** @type {() => void} */
  let settle = () => undefined;
  /** @type {Promise<undefined>} */
  const closed = new Promise((resolve) => (settle = () => resolve(undefined)));

  /** Remembers a connection for as long as there is one. */
  function tracked(/** @type {import("node:net").Socket} */ socket) {
    sockets.add(socket);
    socket.on("error", () => daemon.count("socket_errors"));
    socket.on("close", () => sockets.delete(socket));
    return socket;
  }

  // #region receive
  /** Takes one packet from a peer, asks the daemon, and carries its verdict back. */
  async function serve(/** @type {import("node:net").Socket} */ socket) {
    socket.setTimeout(30_000, () => socket.destroy());
    try {
      const bytes = await readMessage(socket, maxPacketBytes);
      if (bytes === undefined) throw new TypeError("what came is no packet");
      socket.setTimeout(0);
      const verdict = await daemon.receive(bytes);
      const answer = verdict.code === "taken" ? verdict.answer : undefined;
      const code = Uint8Array.of(verdicts.indexOf(verdict.code));
      socket.end(framed(answer ? Buffer.concat([code, answer]) : code));
    } catch (error) {
      daemon.count(error instanceof TypeError ? "broken_packets" : "broken_connections");
      socket.destroy();
    }
  }
  // #endregion receive

  // #region open
  const server = createServer({ allowHalfOpen: true }, (socket) => void serve(tracked(socket)));
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (error) {
    throw channelError(error);
  }
  server.on("error", () => daemon.count("accept_errors"));
  const { address, port: bound } = /** @type {import("node:net").AddressInfo} */ (server.address());
  // #endregion open

  // #region link
  /** Where a peer listens: by our own config first, then by what it says of itself. */
  function addressOf(/** @type {import("@multifleet/core").NodeId} */ to) {
    return [peers[to], ...daemon.addresses(to)].find((text) => text !== undefined && URL.canParse(text));
  }

  return {
    addresses: [`tcp://${isIP(address) === 6 ? `[${address}]` : address}:${bound}`],
    closed,
    reaches: (to) => addressOf(to) !== undefined,

    async send({ to, bytes }, { signal }) {
      const where = addressOf(to);
      if (signal.aborted) return failure("ABORTED", "the send was aborted");
      if (!isOpen) return failure("CLOSED", "the link is closed");
      if (bytes.length > maxPacketBytes) return failure("TOO_LARGE", `more than ${maxPacketBytes} bytes`);
      if (where === undefined) return failure("UNREACHABLE", `no address of ${to} is known`);
      const { hostname, port: at } = new URL(where);
      const socket = tracked(connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(at) }));
      const abort = () => socket.destroy();
      signal.addEventListener("abort", abort);
      try {
        socket.end(framed(bytes));
        return resultOf(await readMessage(socket, maxPacketBytes));
      } catch (error) {
        if (signal.aborted) return failure("ABORTED", "the send was aborted");
        if (!isOpen) return failure("CLOSED", "the link was closed");
        return { ok: false, error: channelError(error) };
      } finally {
        signal.removeEventListener("abort", abort);
        socket.destroy();
      }
    },

    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
  // #endregion link

  // #region close
  /** Ends every connection, and with it every send and receive under way. */
  async function close() {
    isOpen = false;
    const ends = [server, ...sockets].map((each) => new Promise((resolve) => each.once("close", resolve)));
    server.close();
    for (const socket of sockets) socket.destroy();
    await Promise.all(ends);
    settle();
  }
  // #endregion close
}

/** @returns {import("@multifleet/core").SendResult} what a peer's reply means: the verdict in one byte, then the answer */
function resultOf(/** @type {Uint8Array | undefined} */ reply) {
  const verdict = verdicts[reply?.[0] ?? -1];
  const answer = reply?.subarray(1);
  if (verdict === "taken") return { ok: true, effect: "delivers", ...(answer?.length && { answer }) };
  if (verdict === "refused") return failure("REFUSED", "the peer turned the packet away");
  if (verdict === "later") return failure("BUSY", "the peer asks to come again later");
  return failure("CLOSED", "the peer hung up before it answered");
}

/**
 * @param {import("@multifleet/core").ChannelErrorCode} code
 * @param {string} message
 * @returns {import("@multifleet/core").SendResult}
 */
function failure(code, message) {
  return { ok: false, error: new ChannelError(code, message) };
}
