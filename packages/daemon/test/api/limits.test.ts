import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { maxRequestBytes } from "../../src/api/body.js";
import { example, serve, token } from "./rig.js";

/** A connection to the API, and what came over it by the time it closed. */
async function dial(port: number): Promise<{ readonly socket: Socket; readonly over: Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket.on("data", (chunk) => (received += chunk.toString()));
  socket.on("error", (error) => (received += `\n[${error.message}]`));
  const over = new Promise<string>((resolve) => socket.on("close", () => resolve(received)));
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, over };
}

const head = (port: number, ...headers: string[]) =>
  [
    "POST /message HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    ...headers,
    "",
    "",
  ].join("\r\n");

test("only the loopback address is listened on", async () => {
  const { port } = await serve();
  const others = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ address }) => address !== "127.0.0.1")
    .map(({ address, scopeid }) => (scopeid ? `${address}%${scopeid}` : address));
  for (const host of ["127.0.0.2", "::1", ...others]) {
    const socket = connect(port, host);
    const outcome = await new Promise((resolve) => {
      socket.once("connect", () => resolve("connected"));
      socket.once("error", () => resolve("refused"));
    });
    socket.destroy();
    expect([host, outcome]).toEqual([host, "refused"]);
  }
});

test("a port that is taken is told, and nothing is left open", async () => {
  const { port } = await serve();
  const { serveApi } = await import("../../src/api/serve.js");
  const { node, counters } = await serve();
  const log = { info() {}, warn() {}, error() {} };
  await expect(serveApi({ node, counters, port, token, log })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a body declared larger than the limit is refused before it is sent", async () => {
  const { port, node, refusals } = await serve();
  for (const headers of [[], ["Expect: 100-continue"]]) {
    const { socket, over } = await dial(port);
    socket.write(head(port, "Content-Length: 1073741824", ...headers));
    const answer = await new Promise<string>((resolve) =>
      socket.once("data", (data) => resolve(data.toString())),
    );
    expect(answer).toMatch(
      /^HTTP\/1\.1 413 [^]*"code":"request_too_large"[^]*"limit":4194304,"bytes":1073741824/,
    );
    socket.end();
    expect(await over).not.toContain("100 Continue");
  }
  expect(refusals("request_too_large")).toBe(2);
  expect(node.calls).toEqual([]);
});

test("a body that never ends is refused at the limit, and not kept", async () => {
  const { port, node, refusals } = await serve();
  const { socket, over } = await dial(port);
  socket.write(head(port, "Transfer-Encoding: chunked"));
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  let sent = 0;
  const pour = () => {
    while (!socket.destroyed && socket.writable) {
      sent += 65_536;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on("drain", pour);
  pour();
  expect(await over).toMatch(/^HTTP\/1\.1 413 [^]*"code":"request_too_large"/);
  expect(refusals("request_too_large")).toBe(1);
  expect(node.calls).toEqual([]);
  // What is read on so that the client sees the answer is bounded too; the rest is what the sockets hold.
  expect(sent).toBeLessThan(64 * 1_048_576);
});

test("a client that is still sending a refused body sees the answer", async () => {
  const { ask } = await serve();
  const body = "x".repeat(maxRequestBytes + 2_000_000);
  const answer = await ask("/message", { body, headers: { "content-type": "application/json" } });
  expect(answer.json).toMatchObject({ status: 413, limit: maxRequestBytes, bytes: body.length });
  const unauthorized = await ask("/check", { body: "x".repeat(3_000_000), token: false });
  expect(unauthorized.status).toBe(401);
});

test("100-continue is said once the request may go on", async () => {
  const { ask } = await serve();
  expect((await ask("/message", { body: example, headers: { expect: "100-continue" } })).status).toBe(202);
});

test("a head over its limit is refused", async () => {
  const { raw, port, refusals, node } = await serve();
  const answer = await raw(
    `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: ${"x".repeat(10_000)}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*"code":"request_too_large"/);
  expect(refusals("request_too_large")).toBe(1);
  expect(node.calls).toEqual([]);
});

test("nothing hides behind a thousand headers", async () => {
  const { raw, port, node } = await serve();
  const many = "a:\r\n".repeat(1_900);
  const answer = await raw(
    `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${many}Origin: x\r\nConnection: close\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(node.calls).toEqual([]);
});

test.each([
  ["nothing", () => ""],
  ["a part of the head", () => "POST /message HTTP/1.1\r\nHost:"],
  ["a part of the body", (port: number) => `${head(port, "Content-Length: 100")}{"type":`],
  ["a part of a chunk", (port: number) => `${head(port, "Transfer-Encoding: chunked")}ff\r\n{`],
])("a client that sends %s and then waits is sent away", async (_, bytes) => {
  const { port, node, refusals } = await serve({ headMs: 50, requestMs: 50, lookMs: 20 });
  const { socket, over } = await dial(port);
  socket.write(bytes(port));
  expect(await over).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_timeout"/);
  expect(refusals("request_timeout")).toBe(1);
  expect(node.calls).toEqual([]);
});

test("connections over the cap are dropped and counted, and there is room again afterwards", async () => {
  const { port, counters, refusals, ask } = await serve({ connections: 2 });
  const first = await dial(port);
  const second = await dial(port);
  const third = await dial(port);
  await third.over;
  expect(refusals("too_many_connections")).toBe(1);
  first.socket.destroy();
  second.socket.destroy();
  await Promise.all([first.over, second.over]);
  await counters.until(() => true);
  expect((await ask("/health")).status).toBe(200);
});

test.each([
  ["before its body is complete", (port: number) => `${head(port, "Content-Length: 100")}{`],
  ["right after its request", (port: number) => `${head(port, "Content-Length: 2")}{}`],
])("a client that goes away %s leaves nothing behind", async (_, bytes) => {
  const { port, counters, ask, logged } = await serve();
  const { socket } = await dial(port);
  socket.write(bytes(port), () => socket.resetAndDestroy());
  await counters.until(
    () => counters.value("api_disconnects_total") + counters.total("api_refusals_total") > 0,
  );
  expect((await ask("/health")).status).toBe(200);
  expect(counters.value("api_errors_total")).toBe(0);
  expect(logged).toEqual([]);
});

test("a client that goes away while it waits ends the wait", async () => {
  const { port, node } = await serve();
  await node.send({ ...example, id: "m1" });
  const { socket } = await dial(port);
  socket.write(
    `GET /message/m1?wait=settled HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await node.called("wait", 1);
  const signal = node.waits[0]?.signal;
  expect(signal?.aborted).toBe(false);
  const ended = new Promise((resolve) => signal?.addEventListener("abort", resolve));
  socket.destroy();
  await ended;
});

test("a broken request behind a good one does not take its answer", async () => {
  const { port, node, raw } = await serve();
  let open = () => {};
  node.gate = new Promise((resolve) => (open = resolve));
  const body = JSON.stringify({ ...example, id: "m1" });
  const bytes = `${head(port, `Content-Length: ${body.length}`)}${body}`;
  const answer = raw(`${bytes}BROKEN\r\n\r\n`);
  const received = await answer;
  open();
  expect(received).not.toMatch(/HTTP\/1\.1/);
  const last = await raw(
    `${bytes.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")}GET /health HTTP/1.1\r\n\r\n`,
  );
  expect(last.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 202"]);
});

test("the close answers what is under way, refuses what is new, and leaves no connection", async () => {
  // Nothing here may need the time at which a close gives up waiting.
  const { api, node, ask, port, counters } = await serve({ closeMs: 600_000 });
  let open = () => {};
  node.gate = new Promise((resolve) => (open = resolve));
  const idle = await dial(port);
  const events = ask("/events");
  await counters.until(() => counters.value("api_requests_total") === 1);
  const slow = ask("/message", { body: { ...example, id: "m1" } });
  const waiting = ask("/message?wait=settled&timeout=1h", { body: { ...example, id: "m2" } });
  await node.called("send", 2);
  const closed = api.close();
  expect(api.close()).toBe(closed);
  open();
  expect((await slow).status).toBe(202);
  expect((await waiting).json).toMatchObject({ id: "m2", state: "accepted" });
  expect((await events).text).toMatch(/^retry: 1000\n\n/);
  await closed;
  await idle.over;
  await expect(ask("/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("the close does not wait for ever for what does not end", async () => {
  const { api, node, ask } = await serve({ closeMs: 50 });
  node.gate = new Promise(() => {});
  const stuck = ask("/message", { body: example });
  await node.called("send", 1);
  await Promise.all([api.close(), expect(stuck).rejects.toMatchObject({ code: "ECONNRESET" })]);
});

test("a request on a kept connection is refused once the close has begun", async () => {
  const { api, node, port } = await serve();
  let open = () => {};
  node.gate = new Promise((resolve) => (open = resolve));
  const body = JSON.stringify(example);
  const bytes = `${head(port, `Content-Length: ${body.length}`)}${body}`;
  const { socket, over } = await dial(port);
  socket.write(bytes);
  await node.called("send", 1);
  const closed = api.close();
  socket.write(bytes);
  open();
  await closed;
  expect((await over).match(/HTTP\/1\.1 \d+/g)?.[0]).toBe("HTTP/1.1 202");
  expect(node.calls).toHaveLength(1);
});
