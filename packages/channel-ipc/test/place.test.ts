import { chmodSync, existsSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { ChannelError, type Link } from "@multifleet/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Door } from "../src/door.js";
import { ipc } from "../src/index.js";
import { checkOptions } from "../src/options.js";
import { afterwards, home } from "./home.js";
import { Child } from "../../../test/child.js";
import { Host, open, outcome, send } from "../../../test/host.js";

const peer = new URL("peer.mjs", import.meta.url);
let umask: number;
beforeEach(() => (umask = process.umask(0)));
afterEach(() => void process.umask(umask));

async function opened(options: object, node = "alpha"): Promise<Link> {
  const link = await open(ipc(options), new Host(node));
  afterwards(async () => await link[Symbol.asyncDispose]());
  return link;
}

/** What `open` says of options as they may stand in a config file. */
async function complaint(options: unknown): Promise<string> {
  const error = await open(ipc(options as object), new Host("alpha")).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ChannelError)) throw new Error("it opened, or threw something else");
  return `${error.code}: ${error.message}`;
}

const pathOf = (link: Link) => /^ipc:[^:]+:(.+)$/.exec(link.addresses[0] ?? "")?.[1] ?? "";

test.each([
  [{ path: "daemon.sock" }, 'ipc: path is "daemon.sock", and must be an absolute path'],
  [{ path: 7 }, "ipc: path is 7, and must be an absolute path"],
  [{ path: "/tmp/a\0b" }, "and must be an absolute path"],
  [{ paht: "/x" }, 'ipc: there is no option "paht"; there are path, maxConnections,'],
  [{ maxConnections: 0 }, "ipc: maxConnections is 0, and must be a whole number from 1 to 65536"],
  [null, "ipc: options is null, and must be an object"],
  [{ path: "/no/such/directory/daemon.sock" }, "ipc: cannot put a socket into /no/such/directory"],
])("options %j are refused with a line that says what to do", async (options, line) => {
  expect(await complaint(options)).toMatch(/^MISCONFIGURED: /);
  expect(await complaint(options)).toContain(line);
});

test("the socket is where the config says, for its user alone, and gone when the link is disposed", async () => {
  const path = join(home(), "daemon.sock");
  const link = await opened({ path });
  expect(pathOf(link)).toBe(path);
  expect(lstatSync(path).isSocket()).toBe(true);
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  await link[Symbol.asyncDispose]();
  expect(existsSync(path)).toBe(false);
  expect(link.addresses).toEqual([]);
});

test("the socket is its user's alone from the moment it is there", async () => {
  const path = join(home(), "daemon.sock");
  const door = new Door(new Host("alpha"), checkOptions({}), path);
  const started = door.start();
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  await started;
  await door.close();
});

test("the socket is its user's alone when a worker thread opens it, which has no umask of its own", async () => {
  const path = join(home(), "daemon.sock");
  const file = new URL("worker.mjs", import.meta.url);
  const worker = new Worker(file, { workerData: path, execArgv: [] });
  expect(await new Promise((resolve) => worker.once("exit", resolve))).toBe(0o600);
});

test("files that the process makes later have the rights that they had before", async () => {
  const directory = home();
  await opened({ path: join(directory, "daemon.sock") });
  writeFileSync(join(directory, "file"), "");
  expect(statSync(join(directory, "file")).mode & 0o777).toBe(0o666);
});

test("a directory that others can write to is refused", async () => {
  const directory = home();
  for (const mode of [0o720, 0o702, 0o1777]) {
    chmodSync(directory, mode);
    expect(await complaint({ path: join(directory, "daemon.sock") })).toContain(
      `others can write to ${directory}, and could put their own socket there: run chmod go-w '${directory}'`,
    );
  }
  chmodSync(directory, 0o755);
  await opened({ path: join(directory, "daemon.sock") });
});

test("a path that is too long for a socket is stood in for by a short one, in a private directory", async () => {
  const temporary = home();
  vi.stubEnv("TMPDIR", temporary);
  afterwards(() => void vi.unstubAllEnvs());
  const directory = join(temporary, "x".repeat(120));
  mkdirSync(directory);
  const host = new Host("alpha");
  const link = await opened({ path: join(directory, "daemon.sock") }, "bravo");
  const path = pathOf(link);
  expect(path.startsWith(join(temporary, `multifleet-${process.getuid?.()}/`))).toBe(true);
  expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103);
  expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  // The same path gives the same socket: a second daemon on it is found out.
  expect(await complaint({ path: join(directory, "daemon.sock") })).toContain("is in use by another daemon");
  host.told.push(...link.addresses);
  const sender = await open(ipc({ path: join(temporary, "a.sock") }), host);
  expect(outcome(await send(sender))).toBe("delivers");
  await sender[Symbol.asyncDispose]();
});

test("the private directory is not shared with others, nor another's", async () => {
  const temporary = home();
  vi.stubEnv("TMPDIR", temporary);
  afterwards(() => void vi.unstubAllEnvs());
  const directory = join(temporary, `multifleet-${process.getuid?.()}`);
  mkdirSync(directory, { mode: 0o750 });
  expect(await complaint({})).toContain(`run chmod 700 '${directory}'`);
  chmodSync(directory, 0o700);
  await (await opened({}))[Symbol.asyncDispose]();
  const elsewhere = join(temporary, "elsewhere");
  mkdirSync(elsewhere, { mode: 0o700 });
  const other = join(home());
  symlinkSync(elsewhere, join(other, `multifleet-${process.getuid?.()}`));
  vi.stubEnv("TMPDIR", other);
  expect(await complaint({})).toContain("is no directory");
});

test("without a path two nodes have two sockets, and one node has one", async () => {
  vi.stubEnv("TMPDIR", home());
  afterwards(() => void vi.unstubAllEnvs());
  const [alpha, bravo] = [await opened({}, "alpha"), await opened({}, "bravo")];
  expect(pathOf(alpha)).not.toBe(pathOf(bravo));
  expect(await complaint({})).toContain("is in use by another daemon");
});

test("the socket of a killed process is replaced, and that of a live one is not", async () => {
  const path = join(home(), "daemon.sock");
  const child = await Child.start(peer, path);
  afterwards(async () => await child.kill());
  expect(await complaint({ path })).toBe(
    `MISCONFIGURED: ipc: ${path} is in use by another daemon: end that one, or set another "path"`,
  );
  child.signal("SIGSTOP");
  expect(await complaint({ path })).toContain("is in use by another daemon");
  await child.kill();
  expect(existsSync(path)).toBe(true);
  const link = await opened({ path }, "bravo");
  const sender = await open(ipc({ path: `${path}2` }), new Host("alpha", ...link.addresses));
  expect(outcome(await send(sender))).toBe("delivers");
  await sender[Symbol.asyncDispose]();
});

test("a file that is no socket is never removed", async () => {
  const path = join(home(), "daemon.sock");
  writeFileSync(path, "precious");
  expect(await complaint({ path })).toContain(`${path} is no socket: remove it, or set another "path"`);
  expect(existsSync(path)).toBe(true);
});

test("a symbolic link is not followed to another's socket", async () => {
  const directory = home();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(directory, "other.sock"), resolve));
  afterwards(async () => await new Promise((resolve) => server.close(resolve)));
  symlinkSync(join(directory, "other.sock"), join(directory, "daemon.sock"));
  expect(await complaint({ path: join(directory, "daemon.sock") })).toContain("is no socket");
});
