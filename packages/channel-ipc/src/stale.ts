import { lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { ChannelError } from "@multifleet/core";
import { codeOf } from "./failure.js";

/** Removes the socket that a killed process left behind. @throws ChannelError `MISCONFIGURED` when the path is not free. */
export async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessMissing);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new ChannelError("MISCONFIGURED", `ipc: ${path} is no socket: remove it, or set another "path"`);
  if (await answers(path)) throw inUse(path);
  const still = await lstat(path).catch(unlessMissing);
  if (still === undefined) return;
  // Another daemon may have come in between: its socket is not ours to remove.
  if (still.ino !== found.ino) throw inUse(path);
  await unlink(path);
}

function unlessMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
  return undefined;
}

/** Whether somebody listens on a socket. */
async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => resolve(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error))));
  });
}

/** What to say of a path where another daemon listens. */
export function inUse(path: string, cause?: unknown): ChannelError {
  return new ChannelError(
    "MISCONFIGURED",
    `ipc: ${path} is in use by another daemon: end that one, or set another "path"`,
    cause === undefined ? {} : { cause },
  );
}
