import { open } from "node:fs/promises";
import { codeOf, fault } from "./failure.js";

/** A token is some 70 characters; a file of more than this holds something else. */
const maxFileBytes = 4_096;

/** Whether `value` has the form of a bot's token: what may stand in a header, and no more is known of it. */
export function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[\w.-]{20,200}$/.test(value);
}

/** Reads a token from a file. @throws ChannelError `MISCONFIGURED` where there is none, or others may read it. */
export async function readToken(path: string): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { mode, size } = await file.stat();
      // Windows keeps no such bits: there the user's profile is private.
      if (process.platform !== "win32" && (mode & 0o077) !== 0)
        throw fault("MISCONFIGURED", `others can read ${path}. Type: chmod 600 ${path}`);
      if (size > maxFileBytes) throw fault("MISCONFIGURED", `${path} is too long to be a token`);
      const token = (await file.readFile("utf8")).trim();
      if (isToken(token)) return token;
      throw fault("MISCONFIGURED", `${path} does not hold a bot's token and nothing else`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "MISCONFIGURED") throw error;
    throw fault("MISCONFIGURED", `${path} cannot be read: ${codeOf(error)}`, error);
  }
}
