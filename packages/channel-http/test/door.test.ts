import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { maxPacketBytes } from "@multifleet/core";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { http, type HttpOptions } from "../src/index.js";
import { encodeFrames, maxRequestBytes } from "../src/protocol.js";
import { Gate, Host, open, outcome, send } from "../../../test/host.js";

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A listening node, and another that sends to it. */
async function door(options: HttpOptions = {}) {
  const host = new Host("bravo");
  const link = await open(http({ port: 0, ...options }), host);
  const port = Number(new URL(link.addresses[0] ?? "").port);
  const senderHost = new Host("alpha", ...link.addresses);
  const sender = await open(http({ listen: false }), senderHost);
  cleanups.push(
    async () => await link[Symbol.asyncDispose](),
    async () => await sender[Symbol.asyncDispose](),
  );
  return { host, link, port, sender, senderHost };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface How {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** One request by Node's own client. */
async function post(
  port: number,
  body: Buffer = encodeFrames([Buffer.from("x")]),
  { method = "POST", path = "/v1/packets", headers = {} }: How = {},
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const type = { "content-type": "application/vnd.multifleet.packets" };
    const sent = httpRequest(
      { port, host: "127.0.0.1", method, path, agent: false, headers: { ...type, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: String(Buffer.concat(chunks)),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(["POST", "PUT"].includes(method) ? body : undefined);
  });
}

/** A connection that says `text` and then what `more` makes it say; resolves with what it heard once it is closed. */
async function speak(port: number, text: string, more?: (socket: Socket) => void): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk) => (heard += String(chunk)));
    socket.on("error", (error) => (heard += ` ${error.message}`));
    socket.on("close", () => resolve(heard));
    socket.write(text);
    more?.(socket);
  });
}

/** A connection that stays, and says no more than `text`. */
async function linger(port: number, text: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", (error) => socket.destroy(error));
  cleanups.push(() => void socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  await new Promise((resolve) => (text === "" ? resolve(undefined) : socket.write(text, resolve)));
  return socket;
}

const head = (...lines: string[]) =>
  [
    "POST /v1/packets HTTP/1.1",
    "host: x",
    "content-type: application/vnd.multifleet.packets",
    ...lines,
    "",
    "",
  ].join("\r\n");

test.each<[string, How, number, string]>([
  ["another path", { path: "/" }, 404, "not_found"],
  ["a query", { path: "/v1/packets?x" }, 404, "not_found"],
  ["an absolute URI", { path: "http://127.0.0.1/v1/packets" }, 404, "not_found"],
  ["a path that climbs", { path: "/v1/../v1/packets" }, 404, "not_found"],
  ["GET", { method: "GET" }, 405, "method_not_allowed"],
  ["PUT", { method: "PUT" }, 405, "method_not_allowed"],
  ["OPTIONS", { method: "OPTIONS" }, 405, "method_not_allowed"],
  ["a page's script", { headers: { origin: "http://evil.example" } }, 403, "forbidden_origin"],
  ["a page's form", { headers: { "sec-fetch-mode": "navigate" } }, 403, "forbidden_origin"],
  ["a page of our own host", { headers: { "sec-fetch-site": "same-origin" } }, 403, "forbidden_origin"],
  ["a form's type", { headers: { "content-type": "text/plain" } }, 415, "unsupported_media_type"],
  ["compressed bytes", { headers: { "content-encoding": "gzip" } }, 415, "content_encoding"],
  ["expect", { headers: { expect: "100-continue" } }, 417, "expectation_failed"],
  ["another expectation", { headers: { expect: "wonders" } }, 417, "expectation_failed"],
  ["an upgrade", { headers: { connection: "upgrade", upgrade: "websocket" } }, 400, "upgrade"],
])(
  "a request by %s is refused with a problem document, counted, and handed to nobody",
  async (_, how, status, code) => {
    const { host, port } = await door();
    const answer = await post(port, undefined, how);
    expect(answer).toMatchObject({
      status,
      headers: { "content-type": "application/problem+json", connection: "close" },
    });
    expect(JSON.parse(answer.body)).toMatchObject({ status, code, type: `urn:multifleet:problem:${code}` });
    expect(host.counts).toEqual({ refused_requests: 1 });
    expect(host.received).toEqual([]);
  },
);

test.each([
  ["is empty", Buffer.alloc(0)],
  ["ends in a length", Buffer.from([0, 0, 0])],
  ["ends in a frame", Buffer.from([0, 0, 0, 9, 1, 2])],
  ["has half a frame behind a whole one", Buffer.from([0, 0, 0, 1, 7, 0, 0, 0, 9, 1, 2])],
])("a body that %s is malformed, and no frame of it is used", async (_, body) => {
  const { host, port } = await door();
  expect(await post(port, body)).toMatchObject({ status: 400 });
  expect(host.counts).toEqual({ malformed_requests: 1 });
  expect(host.received).toEqual([]);
});

test("a frame larger than any packet is too large", async () => {
  const { host, port } = await door();
  expect(await post(port, encodeFrames([Buffer.alloc(maxPacketBytes + 1)]))).toMatchObject({ status: 413 });
  expect(host.counts).toEqual({ oversized_requests: 1 });
  expect(host.received).toEqual([]);
});

test("a request that declares 1 GiB is refused before anything of it is read", async () => {
  const { host, port, sender } = await door();
  const heard = await speak(port, head("content-length: 1073741824"));
  expect(heard).toMatch(/^HTTP\/1.1 413 [^]*request_too_large/);
  expect(host.counts).toEqual({ oversized_requests: 1 });
  expect(outcome(await send(sender))).toBe("delivers");
});

test("an endless body is cut off at the limit", async () => {
  const { host, port, sender } = await door();
  const chunk = `10000\r\n${"\0".repeat(65_536)}\r\n`;
  let sent = 0;
  await speak(port, head("transfer-encoding: chunked"), (socket) => {
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk)) sent += 65_536;
    };
    socket.on("drain", pump);
    pump();
  });
  // What the kernel holds between the two is not read by us.
  expect(sent).toBeLessThan(8 * maxRequestBytes);
  expect(host.counts).toEqual({ oversized_requests: 1 });
  expect(outcome(await send(sender))).toBe("delivers");
});

test("a body that comes byte by byte in chunks is taken all the same", async () => {
  const { host, port } = await door();
  const body = encodeFrames([Buffer.alloc(100_000, 7)]);
  const chunks = [...body].map((byte) => `1\r\n${String.fromCharCode(byte)}\r\n`).join("");
  const heard = await speak(port, head("transfer-encoding: chunked", "connection: close"), (socket) =>
    socket.write(`${chunks}0\r\n\r\n`, "latin1"),
  );
  expect(heard).toMatch(/^HTTP\/1.1 200 /);
  expect(host.received[0]?.equals(Buffer.alloc(100_000, 7))).toBe(true);
});

test.each([
  ["no HTTP", "\u0000\u0001\u0002\r\n\r\n", "400", "malformed_requests"],
  ["no host", "POST /v1/packets HTTP/1.1\r\n\r\n", "400", "refused_requests"],
  ["two lengths", head("content-length: 1", "content-length: 2"), "400", "malformed_requests"],
  [
    "a length and chunks",
    head("content-length: 5", "transfer-encoding: chunked"),
    "400",
    "malformed_requests",
  ],
  ["endless headers", head(`x: ${"x".repeat(100_000)}`), "431", "malformed_requests"],
])("a request with %s is answered %s and its connection closed", async (_, text, status, counter) => {
  const { host, port } = await door();
  expect(await speak(port, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(Object.keys(host.counts)).toEqual([counter]);
  expect(host.received).toEqual([]);
});

test("a tunnel is not opened", async () => {
  const { host, port } = await door();
  expect(await speak(port, "CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n")).toBe("");
  expect(host.counts).toEqual({ refused_requests: 1 });
});

test("who sends slowly is cut off in time, and others are served meanwhile", async () => {
  const { host, port, sender } = await door({ requestTimeoutMs: 300 });
  const begun = performance.now();
  const slow = [
    speak(port, ""),
    speak(port, "POST /v1/pack"),
    speak(port, head("content-length: 100")),
    speak(port, `${head("content-length: 100")}abc`),
  ];
  for (let i = 0; i < 20; i++) expect(outcome(await send(sender))).toBe("delivers");
  const heard = await Promise.all(slow);
  expect(performance.now() - begun).toBeLessThan(3_000);
  for (const answer of heard) expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(host.counts["slow_requests"]).toBe(4);
  expect(host.received).toHaveLength(20);
});

test("strangers by the thousand shut out neither a peer that is connected nor the next one", async () => {
  const { host, link, port, sender, senderHost } = await door({ maxConnections: 64 });
  expect(outcome(await send(sender))).toBe("delivers");
  for (let count = 100; count <= 1_000; count += 100) {
    const strangers = await Promise.all(Array.from({ length: 100 }, () => linger(port, "POST /v1/")));
    await host.until(() => host.counts["evicted_connections"] === count + 1 - 64);
    // The oldest have gone, not only been counted.
    const gone = strangers.slice(0, 36).filter((socket) => !socket.closed);
    await Promise.all(gone.map((socket) => new Promise((resolve) => socket.resume().once("close", resolve))));
  }
  expect(outcome(await send(sender))).toBe("delivers");
  expect(senderHost.counts).toEqual({});
  expect(senderHost.states).toEqual(["up"]);
  const newcomerHost = new Host("charlie", ...link.addresses);
  const newcomer = await open(http({ listen: false }), newcomerHost);
  expect(outcome(await send(newcomer))).toBe("delivers");
  expect(newcomerHost.counts).toEqual({});
  await newcomer[Symbol.asyncDispose]();
});

test("half-sent requests take bounded memory, and a whole one gets through between them", async () => {
  const { host, port, sender } = await door({ maxInboundBytes: 8 * 1_024 * 1_024 });
  const half = head(`content-length: ${maxRequestBytes}`) + "x".repeat(maxRequestBytes - 1_000);
  for (let i = 0; i < 8; i++) await linger(port, half);
  await host.until(() => (host.counts["crowded_out_requests"] ?? 0) >= 6);
  expect(outcome(await send(sender, Buffer.alloc(maxPacketBytes)))).toBe("delivers");
});

test("frames beyond what may be in hand are answered 503, to come again", async () => {
  const { host, port, sender } = await door({ maxInboundBytes: 8 * 1_024 * 1_024 });
  const gate = new Gate();
  host.judge = gate.take;
  const large = Buffer.alloc(maxPacketBytes);
  const held = Array.from({ length: 2 }, () => post(port, encodeFrames([large, large, large, large, large])));
  await host.until(() => host.received.length === 10);
  expect(outcome(await send(sender, large))).toBe("BUSY");
  expect(await post(port, encodeFrames([large]))).toMatchObject({
    status: 503,
    headers: { "retry-after": "1", "content-type": "application/problem+json" },
  });
  expect(host.counts).toEqual({ busy_answers: 2 });
  gate.release();
  for (const answer of await Promise.all(held)) expect(answer.status).toBe(200);
  expect(outcome(await send(sender, large))).toBe("delivers");
});

test("a connection that brings nothing genuine is closed behind its answer", async () => {
  const { host, port } = await door();
  host.judge = () => ({ code: "refused", reason: "not for this fleet" });
  expect((await post(port, undefined, { headers: { connection: "keep-alive" } })).headers.connection).toBe(
    "close",
  );
  host.judge = () => ({ code: "taken" });
  const kept = await post(port, undefined, { headers: { connection: "keep-alive" } });
  expect(kept.headers.connection).toBe("keep-alive");
});

test("who does not read the answers is cut off in time, and a peer that is merely idle is not", async () => {
  const { host, port, sender, senderHost } = await door({ requestTimeoutMs: 100 });
  expect(outcome(await send(sender))).toBe("delivers");
  const answer = Buffer.alloc(700_000);
  host.judge = () => ({ code: "taken", answer });
  const one = Buffer.concat([Buffer.from(head("content-length: 5")), encodeFrames([Buffer.of(1)])]);
  const stalled = await linger(port, "");
  stalled.pause();
  stalled.write(Buffer.concat(Array.from({ length: 40 }, () => one)));
  await host.until(() => host.counts["stalled_connections"] === 1);
  host.judge = () => ({ code: "taken" });
  expect(outcome(await send(sender))).toBe("delivers");
  expect(senderHost.states).toEqual(["up"]);
  expect(senderHost.counts).toEqual({});
});

test("a request that is broken off half-way is counted", async () => {
  const { host, port } = await door();
  const socket = await linger(port, `${head("content-length: 100")}abc`);
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  await host.until(() => host.counts["cut_off_requests"] === 1 || host.counts["reset_connections"] === 1);
  expect(host.received).toEqual([]);
});

test("requests with bytes changed, cut out or put in do no harm", async () => {
  const { host, port, sender } = await door();
  const body = encodeFrames([Buffer.from("one"), Buffer.from("two")]);
  const whole = Buffer.concat([Buffer.from(head(`content-length: ${body.length}`)), body]);
  const edit = fc.record({ at: fc.nat(whole.length), gone: fc.nat(4), put: fc.uint8Array({ maxLength: 8 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const bytes = edits.reduce(
        (all, { at, gone, put }) => Buffer.concat([all.subarray(0, at), put, all.subarray(at + gone)]),
        whole,
      );
      await speak(port, "", (socket) => socket.end(bytes));
      expect(outcome(await send(sender, Buffer.from("genuine")))).toBe("delivers");
    }),
    { numRuns: 300 },
  );
  expect(host.received.filter((frame) => String(frame) === "genuine")).toHaveLength(300);
  expect(host.counts["receive_errors"]).toBeUndefined();
});

test("disposing lets what is in hand be answered, and refuses what comes then", async () => {
  const { host, link, port, sender } = await door();
  const gate = new Gate();
  host.judge = gate.take;
  const held = send(sender);
  await host.until(() => host.received.length === 1);
  const idle = await linger(port, "");
  const gone = new Promise((resolve) => idle.once("close", resolve));
  const disposed = link[Symbol.asyncDispose]();
  await gone;
  await expect(post(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  gate.release();
  expect(outcome(await held)).toBe("delivers");
  await disposed;
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
