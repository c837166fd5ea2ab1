import { posix } from "node:path";
import type { ClientChannel } from "ssh2";
import { maxPacketBytes, type SendResult, type Verdict } from "@multifleet/core";
import { Decoder, decodeVerdict, encode } from "@multifleet/core/stream";
import { deliverByCommand } from "./deliver.js";
import { failure, sshError } from "./failure.js";
import type { Passage } from "./link.js";
import { resultOf } from "./verdict.js";

/** Where a daemon's socket is in a login directory, where nothing else is said. */
const usualSocket = ".multifleet/daemon.sock";

/**
 * Hands a frame to the daemon by its own socket, which the server forwards to: no shell, no program. Where the server opens no channel to it,
 * `multifleet deliver` is asked: it may be that forwarding is forbidden, or that no daemon runs.
 */
export async function carryDirect(passage: Passage): Promise<SendResult> {
  const { connection, bytes, signal } = passage;
  const path = await socketPath(passage);
  const channel = await connection.socket(path, signal);
  if (channel === undefined) {
    passage.count("forwarding_refused");
    return await deliverByCommand(passage, path);
  }
  const verdict = await exchange(channel, bytes, signal);
  if (verdict === undefined) {
    passage.count("malformed_answers");
    return failure("INTERNAL", "the daemon's answer is malformed");
  }
  return resultOf(verdict);
}

async function socketPath({ connection, peer, announced, signal }: Passage): Promise<string> {
  const path = peer.socket ?? announced("ipc") ?? usualSocket;
  // The server knows of no login directory when it opens a socket.
  return posix.isAbsolute(path) ? path : posix.join(await connection.loginDirectory(signal), path);
}

/** Sends one request, and reads the answer to it; undefined where that is none. */
async function exchange(
  channel: ClientChannel,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  try {
    return await new Promise((resolve, reject) => {
      const decoder = new Decoder(maxPacketBytes + 1, (id, payload) =>
        resolve(id === 0 ? decodeVerdict(payload) : undefined),
      );
      channel.on("data", (chunk: Buffer) => {
        if (!decoder.push(chunk)) resolve(undefined);
      });
      channel.on("error", reject);
      // What the server says is that the daemon said its last; it closes the channel once we do.
      const end = () => reject(sshError("CLOSED", "the daemon ended the connection before it answered"));
      channel.on("end", end).on("close", end);
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      channel.write(encode(0, bytes));
    });
  } finally {
    channel.destroy();
    channel.resume();
  }
}
