import { expect, test } from "vitest";
import * as z from "zod";
import { endpoints } from "../../src/api/endpoints.js";
import { storedItem } from "./fake-node.js";
import { example, serve } from "./rig.js";

/** How each endpoint is called so that it answers. */
const calls: Record<string, { readonly path?: string; readonly body?: object }> = {
  sendMessage: { body: { ...example, to: "all", id: "m2" } },
  getMessage: { path: "/message/m1" },
  cancelMessage: { path: "/message/m1/cancel" },
  listMessages: { path: "/messages?state=accepted&limit=5" },
  retryDeadLetter: { path: "/dead-letters/m1/retry" },
  listInbox: { path: "/inbox?after=0&session=t&unsurfaced=false&limit=2" },
  getItem: { path: "/inbox/i1" },
  surfaceItem: { path: "/inbox/i1/surfaced" },
  removeItem: { path: "/inbox/i1" },
  check: { body: { peer: "mac2", channel: "http" } },
  invite: { body: { uses: 2, expires: "1h", lan: true } },
  join: { body: { code: "c", node: "mac3" } },
  natsUp: { body: { role: "cluster", routes: ["mac1:6222", "mac2:6222"], listen: "0.0.0.0", port: 0 } },
};

test.each(endpoints.filter(({ media }) => media !== "text/event-stream"))(
  "$method $path answers what the registry says of it",
  async ({ name, method, path, status, response, media }) => {
    const { ask, node } = await serve();
    await ask("/message", { body: { ...example, id: "m1" } });
    node.items.push(storedItem("i1", 1), storedItem("i2", 2));
    const call = calls[name];
    const answer = await ask(call?.path ?? path, { method, ...(call?.body && { body: call.body }) });
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe(status === 204 ? undefined : (media ?? "application/json"));
    if (response !== undefined) {
      expect(response.parse(answer.json)).toEqual(answer.json);
      expect(answer.json).not.toHaveProperty("ok");
    }
  },
);

test("no view has an `ok` that could be true beside a state that is not delivered", () => {
  const text = JSON.stringify(endpoints.map(({ response }) => response && z.toJSONSchema(response)));
  expect(text).not.toMatch(/"ok":/);
});

test("queries reach the node as numbers and truth values", async () => {
  const { ask, node } = await serve();
  await ask("/inbox");
  await ask("/inbox?after=9007199254740991&session=a+b%2Fc&unsurfaced=true&limit=1000");
  await ask("/messages");
  await ask("/dead-letters?limit=1");
  expect(node.calls.map(({ given }) => given)).toEqual([
    { limit: 100 },
    { after: Number.MAX_SAFE_INTEGER, session: "a b/c", unsurfaced: true, limit: 1_000 },
    { limit: 100 },
    1,
  ]);
});

test.each([
  ["/inbox?after=9007199254740992", "after"],
  ["/inbox?after=9007199254740993", "after"],
  ["/inbox?after=-1", "after"],
  ["/inbox?after=1.5", "after"],
  ["/inbox?after=1e3", "after"],
  ["/inbox?after=0x10", "after"],
  ["/inbox?after=", "after"],
  ["/inbox?after=99999999999999999999", "after"],
  ["/inbox?limit=0", "limit"],
  ["/inbox?limit=1001", "limit"],
  ["/inbox?unsurfaced=yes", "unsurfaced"],
  ["/inbox?session=a%00b", "session"],
  ["/messages?state=lost", "state"],
  ["/inbox?__proto__=1", "__proto__"],
  ["/peers?all=1", "all"],
])("%s is refused, and says which parameter is wrong", async (path, parameter) => {
  const { ask, node } = await serve();
  const answer = await ask(path);
  expect(answer.json).toMatchObject({ status: 400, code: "bad_request", errors: [{ parameter }] });
  expect(node.calls).toEqual([]);
});

test.each(["/inbox?session=%ff", "/inbox?session=%", "/inbox?limit=1&limit=1", "/inbox?session=%ed%a0%80"])(
  "the query of %s cannot be read",
  async (path) => {
    const { ask, node } = await serve();
    expect((await ask(path)).json).toMatchObject({ status: 400, code: "bad_request" });
    expect(node.calls).toEqual([]);
  },
);

test.each([2 ** 53, 2 ** 53 + 2, 0, -1, 1.5, "1", 1e300])(
  "an invitation for %s uses is refused",
  async (uses) => {
    const { ask, node } = await serve();
    expect((await ask("/invite", { body: { uses } })).json).toMatchObject({
      errors: [{ pointer: "#/uses" }],
    });
    expect(node.calls).toEqual([]);
  },
);

test("where nothing must be said, nothing need be sent", async () => {
  const { ask, node } = await serve();
  expect((await ask("/invite", { method: "POST" })).status).toBe(200);
  expect((await ask("/check", { method: "POST" })).status).toBe(200);
  expect(node.calls.map(({ given }) => given)).toEqual([{ uses: 1, expires: "1h", lan: false }, {}]);
});

test("a long inbox comes in pages, by number and by size", async () => {
  const { ask, node } = await serve();
  const large = "x".repeat(500_000);
  node.items.push(...Array.from({ length: 12 }, (_, i) => storedItem(`i${i + 1}`, i + 1, large)));
  const first = await ask("/inbox");
  const items = first.json?.items as { position: number }[];
  expect(items.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(first.json?.next).toBe(8);
  node.items.splice(1);
  expect((await ask("/inbox")).json).not.toHaveProperty("next");
  expect((await ask("/inbox?limit=1")).json?.next).toBe(1);
});

test("an inbox item says who signed it and leaves out what it does not have", async () => {
  const { ask, node } = await serve();
  node.items.push({
    ...storedItem("i1", 1),
    session: "",
    toSession: "",
    replyTo: "",
    key: "",
    expires: 2 ** 53 - 1,
  });
  expect((await ask("/inbox/i1")).json).toEqual({
    ...{
      id: "i1",
      state: "delivered",
      position: 1,
      from: "mac2",
      type: "context",
      subject: "hello",
      body: "text",
    },
    ...{ idempotent: false, channel: "http", created: "2026-01-02T03:04:05.000Z" },
    ...{ expires: "+275760-09-13T00:00:00.000Z", received: "2026-01-02T03:04:05.000Z" },
  });
});

test("health answers 503 only when the node has failed", async () => {
  const { ask, node } = await serve();
  const statuses = [];
  for (const status of ["ok", "degraded", "failed"] as const) {
    node.status = status;
    const answer = await ask("/health");
    statuses.push([answer.json?.status, answer.status]);
  }
  expect(statuses).toEqual([
    ["ok", 200],
    ["degraded", 200],
    ["failed", 503],
  ]);
});

test("metrics end as OpenMetrics must", async () => {
  const { ask } = await serve();
  const answer = await ask("/metrics");
  expect(answer.headers["content-type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(answer.text).toBe("# TYPE a counter\na_total 1\n# EOF\n");
});

test("what is not there is told with the code that says what", async () => {
  const { ask } = await serve();
  expect((await ask("/message/m9")).json).toMatchObject({ status: 404, code: "unknown_message" });
  expect((await ask("/inbox/i9")).json).toMatchObject({ status: 404, code: "unknown_item" });
  expect((await ask("/nowhere")).json).toMatchObject({ status: 404, code: "not_found" });
});
