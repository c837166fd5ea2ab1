import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { endpoints } from "../../src/api/endpoints.js";
import { example, serve, token } from "./rig.js";

const linux = process.platform === "linux";
const free = ["POST /message", "GET /health", "GET /openapi.json"];

/** A body that each endpoint takes. */
const bodies: Record<string, object> = { sendMessage: example, check: {}, invite: {}, join: { code: "c" } };

test("without a token only a message, the health and the document are to be had", async () => {
  const { ask, node, refusals } = await serve();
  const open: string[] = [];
  for (const { method, path, name } of endpoints) {
    const body = bodies[name];
    const answer = await ask(path.replace(":id", "x1"), { method, token: false, ...(body && { body }) });
    if (answer.status !== 401) open.push(`${method} ${path}`);
    else expect(answer.headers["www-authenticate"]).toBe("Bearer");
  }
  expect(open).toEqual(linux ? free : []);
  expect(refusals("unauthorized")).toBe(endpoints.length - open.length);
  expect(node.calls.map((call) => call.name)).toEqual(linux ? ["send", "health"] : []);
});

test.skipIf(!linux)(
  `without a token the types context and reply are sent, task and alert are not${linux ? "" : " [skipped: only Linux tells whose program it is]"}`,
  async () => {
    const { ask, node } = await serve();
    const status = async (type: string) =>
      (await ask("/message", { body: { ...example, type }, token: false })).status;
    expect(await Promise.all(["context", "reply", "task", "alert"].map(status))).toEqual([
      202, 202, 401, 401,
    ]);
    expect(node.calls).toHaveLength(2);
  },
);

test.each([
  ["another token", `Bearer ${"y".repeat(43)}`],
  ["a part of it", `Bearer ${token.slice(1)}`],
  ["more than it", `Bearer ${token}x`],
  ["no token", "Bearer "],
  ["nothing", ""],
  ["another scheme", `Basic ${token}`],
  ["no scheme", token],
  ["two tokens", `Bearer ${token} ${token}`],
])("%s is refused everywhere, even where none is needed", async (_, authorization) => {
  const { ask, node, refusals } = await serve();
  for (const { method, path, name } of endpoints) {
    const body = bodies[name];
    const answer = await ask(path.replace(":id", "x1"), {
      method,
      headers: { authorization },
      ...(body && { body }),
    });
    expect([path, answer.status]).toEqual([path, 401]);
    expect(answer.text).not.toContain(token);
  }
  expect(node.calls).toEqual([]);
  expect(refusals("unauthorized")).toBe(endpoints.length);
});

test("two Authorization headers are refused", async () => {
  const { raw, port, node } = await serve();
  const answer = await raw(
    `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n` +
      "Authorization: Bearer x\r\nConnection: close\r\n\r\n",
  );
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(node.calls).toEqual([]);
});

test("the scheme's name is taken in any case", async () => {
  const { ask } = await serve();
  expect((await ask("/messages", { headers: { authorization: `bearer ${token}` } })).status).toBe(200);
});

test("a refusal says where the token is, and never what it is", async () => {
  const { ask } = await serve();
  const answer = await ask("/messages", { token: false });
  expect(answer.json?.detail).toContain("/home/somebody/.multifleet/api.token");
  expect(answer.text).not.toContain(token);
});

const otherUser = 12_345;
const canBeAnother = linux && process.geteuid?.() === 0;
const suffix = canBeAnother ? "" : " [skipped: only root on Linux can become another user]";

/** What a program of another user is answered, when it sends `bytes` and then does `then` with its socket. */
function asOtherUser(port: number, bytes: string, then: string): Promise<string> {
  const script = `
    const socket = require("node:net").connect(${port}, "127.0.0.1");
    socket.on("error", () => process.exit(3));
    socket.on("data", (chunk) => process.stdout.write(chunk));
    socket.write(${JSON.stringify(bytes)}, () => { ${then} });
  `;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["-e", script], {
      uid: otherUser,
      gid: otherUser,
      cwd: "/",
      env: {},
    });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.on("error", reject);
    child.on("close", () => resolve(out));
  });
}

function request(port: number, line: string, content: string): string {
  const headers = [
    "Content-Type: application/json",
    `Content-Length: ${content.length}`,
    "Connection: close",
  ];
  return `${line} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers.join("\r\n")}\r\n\r\n${content}`;
}

test.skipIf(!canBeAnother)(`another user of this machine is refused without a token${suffix}`, async () => {
  const { port, node, refusals } = await serve();
  for (const [line, content] of [
    ["POST /message", JSON.stringify(example)],
    ["GET /health", ""],
    ["GET /openapi.json", ""],
  ] as const)
    expect(await asOtherUser(port, request(port, line, content), "")).toMatch(/^HTTP\/1\.1 401 /);
  expect(node.calls).toEqual([]);
  expect(refusals("unauthorized")).toBe(3);
});

test.skipIf(!canBeAnother)(`another user who shows the token is served${suffix}`, async () => {
  const { port, node } = await serve();
  const bytes = request(port, "GET /health", "").replace(
    "\r\n\r\n",
    `\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  expect(await asOtherUser(port, bytes, "")).toMatch(/^HTTP\/1\.1 200 /);
  expect(node.calls).toHaveLength(1);
});

test.skipIf(!canBeAnother)(
  `another user who is gone before it is asked who it was is not taken for root${suffix}`,
  async () => {
    const { port, node, refusals, counters } = await serve();
    const bytes = request(port, "POST /message", JSON.stringify(example));
    for (const then of ["process.exit()", "socket.end()", "socket.destroy()", "socket.destroySoon()"])
      await asOtherUser(port, bytes, then);
    await counters.until(() => refusals("unauthorized") === 4);
    expect(node.calls).toEqual([]);
  },
);
