import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Link } from "@multifleet/core";
import { afterEach, expect, test } from "vitest";
import { http } from "../src/index.js";
import { encodeResults, maxResponseBytes } from "../src/protocol.js";
import { Host, open, outcome, send } from "../../../test/host.js";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A TCP server that does with each connection what the test says. */
async function server(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", (error) => socket.destroy(error));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => listening.close(resolve));
  });
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

/** A server that answers each request with these bytes. */
const answering = (answer: string | Buffer) =>
  server((socket) => socket.on("data", () => socket.write(answer)));

/** The address of a server that was there a moment ago. */
async function gone(): Promise<string> {
  const address = await server(() => undefined);
  await cleanups.pop()?.();
  return address;
}

async function linkTo(host: Host): Promise<Link> {
  const link = await open(http({ listen: false }), host);
  cleanups.push(async () => await link[Symbol.asyncDispose]());
  return link;
}

const status = (line: string) => `HTTP/1.1 ${line}\r\ncontent-length: 0\r\n\r\n`;
const body = (bytes: Uint8Array | string) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`),
    Buffer.from(bytes),
  ]);

test.each([
  ["413", "TOO_LARGE", status("413 Too Large")],
  ["503", "BUSY", status("503 Busy")],
  ["429", "BUSY", status("429 Too Many")],
  ["401", "DENIED", status("401 Who")],
  ["403", "DENIED", status("403 No")],
  ["404", "INTERNAL", status("404 Where")],
  ["500", "INTERNAL", status("500 Oh")],
  [
    "a redirect",
    "INTERNAL",
    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
  ],
  ["an empty 200", "INTERNAL", status("200 OK")],
  ["a web page", "INTERNAL", body("<!doctype html><title>Hello</title>")],
  ["results for two frames", "INTERNAL", body(encodeResults([{ code: "taken" }, { code: "taken" }]).body)],
  ["an unknown result code", "INTERNAL", body(Buffer.of(3, 0, 0, 0, 0))],
  ["a result that announces 4 GiB", "INTERNAL", body(Buffer.of(0, 255, 255, 255, 255))],
  ["no HTTP", "INTERNAL", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["100 continue", "CLOSED", "HTTP/1.1 100 Continue\r\n\r\n"],
])("a peer that answers with %s gives %s", async (_, code, answer) => {
  const host = new Host("alpha", await answering(answer));
  const link = await linkTo(host);
  expect(outcome(await send(link))).toBe(code);
  if (code === "INTERNAL") expect(host.counts["malformed_answers"]).toBe(1);
});

test("an endless answer is cut off", async () => {
  let sent = 0;
  const address = await server((socket) => {
    const pump = () => {
      while (!socket.destroyed && socket.write(`10000\r\n${"\0".repeat(65_536)}\r\n`)) sent += 65_536;
    };
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"));
    socket.once("data", pump);
    socket.on("drain", pump);
  });
  expect(outcome(await send(await linkTo(new Host("alpha", address))))).toBe("INTERNAL");
  expect(sent).toBeLessThan(4 * maxResponseBytes);
});

test("a batch that is turned away as too large is to come again: each frame alone may pass", async () => {
  const link = await linkTo(new Host("alpha", await answering(status("413 Too Large"))));
  const results = await Promise.all([send(link), send(link)]);
  expect(results.map(outcome)).toEqual(["BUSY", "BUSY"]);
});

test("a connection that ends under a request is CLOSED, and reported", async () => {
  const host = new Host("alpha", await server((socket) => socket.once("data", () => socket.destroy())));
  expect(outcome(await send(await linkTo(host)))).toBe("CLOSED");
  expect(host.states).toEqual(["up", "down"]);
});

test("a connection that is reset under a request is CLOSED, and reported", async () => {
  const host = new Host(
    "alpha",
    await server((socket) => socket.once("data", () => socket.resetAndDestroy())),
  );
  expect(outcome(await send(await linkTo(host)))).toBe("CLOSED");
  expect(host.states).toEqual(["up", "down"]);
  expect(host.counts).toEqual({ lost_connections: 1 });
});

test("where nobody listens is UNREACHABLE at once, counted, and reported once", async () => {
  const host = new Host("alpha", await gone());
  const link = await linkTo(host);
  const result = await send(link);
  expect(result).toMatchObject({
    ok: false,
    error: { code: "UNREACHABLE", cause: { code: "ECONNREFUSED" } },
  });
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  expect(host.events).toMatchObject([
    { state: "down", peer: "bravo", reason: expect.stringContaining("ECONNREFUSED") },
  ]);
  expect(host.counts).toEqual({ connect_errors: 2 });
});

test("a host name that nobody knows is UNREACHABLE", async () => {
  expect(outcome(await send(await linkTo(new Host("alpha", "http://nobody.invalid:1"))))).toBe("UNREACHABLE");
});

test("a peer that hangs is waited for until the sender gives up, and not reported as down", async () => {
  let asked = () => {};
  const request = new Promise<void>((resolve) => (asked = resolve));
  const host = new Host("alpha", await server((socket) => socket.once("data", () => asked())));
  const link = await linkTo(host);
  const abort = new AbortController();
  const result = send(link, Buffer.from("x"), abort.signal);
  await request;
  abort.abort();
  expect(outcome(await result)).toBe("ABORTED");
  expect(host.states).toEqual(["up"]);
});

test("a connection that the peer closes in good order is not its end", async () => {
  let closed = () => {};
  const end = new Promise<void>((resolve) => (closed = resolve));
  const taken = encodeResults([{ code: "taken" }]).body;
  const answer = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${taken.length}\r\n\r\n${taken.toString("latin1")}`;
  const address = await server((socket) => {
    socket.on("close", () => closed());
    socket.once("data", () => socket.end(answer, "latin1"));
  });
  const host = new Host("alpha", address);
  expect(outcome(await send(await linkTo(host)))).toBe("delivers");
  await end;
  expect(host.states).toEqual(["up"]);
});

test("a connection that we end because it was idle is not the peer's end", async () => {
  let closed = () => {};
  const end = new Promise<void>((resolve) => (closed = resolve));
  const taken = encodeResults([{ code: "taken" }]).body;
  // undici keeps a connection for this many seconds less two.
  const answer = `HTTP/1.1 200 OK\r\nkeep-alive: timeout=3\r\ncontent-length: ${taken.length}\r\n\r\n${taken.toString("latin1")}`;
  const address = await server((socket) => {
    socket.on("close", () => closed());
    socket.on("data", () => socket.write(answer, "latin1"));
  });
  const host = new Host("alpha", address);
  const link = await linkTo(host);
  expect(outcome(await send(link))).toBe("delivers");
  await end;
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.states).toEqual(["up"]);
  expect(host.counts).toEqual({});
});

test("the next address is tried at once when nobody listens at the first, in the same send", async () => {
  const far = new Host("bravo");
  const farLink = await open(http({ port: 0 }), far);
  cleanups.push(async () => await farLink[Symbol.asyncDispose]());
  const host = new Host("alpha", await gone(), await gone(), ...farLink.addresses);
  const link = await linkTo(host);
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.counts).toEqual({ connect_errors: 2 });
  // Now it begins where it worked.
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.counts).toEqual({ connect_errors: 2 });
  expect(host.states).toEqual(["up"]);
});

test("a stranger at one of a peer's addresses does not keep a frame from the peer", async () => {
  const far = new Host("bravo");
  const farLink = await open(http({ port: 0 }), far);
  cleanups.push(async () => await farLink[Symbol.asyncDispose]());
  const stranger = new Host("charlie");
  stranger.judge = () => ({ code: "refused", reason: "not for this fleet" });
  const strangerLink = await open(http({ port: 0 }), stranger);
  cleanups.push(async () => await strangerLink[Symbol.asyncDispose]());
  const webServer = await answering(status("404 Not Found"));
  const link = await linkTo(new Host("alpha", ...strangerLink.addresses, webServer, ...farLink.addresses));
  expect(outcome(await send(link))).toBe("delivers");
  // Where the peer is known to live, its word is final.
  far.judge = () => ({ code: "refused", reason: "revoked" });
  expect(outcome(await send(link))).toBe("REFUSED");
  expect(stranger.received).toHaveLength(1);
});
