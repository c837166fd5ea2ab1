import { open } from "node:fs/promises";
import type { Socket } from "node:net";
import { endianness } from "node:os";
import { join } from "node:path";

/** Both ends of a TCP connection over IPv4, as the server sees it. */
export type Ends = Pick<Socket, "remoteAddress" | "remotePort" | "localAddress" | "localPort">;

/** What Linux shows for a user that it cannot name in this user namespace: it may stand for anyone. */
const overflowUser = 65_534;
/** Established, and the two states of a client that has sent all it had and waits for the answer. */
const live = new Set(["01", "04", "05"]);

/**
 * The user id of the local program at the other end of a connection, or undefined where that cannot be told: another system than
 * Linux, or no such row any more. It reads the tables of TCP connections in /proc/net, a page at a time and no further than to the row
 * that it looks for, since they may be long.
 */
export async function clientUser(ends: Ends, tables = "/proc/net"): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const local = address(ends.remoteAddress, ends.remotePort);
  const remote = address(ends.localAddress, ends.localPort);
  // A program may have made the connection with an IPv6 socket. The first table is read again at last: it changes
  // while it is read, and a row in it can be passed over.
  const rows = [
    ["tcp", ` ${local.v4} ${remote.v4} `],
    ["tcp6", ` ${local.v6} ${remote.v6} `],
    ["tcp", ` ${local.v4} ${remote.v4} `],
  ] as const;
  for (const [table, row] of rows) {
    const found = await find(join(tables, table), row);
    if (found !== undefined) return owner(found);
  }
  return undefined;
}

/** The kernel's notation: each 32 bits of the address as a number of this machine, then the port, in upper-case hexadecimal. */
function address(ip = "", port = 0): { readonly v4: string; readonly v6: string } {
  const bytes = Buffer.from(ip.split(".").map(Number));
  const mapped = Buffer.from([0, 0, 0xff, 0xff]);
  const little = endianness() === "LE";
  const word = (of: Buffer) =>
    Buffer.from(little ? of.toReversed() : of)
      .toString("hex")
      .toUpperCase();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return { v4: word(bytes) + suffix, v6: "0".repeat(16) + word(mapped) + word(bytes) + suffix };
}

/** The first line of a file that contains `text`; undefined when there is none or no such file. */
async function find(path: string, text: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path);
  } catch (thrown) {
    // A kernel without IPv6, or without /proc: then nothing is known, and nobody is let in for it.
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const buffer = Buffer.allocUnsafe(65_536);
    let rest = "";
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return undefined;
      const read = rest + buffer.toString("latin1", 0, bytesRead);
      const whole = read.lastIndexOf("\n") + 1;
      const at = read.indexOf(text);
      if (at >= 0 && at < whole) return read.slice(read.lastIndexOf("\n", at) + 1, read.indexOf("\n", at));
      rest = read.slice(whole);
    }
  } finally {
    await file.close();
  }
}

/** The user of a row: `sl local remote state queues timer retransmits uid timeout inode ...`. */
function owner(row: string): number | undefined {
  const [, , , state = "", , , , uid = "", , inode = ""] = row.trim().split(/\s+/);
  // A socket that its program has closed, or that only waits to be forgotten, belongs to nobody: the kernel then shows user 0.
  if (!live.has(state) || !/^[1-9]\d*$/.test(inode) || !/^\d+$/.test(uid)) return undefined;
  return Number(uid) === overflowUser ? undefined : Number(uid);
}
