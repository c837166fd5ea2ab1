import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { maxPacketBytes } from "@multifleet/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ipc, type IpcOptions } from "../src/index.js";
import { Decoder, decodeVerdict, encode } from "@multifleet/core/stream";
import { afterwards, home } from "./home.js";
import { Gate, Host, open, outcome, send } from "../../../test/host.js";

/** A listening node, and another that sends to it. */
async function door(options: IpcOptions = {}) {
  const directory = home();
  const path = join(directory, "bravo.sock");
  const host = new Host("bravo");
  const link = await open(ipc({ path, ...options }), host);
  const senderHost = new Host("alpha", ...link.addresses);
  const sender = await open(ipc({ path: join(directory, "alpha.sock") }), senderHost);
  afterwards(async () => await link[Symbol.asyncDispose]());
  afterwards(async () => await sender[Symbol.asyncDispose]());
  return { host, link, path, sender, senderHost };
}

/** A connection that says these bytes and stays. */
async function linger(path: string, bytes: Uint8Array = Buffer.alloc(0)): Promise<Socket> {
  const socket = connect(path);
  socket.on("error", (error) => socket.destroy(error));
  afterwards(() => void socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  if (bytes.length > 0) socket.write(bytes);
  return socket;
}

const closed = async (socket: Socket) => {
  socket.resume();
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
};

/** Resolves with the codes of the next `count` answers on a connection. */
async function answers(socket: Socket, count: number): Promise<[id: number, code: string | undefined][]> {
  return await new Promise((resolve) => {
    const read: [number, string | undefined][] = [];
    const decoder = new Decoder(maxPacketBytes + 1, (id, payload) => {
      read.push([id, decodeVerdict(payload)?.code]);
      if (read.length === count) resolve(read);
    });
    socket.on("data", (chunk: Buffer) => decoder.push(chunk));
  });
}

test.each([
  ["text", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["a frame of 4 GiB", Buffer.of(255, 255, 255, 255, 0, 0, 0, 1)],
  ["a frame one byte too long", encode(1, Buffer.alloc(maxPacketBytes + 1)).subarray(0, 100)],
])("%s ends the connection and is counted, and others are served", async (_, bytes) => {
  const { host, path, sender } = await door();
  await closed(await linger(path, bytes));
  expect(host.counts).toEqual({ malformed_frames: 1 });
  expect(host.received).toEqual([]);
  expect(outcome(await send(sender))).toBe("delivers");
});

test("frames before a malformed one are taken", async () => {
  const { host, path } = await door();
  await closed(await linger(path, Buffer.concat([encode(1, Buffer.from("good")), Buffer.alloc(8, 255)])));
  expect(host.received.map(String)).toEqual(["good"]);
});

test("half a frame is handed to nobody, and counted when its connection ends", async () => {
  const { host, path } = await door();
  const socket = await linger(path, encode(1, Buffer.alloc(100)).subarray(0, 50));
  socket.end();
  await host.until(() => host.counts["cut_off_frames"] === 1);
  expect(host.received).toEqual([]);
});

test("a frame that does not arrive in time ends its connection, however often a byte of it comes", async () => {
  const { host, path, sender, senderHost } = await door({ frameTimeoutMs: 100 });
  expect(outcome(await send(sender))).toBe("delivers");
  const socket = await linger(path, encode(1, Buffer.alloc(10_000)).subarray(0, 10));
  const drip = () => void (socket.writable && setTimeout(() => socket.write("x", drip), 10));
  drip();
  await closed(socket);
  expect(host.counts).toEqual({ slow_frames: 1 });
  // The other connection was idle for as long, between frames.
  expect(outcome(await send(sender))).toBe("delivers");
  expect(senderHost.states).toEqual(["up"]);
});

test("frames are answered as each is judged, under their own ids, and an id may be used again", async () => {
  const { host, path } = await door();
  const gate = new Gate();
  host.judge = async (bytes) =>
    String(bytes) === "slow" ? await gate.take() : { code: "refused", reason: "no" };
  const socket = await linger(path);
  const first = answers(socket, 2);
  socket.write(
    Buffer.concat([encode(7, Buffer.from("slow")), encode(9, Buffer.from("a")), encode(9, Buffer.from("b"))]),
  );
  expect(await first).toEqual([
    [9, "refused"],
    [9, "refused"],
  ]);
  const second = answers(socket, 1);
  gate.release();
  expect(await second).toEqual([[7, "taken"]]);
});

test("strangers by the thousand shut out neither a peer that is connected nor the next one", async () => {
  const { host, link, path, sender, senderHost } = await door({ maxConnections: 32 });
  expect(outcome(await send(sender))).toBe("delivers");
  for (let count = 100; count <= 1_000; count += 100) {
    await Promise.all(Array.from({ length: 100 }, () => linger(path, Buffer.of(0))));
    await host.until(() => (host.counts["evicted_connections"] ?? 0) === count + 1 - 32);
  }
  expect(outcome(await send(sender))).toBe("delivers");
  expect(senderHost.counts).toEqual({});
  expect(senderHost.states).toEqual(["up"]);
  const newcomerHost = new Host("charlie", ...link.addresses);
  const newcomer = await open(ipc({ path: `${path}3` }), newcomerHost);
  expect(outcome(await send(newcomer))).toBe("delivers");
  await newcomer[Symbol.asyncDispose]();
  expect(newcomerHost.counts).toEqual({});
});

test("half frames take bounded memory, and a whole one gets through between them", async () => {
  const { host, path, sender } = await door({ maxInboundBytes: 2 * 1_024 * 1_024 });
  const half = encode(1, Buffer.alloc(maxPacketBytes)).subarray(0, maxPacketBytes - 10);
  for (let i = 0; i < 12; i++) await linger(path, half);
  await host.until(() => (host.counts["crowded_out_frames"] ?? 0) >= 9);
  expect(outcome(await send(sender, Buffer.alloc(maxPacketBytes)))).toBe("delivers");
});

test("frames beyond what may be in hand are told to come again", async () => {
  const { host, path, sender } = await door({ maxInboundBytes: 2 * 1_024 * 1_024 });
  const gate = new Gate();
  host.judge = gate.take;
  const large = Buffer.alloc(maxPacketBytes);
  const socket = await linger(path, Buffer.concat([encode(1, large), encode(2, large)]));
  await host.until(() => host.received.length === 2);
  expect(outcome(await send(sender, large))).toBe("BUSY");
  expect(host.counts).toEqual({ busy_answers: 1 });
  const taken = answers(socket, 2);
  gate.release();
  expect(await taken).toEqual([
    [1, "taken"],
    [2, "taken"],
  ]);
  expect(outcome(await send(sender, large))).toBe("delivers");
});

test("a connection with too much in hand is not read from until it is less, and loses nothing", async () => {
  const { host, path, sender } = await door();
  const gate = new Gate();
  host.judge = async (bytes) => (bytes.length === 1_000 ? await gate.take() : { code: "taken" });
  const socket = await linger(path);
  const all = answers(socket, 20_000);
  const frames = Array.from({ length: 20_000 }, (_, id) => encode(id, Buffer.alloc(1_000)));
  socket.write(Buffer.concat(frames));
  await host.until(() => host.received.length >= 1_024);
  for (let i = 0; i < 20; i++) expect(outcome(await send(sender))).toBe("delivers");
  // One read beyond the limit at most, which is 64 KB.
  expect(host.received.length).toBeLessThan(1_024 + 66 + 21);
  gate.release();
  expect(new Set((await all).map(([id]) => id)).size).toBe(20_000);
  expect(host.counts).toEqual({});
});

test("who does not read the answers is not read from either", async () => {
  const { host, path, sender } = await door();
  const answer = Buffer.alloc(100_000);
  host.judge = () => ({ code: "taken", answer });
  const socket = await linger(path);
  socket.pause();
  const frame = encode(1, Buffer.alloc(1_000));
  socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame)));
  await host.until(() => host.received.length > 60);
  const seen = host.received.length;
  for (let i = 0; i < 20; i++) expect(outcome(await send(sender))).toBe("delivers");
  // 64 KB are read at a time: 65 frames of 1 KB whose answers then stand in the way.
  expect(host.received.length - seen).toBeLessThan(20 + 4 * 66);
});

test("frames with bytes changed, cut out or put in do no harm", async () => {
  const { host, path, sender } = await door();
  const whole = Buffer.concat(["one", "two", "three"].map((text, id) => encode(id, Buffer.from(text))));
  const edit = fc.record({ at: fc.nat(whole.length), gone: fc.nat(4), put: fc.uint8Array({ maxLength: 8 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const bytes = edits.reduce(
        (all, { at, gone, put }) => Buffer.concat([all.subarray(0, at), put, all.subarray(at + gone)]),
        whole,
      );
      const socket = await linger(path);
      socket.end(bytes);
      await closed(socket);
      expect(outcome(await send(sender, Buffer.from("genuine")))).toBe("delivers");
    }),
    { numRuns: 300 },
  );
  expect(host.received.filter((frame) => String(frame) === "genuine")).toHaveLength(300);
  expect(host.counts["receive_errors"]).toBeUndefined();
});

test("disposing lets what is in hand be answered, and ends every other connection", async () => {
  const { host, link, path, sender } = await door();
  const gate = new Gate();
  host.judge = gate.take;
  const held = send(sender);
  await host.until(() => host.received.length === 1);
  const idle = await linger(path);
  const disposed = link[Symbol.asyncDispose]();
  await closed(idle);
  gate.release();
  expect(outcome(await held)).toBe("delivers");
  await disposed;
});

test("nodes that end at the same time count no errors", async () => {
  const { host, link, sender, senderHost } = await door();
  for (let i = 0; i < 5; i++) expect(outcome(await send(sender))).toBe("delivers");
  await sender[Symbol.asyncDispose]();
  await link[Symbol.asyncDispose]();
  expect(host.counts).toEqual({});
  expect(senderHost.counts).toEqual({});
});

test("disposing does not wait for a daemon that never answers", async () => {
  const { host, link, sender } = await door();
  host.judge = () => new Promise(() => undefined);
  const held = send(sender);
  await host.until(() => host.received.length === 1);
  const begun = performance.now();
  await link[Symbol.asyncDispose]();
  expect(performance.now() - begun).toBeLessThan(3_000);
  expect(outcome(await held)).toBe("CLOSED");
});
