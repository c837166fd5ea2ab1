// @ts-check
import { ChannelError } from "@multifleet/core";

// #region wire
/** A message: its length in 4 bytes, then itself. A killed program ends its stream too; the length tells whether all of it came. */
export function framed(/** @type {Uint8Array} */ bytes) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/**
 * Reads a socket to its end.
 *
 * @param {import("node:net").Socket} socket
 * @param {number} limit the most bytes that a message may have
 * @returns {Promise<Uint8Array | undefined>} `undefined` when what came is no message; rejects when the connection broke
 */
export async function readMessage(socket, limit) {
  /** @type {Buffer[]} */
  const chunks = [];
  let size = 0;
  return await new Promise((resolve, reject) => {
    socket.on("data", (/** @type {Buffer} */ chunk) => {
      size += chunk.length;
      if (size > limit + 4) resolve(undefined);
      else chunks.push(chunk);
    });
    socket.on("end", () => {
      const all = Buffer.concat(chunks);
      resolve(size >= 4 && all.readUInt32BE() === size - 4 ? all.subarray(4) : undefined);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new ChannelError("CLOSED", "the connection ended too early")));
  });
}
// #endregion wire

// #region errors
/** @type {ReadonlyMap<string | undefined, import("@multifleet/core").ChannelErrorCode>} */
const codes = new Map([
  ["ECONNREFUSED", "UNREACHABLE"],
  ["EHOSTUNREACH", "UNREACHABLE"],
  ["ENETUNREACH", "UNREACHABLE"],
  ["EADDRINUSE", "UNREACHABLE"],
  ["EADDRNOTAVAIL", "UNREACHABLE"],
  ["EACCES", "DENIED"],
  ["ETIMEDOUT", "TIMEOUT"],
  ["ECONNRESET", "CLOSED"],
  ["EPIPE", "CLOSED"],
]);

/** What the operating system says of a connection, in the words of the contract. */
export function channelError(/** @type {unknown} */ cause) {
  if (cause instanceof ChannelError) return cause;
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (cause);
  return new ChannelError(codes.get(code) ?? "INTERNAL", message, { cause });
}
// #endregion errors
