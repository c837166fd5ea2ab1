import { connect, type Socket } from "node:net";
import type { Link } from "@multifleet/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { http } from "../src/index.js";
import { Child } from "../../../test/child.js";
import { Host, open, outcome, send } from "../../../test/host.js";

const peer = new URL("peer.mjs", import.meta.url);
const portOf = ({ address }: Child) => Number(new URL(address).port);
let child: Child;
let host: Host;
let link: Link;

beforeEach(async () => {
  child = await Child.start(peer, 0);
  host = new Host("alpha", child.address);
  link = await open(http({ listen: false, connectTimeoutMs: 300 }), host);
});

afterEach(async () => {
  await link[Symbol.asyncDispose]();
  await child.kill();
});

test("a peer whose process is killed is reported as down by the end of its idle connection", async () => {
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.states).toEqual(["up"]);
  const died = child.kill().then(() => performance.now());
  await host.until(() => host.states.includes("down"));
  expect(performance.now() - (await died)).toBeLessThan(100);
  expect(host.events[1]).toMatchObject({ state: "down", peer: "bravo" });
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  expect(host.states).toEqual(["up", "down"]);
});

test("a frame that a killed peer had in hand is CLOSED", async () => {
  expect(outcome(await send(link))).toBe("delivers");
  const held = send(link, Buffer.from("hold"));
  // In a request of its own: those of one tick are answered together.
  await new Promise((resolve) => setImmediate(resolve));
  expect(outcome(await send(link))).toBe("delivers");
  await child.kill();
  expect(outcome(await held)).toBe("CLOSED");
  await host.until(() => host.states.includes("down"));
  expect(host.states).toEqual(["up", "down"]);
});

test("a peer that comes back is reported as up by the next connection", async () => {
  expect(outcome(await send(link))).toBe("delivers");
  await child.kill();
  await host.until(() => host.states.includes("down"));
  child = await Child.start(peer, portOf(child));
  const result = await send(link);
  expect(result).toMatchObject({ ok: true, answer: Buffer.from(child.pid) });
  expect(host.states).toEqual(["up", "down", "up"]);
});

test("a peer that is stopped is neither down nor waited for longer than the sender wants", async () => {
  expect(outcome(await send(link))).toBe("delivers");
  child.signal("SIGSTOP");
  for (let i = 0; i < 10; i++) {
    const begun = performance.now();
    const result = await send(link, Buffer.from("x"), AbortSignal.timeout(30));
    expect(outcome(result)).toBe("ABORTED");
    expect(performance.now() - begun).toBeLessThan(300);
  }
  child.signal("SIGCONT");
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.states).toEqual(["up"]);
  expect(host.counts).toEqual({});
});

test("an address that does not even take connections is UNREACHABLE after a while", async () => {
  const strangers = await fill(child);
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  for (const socket of strangers) socket.destroy();
});

test("an address that kept a sender waiting is not the first one for the next frame", async () => {
  const other = await Child.start(peer, 0);
  await link[Symbol.asyncDispose]();
  host.told.push(other.address);
  link = await open(http({ listen: false, connectTimeoutMs: 60_000 }), host);
  expect(await send(link)).toMatchObject({ ok: true, answer: Buffer.from(child.pid) });
  const strangers = await fill(child);
  // Its connection stands, but nobody answers; then none can be made any more.
  expect(outcome(await send(link, Buffer.from("x"), AbortSignal.timeout(50)))).toBe("ABORTED");
  expect(outcome(await send(link, Buffer.from("x"), AbortSignal.timeout(50)))).toBe("ABORTED");
  expect(await send(link)).toMatchObject({ ok: true, answer: Buffer.from(other.pid) });
  for (const socket of strangers) socket.destroy();
  await other.kill();
});

test("an address that answers nothing for a second is not the first one for the next frame", async () => {
  const other = await Child.start(peer, 0);
  host.told.push(other.address);
  expect(await send(link)).toMatchObject({ ok: true, answer: Buffer.from(child.pid) });
  child.signal("SIGSTOP");
  // Given up so soon, it may only have lost a race to another channel.
  expect(outcome(await send(link, Buffer.from("x"), AbortSignal.timeout(20)))).toBe("ABORTED");
  expect(outcome(await send(link, Buffer.from("x"), AbortSignal.timeout(1_100)))).toBe("ABORTED");
  expect(await send(link)).toMatchObject({ ok: true, answer: Buffer.from(other.pid) });
  await other.kill();
});

test("disposing ends a connection that is still being made", async () => {
  await link[Symbol.asyncDispose]();
  link = await open(http({ listen: false, connectTimeoutMs: 60_000 }), host);
  const strangers = await fill(child);
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;
  const before = sockets();
  const result = send(link);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sockets()).toBeGreaterThan(before);
  await link[Symbol.asyncDispose]();
  expect(outcome(await result)).toBe("CLOSED");
  expect(sockets()).toBe(before);
  for (const socket of strangers) socket.destroy();
});

/** Stops a peer and makes connections until its kernel takes no more. */
async function fill(stopped: Child): Promise<Socket[]> {
  stopped.signal("SIGSTOP");
  const sockets: Socket[] = [];
  for (let full = false; !full;) {
    const batch = Array.from({ length: 64 }, () => connect(portOf(stopped), "127.0.0.1"));
    sockets.push(...batch);
    const results = await Promise.all(batch.map(connected));
    full = results.includes(false);
  }
  return sockets;
}

async function connected(socket: Socket): Promise<boolean> {
  return await new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 200);
    socket.on("error", () => resolve(false));
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
