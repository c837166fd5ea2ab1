import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { codeOf } from "../failure.js";
import { failed } from "./failure.js";

const maxBytes = 16_384;

/**
 * Reads a file with a secret in it; undefined when there is none.
 * @throws ChannelError `DENIED` when others can read or change it: whoever can may be the one who wrote it.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw failed("DENIED", `cannot read ${path}: ${codeOf(error)}`, error);
    },
  );
  if (file === undefined) return undefined;
  try {
    // Of what was opened, not of what stands there by now.
    const found = await file.stat();
    const { mode, uid, size } = found;
    if (!found.isFile() || uid !== process.getuid?.())
      throw failed("DENIED", `${path} is not a file of this user`);
    if ((mode & 0o077) !== 0)
      throw failed("DENIED", `others can read ${path}, which holds a secret: run chmod 600 '${path}'`);
    if (size > maxBytes) throw failed("DENIED", `${path} has ${size} bytes, more than any token file`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Whether there is a socket, and it is this user's. @throws ChannelError `DENIED` when it is another's: it would be given the token. */
export async function hasOwnSocket(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw failed("DENIED", `cannot look at ${path}: ${codeOf(error)}`, error);
  });
  if (found === undefined) return false;
  if (!found.isSocket() || found.uid !== process.getuid?.())
    throw failed("DENIED", `${path} is not a socket of this user`);
  return true;
}
