import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { clientUser } from "../../src/api/client-user.js";

const ends = { remoteAddress: "127.0.0.1", remotePort: 0xc270, localAddress: "127.0.0.1", localPort: 0x2297 };
const header =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/** A row of /proc/net/tcp. */
function row(local: string, remote: string, { state = "01", user = 1000, inode = 4711 } = {}): string {
  const queues = "00000000:00000000 00:00000000 00000000";
  return `   7: ${local} ${remote} ${state} ${queues}  ${user}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`;
}

const ours = row("0100007F:2297", "0100007F:C270", { user: 0 });
const client = (given?: Parameters<typeof row>[2]) => row("0100007F:C270", "0100007F:2297", given);
const mapped = (port: string) => `0000000000000000FFFF00000100007F:${port}`;

/** A folder with tables of connections as the kernel shows them. */
async function tables(tcp: string, tcp6 = ""): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "multifleet-proc-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "tcp"), header + tcp);
  if (tcp6 !== "") await writeFile(join(folder, "tcp6"), header + tcp6);
  return folder;
}

const linux = process.platform === "linux";
const suffix = linux ? "" : " [skipped: only Linux has these tables]";

describe.skipIf(!linux)(`the user at the other end of a connection${suffix}`, () => {
  test.runIf(endianness() === "LE")("is the one in the client's row, not in our own", async () => {
    expect(await clientUser(ends, await tables(ours + client()))).toBe(1000);
    expect(await clientUser(ends, await tables(client() + ours))).toBe(1000);
  });

  test.runIf(endianness() === "LE")("is found among IPv6 sockets, and where there are none", async () => {
    const six = row(mapped("C270"), mapped("2297"));
    expect(await clientUser(ends, await tables(ours, six))).toBe(1000);
    expect(await clientUser(ends, await tables(ours))).toBeUndefined();
  });

  test.runIf(endianness() === "LE").each([
    ["a socket that its program has closed", { inode: 0 }],
    ["a connection that waits to be forgotten", { state: "06", inode: 0 }],
    ["a connection that is still being made", { state: "02" }],
    ["a user that has no number here", { user: 65_534 }],
  ])("is nobody for %s", async (_, given) => {
    expect(await clientUser(ends, await tables(ours + client(given)))).toBeUndefined();
  });

  test("is nobody when the row is another connection's, or there is no table", async () => {
    const others = row("0100007F:C271", "0100007F:2297") + row("0200007F:C270", "0100007F:2297");
    expect(await clientUser(ends, await tables(others))).toBeUndefined();
    expect(await clientUser(ends, "/nowhere")).toBeUndefined();
  });

  test.runIf(endianness() === "LE")("is found in tables of any length, wherever the pages end", async () => {
    const other = (i: number) =>
      row("0100007F:C271", `0100007F:${i.toString(16).toUpperCase().padStart(4, "0")}`);
    const many = Array.from({ length: 60_000 }, (_, i) => other(i)).join("");
    expect(await clientUser(ends, await tables(many + client()))).toBe(1000);
    // 64 KiB are read at a time: let the row begin at every place around such an end.
    const filler = other(1)
      .repeat(500)
      .slice(0, 65_536 - header.length - 75);
    for (let shift = 0; shift < 160; shift++) {
      const text = `${"x".repeat(shift)}${filler.slice(0, -shift || undefined).replace(/\n?$/, "\n")}`;
      expect(await clientUser(ends, await tables(text.slice(shift % 3) + client()))).toBe(1000);
    }
  });

  test("is our own user for our own connection, over an IPv4 and over an IPv6 socket", async () => {
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    for (const host of ["127.0.0.1", "::ffff:127.0.0.1"]) {
      const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
      const socket = connect(port, host);
      onTestFinished(() => void socket.destroy());
      const end = await accepted;
      onTestFinished(() => void end.destroy());
      expect(await clientUser(end)).toBe(process.geteuid?.());
    }
  });
});
