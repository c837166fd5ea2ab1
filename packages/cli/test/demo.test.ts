import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findProgram } from "../../../test/needs.js";

const bin = fileURLToPath(new URL("../bin/multifleet.js", import.meta.url));

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  // Short, since the nodes' sockets are in it.
  directory = mkdtempSync(join(tmpdir(), "mfd-"));
});

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** Starts the demo with its temporary files in a directory of the test's own. */
function start(command: string, args: readonly string[]): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const env = { ...process.env, TMPDIR: directory, TMP: directory, TEMP: directory, NO_COLOR: "1" };
  const started = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  child = started;
  return started;
}

const demo = (...options: string[]) => start(process.execPath, [bin, "demo", ...options]);

/** Resolves when a process is gone, woken by the end of the pipe that it holds. */
async function output(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

interface Told {
  readonly event: string;
  readonly nodes?: readonly { readonly name: string; readonly home: string; readonly pid: number }[];
  readonly pid?: number;
  readonly [more: string]: unknown;
}

test("the demo loses nothing and doubles nothing, by channels that were really cut and nodes that were really killed", async () => {
  const running = demo("--once", "--json");
  const [out, err, [code]] = await Promise.all([
    output(running.stdout),
    output(running.stderr),
    once(running, "close"),
  ]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const told = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
  const events = told.map(({ event }) => event);
  expect(events.filter((event) => event === "act")).toHaveLength(4);
  for (const event of ["accepted", "sent", "delivered", "surfaced", "answered", "cut", "killed", "started"])
    expect(events).toContain(event);

  const attempts = told.filter(({ event }) => event === "attempt");
  const cut = attempts.find(({ channel, outcome }) => channel === "http" && outcome === "CLOSED");
  expect(cut).toMatchObject({ reason: expect.stringMatching(/./), ms: expect.any(Number) });
  expect(attempts).toContainEqual(expect.objectContaining({ channel: "ipc", outcome: "delivered" }));
  expect(attempts).toContainEqual(expect.objectContaining({ channel: "seed", outcome: "stored" }));

  const result = told.at(-1);
  expect(result).toMatchObject({ event: "result", ok: true, total: { lost: 0, twice: 0 } });
  const { total, byChannel } = result as unknown as {
    total: { sent: number; delivered: number; inInbox: number };
    byChannel: Record<string, number>;
  };
  expect(total.sent).toBe(67);
  expect(total.delivered).toBe(total.sent);
  expect(total.inInbox).toBe(total.sent);
  expect(Object.keys(byChannel)).toEqual(expect.arrayContaining(["http", "ipc", "seed"]));

  const pids = told.flatMap(({ nodes, pid }) => [
    ...(nodes ?? []).map((node) => node.pid),
    ...(pid === undefined ? [] : [pid]),
  ]);
  expect(new Set(pids).size).toBe(5);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

test("for people it is text in 80 columns, without colour where the output is no terminal", async () => {
  const running = demo();
  const [out, [code]] = await Promise.all([output(running.stdout), once(running, "close")]);
  expect(code).toBe(0);
  expect(out).toMatch(/^ {4}P2 http +[\d.]+ ms {2}CLOSED: /m);
  expect(out).toMatch(/^ {4}in all +67 +67 +67 +0 +0$/m);
  expect(out).toContain("0 lost, 0 twice, 67 of 67 with the receiver's signed receipt");
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(out).not.toContain("\u001b");
  expect(out).not.toContain("stay up");
});

/** Runs the demo until its nodes are up. */
async function startedNodes(running: ChildProcess & { stdout: NodeJS.ReadableStream }): Promise<number[]> {
  for await (const line of createInterface({ input: running.stdout })) {
    const { event, nodes = [] } = JSON.parse(line) as Told;
    if (event !== "started") continue;
    expect(nodes).toHaveLength(3);
    return nodes.map(({ pid }) => pid);
  }
  throw new Error("the demo ended before its nodes were up");
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`${signal} in the middle ends every daemon, removes the homes, and is not called done`, async () => {
    const running = demo("--once", "--json");
    const closed = once(running, "close");
    const pids = await startedNodes(running);
    running.kill(signal);
    const [code] = await closed;
    expect(code).toBe(1);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

// Waiting for the end of another's child takes GNU tail.
test.skipIf(process.platform !== "linux" || findProgram("tail") === undefined)(
  "where the demo itself is killed outright, its daemons end by themselves",
  async () => {
    const running = demo("--once", "--json");
    const pids = await startedNodes(running);
    running.kill("SIGKILL");
    await once(running, "exit");
    await Promise.all(pids.map(ended));
  },
);

/** Resolves when the process is gone. */
async function ended(pid: number): Promise<void> {
  const tail = spawn("tail", ["--pid", String(pid), "-f", "/dev/null"], { stdio: "ignore" });
  await once(tail, "close");
  expect(isAlive(pid)).toBe(false);
}

test.skipIf(process.platform !== "linux" || findProgram("script") === undefined)(
  "on a terminal it stays up, says what to try, and ends on Ctrl-C with exit 0",
  async () => {
    // Without exec the shell may stay in front of the demo, and some die of the Ctrl-C that the demo takes.
    const running = start("script", ["-qec", `exec "${process.execPath}" "${bin}" demo`, "/dev/null"]);
    const closed = once(running, "close");
    let out = "";
    let tried = "";
    for await (const chunk of running.stdout) {
      out += String(chunk);
      if (tried !== "" || !out.includes("Ctrl-C ends everything")) continue;
      tried = /multifleet\S* (send mac2 .* --home \S+\/mac1)/.exec(out)?.[1] ?? "none";
      const [code] = await once(spawn("sh", ["-c", `"${process.execPath}" "${bin}" ${tried}`]), "close");
      expect(code).toBe(0);
      running.stdin?.write("\u0003");
    }
    const [code] = await closed;
    expect({ code, tried }).toEqual({ code: 0, tried: expect.stringContaining("--wait delivered") });
    expect(out).toMatch(/mac2 {2}inbox {2}from mac1: hello/);
    expect(readdirSync(directory)).toEqual([]);
  },
);
