import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { maxPacketBytes, type Link } from "@multifleet/core";
import { machineId } from "@multifleet/core/machine";
import { beforeEach, expect, test } from "vitest";
import { addressOf } from "../src/address.js";
import { ipc } from "../src/index.js";
import { Decoder, encode, encodeVerdict } from "@multifleet/core/stream";
import { afterwards, home } from "./home.js";
import { Child } from "../../../test/child.js";
import { bravo, Host, open, outcome, send } from "../../../test/host.js";

const peer = new URL("peer.mjs", import.meta.url);
let directory: string;
let path: string;
let host: Host;
let link: Link;

beforeEach(async () => {
  directory = home();
  path = join(directory, "bravo.sock");
  host = new Host("alpha", addressOf(machineId(), path));
  link = await open(ipc({ path: join(directory, "alpha.sock") }), host);
  afterwards(async () => await link[Symbol.asyncDispose]());
});

/** A peer's socket, played by the test. */
async function listen(onConnection: (socket: Socket) => void): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", (error) => socket.destroy(error));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  afterwards(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
}

/** A peer that says this whenever it is asked. */
const saying = (bytes: Uint8Array) => listen((socket) => socket.on("data", () => socket.write(bytes)));

test("what is sent in one tick is written at once", async () => {
  const chunks: Buffer[] = [];
  await listen((socket) => {
    const decoder = new Decoder(maxPacketBytes, (id) => socket.write(encodeVerdict(id, { code: "taken" })));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      decoder.push(chunk);
    });
  });
  expect(outcome(await send(link))).toBe("delivers");
  chunks.splice(0);
  const results = await Promise.all(Array.from({ length: 20 }, () => send(link)));
  expect(results.map(outcome)).toEqual(Array.from({ length: 20 }, () => "delivers"));
  expect(chunks).toHaveLength(1);
});

test("answers in any order go to the frames that they are for", async () => {
  const asked: [number, Buffer][] = [];
  await listen((socket) => {
    const decoder = new Decoder(maxPacketBytes, (id, frame) => {
      asked.push([id, frame]);
      if (asked.length < 3) return;
      for (const [each, bytes] of asked.reverse())
        socket.write(encodeVerdict(each, { code: "taken", answer: bytes }));
    });
    socket.on("data", (chunk: Buffer) => decoder.push(chunk));
  });
  const results = await Promise.all(["a", "b", "c"].map((text) => send(link, Buffer.from(text))));
  expect(results.map((result) => result.ok && String(result.answer))).toEqual(["a", "b", "c"]);
});

test.each([
  ["an id that nobody asked with", encodeVerdict(77, { code: "taken" })],
  ["an unknown code", encode(1, Buffer.of(9))],
  ["an empty answer", encode(1)],
  ["an answer of 4 GiB", Buffer.alloc(8, 255)],
  ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
])("a peer that answers with %s is hung up on, counted, and reported as down", async (_, bytes) => {
  await saying(bytes);
  expect(outcome(await send(link))).toBe("INTERNAL");
  expect(host.counts).toEqual({ malformed_answers: 1, lost_connections: 1 });
  expect(host.states).toEqual(["up", "down"]);
});

test("an answer to a frame that was given up is no mistake", async () => {
  let answer = () => {};
  const asked = new Promise<void>((resolve) => {
    void listen((socket) => {
      const decoder = new Decoder(maxPacketBytes, (id, frame) => {
        if (String(frame) !== "first") return void socket.write(encodeVerdict(id, { code: "taken" }));
        answer = () => socket.write(encodeVerdict(id, { code: "taken" }));
        resolve();
      });
      socket.on("data", (chunk: Buffer) => decoder.push(chunk));
    });
  });
  const abort = new AbortController();
  const first = send(link, Buffer.from("first"), abort.signal);
  await asked;
  abort.abort();
  expect(outcome(await first)).toBe("ABORTED");
  answer();
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.counts).toEqual({});
});

test("where nobody listens is UNREACHABLE at once, counted, and reported once", async () => {
  expect(await send(link)).toMatchObject({
    ok: false,
    error: { code: "UNREACHABLE", cause: { code: "ENOENT" } },
  });
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  expect(host.events).toMatchObject([
    { state: "down", peer: "bravo", reason: expect.stringContaining("ENOENT") },
  ]);
  expect(host.counts).toEqual({ connect_errors: 2 });
});

test("nothing is sent to what is no socket of this user", async () => {
  writeFileSync(path, "");
  expect(await send(link)).toMatchObject({
    error: { message: expect.stringContaining("no socket of this user") },
  });
});

test.each([
  ["another machine", (own: string) => `ipc:another:${own}`],
  ["a relative path", () => `ipc:${machineId()}:bravo.sock`],
  ["its own socket", () => addressOf(machineId(), join(directory, "alpha.sock"))],
  ["a url", () => "http://127.0.0.1:1"],
])("a peer that tells %s is not reached", async (_, told) => {
  host.told.splice(0, 1, told(path));
  expect(link.reaches(bravo)).toBe(false);
  expect(outcome(await send(link))).toBe("UNREACHABLE");
});

test("the next address is tried when nobody listens at the first", async () => {
  const child = await Child.start(peer, join(directory, "real.sock"));
  afterwards(async () => await child.kill());
  host.told.push(child.address);
  expect(link.reaches(bravo)).toBe(true);
  expect(outcome(await send(link))).toBe("delivers");
});

test("a peer whose process is killed is reported as down at once, and what it had in hand is CLOSED", async () => {
  const child = await Child.start(peer, path);
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.states).toEqual(["up"]);
  const held = send(link, Buffer.from("hold"));
  expect(outcome(await send(link))).toBe("delivers");
  const died = child.kill().then(() => performance.now());
  await host.until(() => host.states.includes("down"));
  expect(performance.now() - (await died)).toBeLessThan(100);
  expect(outcome(await held)).toBe("CLOSED");
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  const again = await Child.start(peer, path);
  afterwards(async () => await again.kill());
  expect(await send(link)).toMatchObject({ ok: true, answer: Buffer.from(again.pid) });
  expect(host.states).toEqual(["up", "down", "up"]);
});

test("a peer that is stopped takes bounded memory, is not down, and goes on where it was", async () => {
  const child = await Child.start(peer, path);
  afterwards(async () => await child.kill());
  expect(outcome(await send(link))).toBe("delivers");
  child.signal("SIGSTOP");
  const aborts: AbortController[] = [];
  const begin = () => {
    const abort = new AbortController();
    aborts.push(abort);
    return send(link, Buffer.alloc(maxPacketBytes), abort.signal);
  };
  const stuck = Array.from({ length: 40 }, begin);
  // So many are refused at once, and the others wait until they are given up.
  const refused = await Promise.all(stuck.slice(21));
  expect(refused.map(outcome)).toEqual(refused.map(() => "BUSY"));
  for (const abort of aborts) abort.abort();
  const waited = await Promise.all(stuck.slice(0, 21));
  expect(waited.map(outcome)).toEqual(waited.map(() => "ABORTED"));
  child.signal("SIGCONT");
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.states).toEqual(["up"]);
});

test("a peer that never answers, however often it is asked, is hung up on", async () => {
  await listen((socket) => socket.resume());
  const kept = send(link, Buffer.from("kept"));
  await host.until(() => host.states.includes("up"));
  const giveUp = async (count: number) => {
    const aborts = Array.from({ length: count }, () => new AbortController());
    const results = Promise.all(aborts.map(({ signal }) => send(link, Buffer.from("x"), signal)));
    // Only what was written can be forgotten.
    await new Promise((resolve) => setImmediate(resolve));
    for (const abort of aborts) abort.abort();
    return new Set((await results).map(outcome));
  };
  expect(await giveUp(4_000)).toEqual(new Set(["ABORTED"]));
  expect(await giveUp(96)).toEqual(new Set(["ABORTED"]));
  expect(host.states).toEqual(["up"]);
  await giveUp(1);
  expect(outcome(await kept)).toBe("CLOSED");
});

test("disposing ends what is under way with CLOSED", async () => {
  await listen((socket) => socket.resume());
  const sending = [send(link), send(link)];
  await host.until(() => host.states.includes("up"));
  await link[Symbol.asyncDispose]();
  expect((await Promise.all(sending)).map(outcome)).toEqual(["CLOSED", "CLOSED"]);
  expect(host.states).toEqual(["up"]);
});
