import { expect, test } from "vitest";
import { example, serve, token } from "./rig.js";

const body = JSON.stringify(example);

/** A request as bytes: the head's lines as given, the token, and the end of the connection asked for. */
function lines(first: string, headers: readonly string[], content = ""): string {
  return [first, ...headers, `Authorization: Bearer ${token}`, "Connection: close", "", content].join("\r\n");
}

const json = ["Content-Type: application/json", `Content-Length: ${body.length}`];

test.each([
  ["another name", (port: number) => [`Host: evil.example:${port}`]],
  ["localhost", (port: number) => [`Host: localhost:${port}`]],
  ["no port", () => ["Host: 127.0.0.1"]],
  ["another port", (port: number) => [`Host: 127.0.0.1:${port + 1}`]],
  ["another loopback address", (port: number) => [`Host: 127.0.0.2:${port}`]],
  ["the address written otherwise", (port: number) => [`Host: 127.1:${port}`]],
  ["an empty Host", () => ["Host:"]],
  ["no Host", () => []],
  ["two Hosts, the right one first", (port: number) => [`Host: 127.0.0.1:${port}`, "Host: evil.example"]],
  ["two Hosts, the right one last", (port: number) => ["Host: evil.example", `Host: 127.0.0.1:${port}`]],
  ["the right Host twice", (port: number) => [`Host: 127.0.0.1:${port}`, `host: 127.0.0.1:${port}`]],
  ["two in one", (port: number) => [`Host: 127.0.0.1:${port}, evil.example`]],
])("a request with %s is refused", async (_, host) => {
  const { raw, node, port, refusals } = await serve();
  for (const version of ["1.1", "1.0"]) {
    expect(await raw(lines(`POST /message HTTP/${version}`, [...host(port), ...json], body))).toMatch(
      /^HTTP\/1\.1 421 [^]*"code":"wrong_host"/,
    );
  }
  expect(node.calls).toEqual([]);
  expect(refusals("wrong_host")).toBe(2);
});

test.each([
  ["of another host", "http://evil.example/health"],
  ["of the right host", "http://127.0.0.1:PORT/health"],
  ["in asterisk form", "*"],
])("a request target %s is refused", async (_, target) => {
  const { raw, node, port, refusals } = await serve();
  const method = target === "*" ? "OPTIONS" : "GET";
  const answer = await raw(
    lines(`${method} ${target.replace("PORT", `${port}`)} HTTP/1.1`, [`Host: 127.0.0.1:${port}`]),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 421 /);
  expect(node.calls).toEqual([]);
  expect(refusals("wrong_host")).toBe(1);
});

test.each([
  ["Origin", "http://evil.example"],
  ["Origin", "null"],
  ["Origin", "http://127.0.0.1:PORT"],
  ["origin", ""],
  ["Sec-Fetch-Site", "none"],
  ["Sec-Fetch-Mode", "no-cors"],
  ["sec-fetch-dest", "image"],
  ["Sec-Fetch-Storage-Access", "active"],
])("a request with the header %s: %s is refused, token or not", async (name, value) => {
  const { ask, node, port, refusals } = await serve();
  for (const shown of [true, false]) {
    for (const [path, given] of [
      ["/message", { body: example }],
      ["/health", {}],
      ["/nowhere", {}],
    ] as const) {
      const headers = { [name]: value.replace("PORT", `${port}`) };
      const answer = await ask(path, { ...given, headers, token: shown });
      expect(answer.status).toBe(403);
      expect(answer.json?.code).toBe("forbidden_origin");
    }
  }
  expect(node.calls).toEqual([]);
  expect(refusals("forbidden_origin")).toBe(6);
});

test("Node's own fetch may call, though it sends a Sec-Fetch header: the one that no browser sends alone", async () => {
  const { port } = await serve();
  const asked = { headers: { authorization: `Bearer ${token}` } };
  expect((await fetch(`http://127.0.0.1:${port}/peers`, asked)).status).toBe(200);
});

test.each([
  ["text", { "content-type": "text/plain" }],
  ["a form", { "content-type": "application/x-www-form-urlencoded" }],
  ["multipart", { "content-type": "multipart/form-data; boundary=x" }],
  ["no type", {}],
  ["a list of types", { "content-type": "application/json, text/plain" }],
  ["another charset", { "content-type": "application/json; charset=utf-16" }],
  ["a parameter", { "content-type": "application/json; a=b" }],
  ["problem+json", { "content-type": "application/problem+json" }],
  ["gzip", { "content-type": "application/json", "content-encoding": "gzip" }],
  ["identity", { "content-type": "application/json", "content-encoding": "identity" }],
])("a body declared as %s is refused unread", async (_, headers) => {
  const { ask, node, refusals } = await serve();
  const answer = await ask("/message", { body, headers });
  expect(answer.status).toBe(415);
  expect(answer.json?.code).toBe("unsupported_media_type");
  expect(node.calls).toEqual([]);
  expect(refusals("unsupported_media_type")).toBe(1);
});

test.each([
  "application/json",
  "Application/JSON",
  "application/json; charset=utf-8",
  'application/json;charset="UTF-8"',
])("a body declared as %s is read", async (type) => {
  const { ask } = await serve();
  expect((await ask("/message", { body, headers: { "content-type": type } })).status).toBe(202);
});

test("an endpoint that takes no body refuses one", async () => {
  const { ask, node } = await serve();
  for (const [method, path] of [
    ["GET", "/health"],
    ["DELETE", "/inbox/i1"],
    ["POST", "/inbox/i1/surfaced"],
  ] as const) {
    const answer = await ask(path, { method, body: {} });
    expect(answer.json).toMatchObject({ status: 400, code: "bad_request" });
  }
  expect(node.calls).toEqual([]);
});

test.each([
  ["a length and chunks", ["Content-Length: 4", "Transfer-Encoding: chunked"]],
  ["chunks and a length", ["Transfer-Encoding: chunked", "Content-Length: 4"]],
  ["two lengths", ["Content-Length: 4", "Content-Length: 5"]],
  ["two equal lengths", ["Content-Length: 4", "Content-Length: 4"]],
  ["a list of lengths", ["Content-Length: 4, 4"]],
  ["a signed length", ["Content-Length: +4"]],
  ["an unknown coding", ["Transfer-Encoding: xchunked"]],
  ["two codings", ["Transfer-Encoding: gzip, chunked"]],
  ["chunked twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
  ["a folded header", ["X-A: b", " Transfer-Encoding: chunked"]],
  ["a space before the colon", ["Transfer-Encoding : chunked"]],
  ["two media types", ["Content-Type: text/plain", "Content-Length: 4"]],
])("a request that two readers would end at different places, by %s, is refused", async (_, headers) => {
  const { raw, node, port, counters } = await serve();
  const inner = `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const answer = await raw(
    lines(
      "POST /message HTTP/1.1",
      [`Host: 127.0.0.1:${port}`, "Content-Type: application/json", ...headers],
      `0\r\n\r\n${inner}`,
    ),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  expect(node.calls).toEqual([]);
  expect(counters.total("api_refusals_total")).toBeGreaterThan(0);
});

test.each(["gzip, chunked", "deflate, chunked", "chunked, chunked", "identity, chunked"])(
  "a good message sent as Transfer-Encoding: %s is refused, since only chunks are undone here",
  async (coding) => {
    const { raw, node, port } = await serve();
    const of = (value: string) =>
      raw(
        lines(
          "POST /message HTTP/1.1",
          [`Host: 127.0.0.1:${port}`, "Content-Type: application/json", `Transfer-Encoding: ${value}`],
          `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
        ),
      );
    expect(await of(coding)).toMatch(/^HTTP\/1\.1 400 /);
    expect(node.calls).toEqual([]);
    expect(await of("chunked")).toMatch(/^HTTP\/1\.1 202 /);
  },
);

test.each([
  ["no HTTP at all", "hello\r\n\r\n"],
  ["a TLS hello", new Uint8Array([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])],
  ["an unknown method", "BREW /health HTTP/1.1\r\n\r\n"],
  ["a NUL in a header", "GET /health HTTP/1.1\r\nX: a\0b\r\n\r\n"],
  ["HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])("%s is answered with a problem and the end of the connection", async (_, bytes) => {
  const { raw, node, refusals, ask } = await serve();
  const answer = await raw(bytes);
  expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"bad_request"/);
  expect(refusals("bad_request")).toBe(1);
  expect(node.calls).toEqual([]);
  expect((await ask("/health")).status).toBe(200);
});

test("a protocol is never changed, and nothing is a proxy", async () => {
  const { raw, node, port, refusals } = await serve();
  const upgrade = [
    "Upgrade: websocket",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version: 13",
  ];
  const head = [`Host: 127.0.0.1:${port}`, ...upgrade, "Connection: Upgrade, close"];
  expect(await raw(`GET /events HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 400 [^]*"code":"no_upgrade"/,
  );
  expect(await raw(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 405 [^]*"code":"method_not_allowed"/,
  );
  expect([refusals("no_upgrade"), refusals("method_not_allowed")]).toEqual([1, 1]);
  expect(node.calls).toEqual([]);
});

test("other methods are refused with those that are taken, and no page is ever allowed in", async () => {
  const { ask, node } = await serve();
  for (const method of ["OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
    const answer = await ask("/message", { method });
    expect(answer.json).toMatchObject({ code: "method_not_allowed", allowed_methods: ["POST"] });
    expect(answer.headers.allow).toBe("POST");
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  }
  const preflight = await ask("/message", {
    method: "OPTIONS",
    headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
  });
  expect(preflight.status).toBe(403);
  expect(Object.keys(preflight.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  expect(node.calls).toEqual([]);
});

test("a header or a parameter cannot change the method", async () => {
  const { ask, node } = await serve();
  await ask("/messages", { headers: { "x-http-method-override": "DELETE", "x-method-override": "POST" } });
  expect(node.calls.map(({ name }) => name)).toEqual(["messages"]);
  expect((await ask("/messages?_method=POST")).status).toBe(400);
});

test("paths are taken as they come", async () => {
  const { ask, node } = await serve();
  for (const path of [
    "/health/",
    "//health",
    "/inbox/../health",
    "/./health",
    "/HEALTH",
    "/%68ealth",
    "/health;a",
    "/",
    "//evil.example/health",
  ])
    expect([path, (await ask(path)).json?.code]).toEqual([path, "not_found"]);
  for (const id of ["..", "%2e%2e", "a%2Fb", "a%00b", "-a", "x".repeat(65), "é", "a.b", " a", ""])
    expect([id, (await ask(`/inbox/${encodeURI(id)}`)).json?.code]).toEqual([id, "bad_id"]);
  expect(node.calls).toEqual([]);
});

test("an answer is not to be kept, sniffed or read by another origin", async () => {
  const { ask } = await serve();
  for (const path of ["/health", "/metrics", "/openapi.json", "/nowhere"]) {
    expect((await ask(path)).headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
  }
});

test("HEAD is answered as GET is, without its body", async () => {
  const { ask } = await serve();
  const answer = await ask("/health", { method: "HEAD" });
  expect([answer.status, answer.text]).toEqual([200, ""]);
  expect(Number(answer.headers["content-length"])).toBeGreaterThan(100);
  expect((await ask("/events", { method: "HEAD" })).status).toBe(200);
});

test("an expectation other than 100-continue is refused", async () => {
  const { ask, node } = await serve();
  const answer = await ask("/message", { body: example, headers: { expect: "miracle" } });
  expect(answer.json).toMatchObject({ status: 400, code: "bad_request" });
  expect(node.calls).toEqual([]);
});
