import { maxBodyBytes, maxSubjectBytes } from "@multifleet/core";
import { expect, test } from "vitest";
import { Problem } from "../../src/problem.js";
import { example, serve } from "./rig.js";

test("the README's message is accepted with an id and a state, and nothing that looks like more", async () => {
  const { ask, node } = await serve();
  const answer = await ask("/message", { body: example });
  expect(answer.status).toBe(202);
  expect(answer.json).toEqual({ id: expect.stringMatching(/^[0-9a-z]{26}$/), state: "accepted" });
  expect(node.calls).toEqual([{ name: "send", given: example }]);
});

test("every member reaches the node as it was given", async () => {
  const { ask, node } = await serve();
  const full = {
    ...{ ...example, to: "mac2/claude ⌘/1", id: "A-1_b", session: "s 1", replyTo: "r1", key: "k" },
    ...{ expires: "90s", via: "http", idempotent: true, type: "task" },
    payload: { subject: "a ☃ subject", body: "several\nlines\u0000 of 😀\t" },
  };
  expect((await ask("/message", { body: full })).json).toEqual({ id: "A-1_b", state: "accepted" });
  expect(node.calls[0]?.given).toEqual(full);
});

test.each([
  ["an unknown member", { ...example, extra: 1 }, "#/extra"],
  [
    "an unknown member deeper down",
    { ...example, payload: { ...example.payload, html: "" } },
    "#/payload/html",
  ],
  ["a member named constructor", { ...example, constructor: {} }, "#/constructor"],
  ["a name that needs escapes", { ...example, "a/b~c d": 1 }, "#/a~1b~0c%20d"],
  ["an unknown type", { ...example, type: "order" }, "#/type"],
  ["a type in another case", { ...example, type: "Context" }, "#/type"],
  ["a number for a type", { ...example, type: 1 }, "#/type"],
  ["no type", { to: "mac2", payload: example.payload }, "#/type"],
  ["no recipient", { type: "context", payload: example.payload }, "#/to"],
  ["a reply to nothing without recipient", { type: "reply", payload: example.payload }, "#/to"],
  ["a recipient in capitals", { ...example, to: "Mac2" }, "#/to"],
  ["a path as recipient", { ...example, to: "../mac2" }, "#/to"],
  ["a recipient with an empty session", { ...example, to: "mac2/" }, "#/to"],
  ["a recipient with a control character", { ...example, to: "mac2/a\u001b[2J" }, "#/to"],
  ["an id that is a path", { ...example, id: "../../etc/passwd" }, "#/id"],
  ["an id with NUL", { ...example, id: "a\u0000" }, "#/id"],
  ["an id of 65 characters", { ...example, id: "a".repeat(65) }, "#/id"],
  ["an empty id", { ...example, id: "" }, "#/id"],
  ["a session with a newline", { ...example, session: "a\nb" }, "#/session"],
  ["a session over its limit", { ...example, session: "é".repeat(129) }, "#/session"],
  ["an empty session", { ...example, session: "" }, "#/session"],
  ["null for a session", { ...example, session: null }, "#/session"],
  ["a key with a line separator", { ...example, key: "a\u2028b" }, "#/key"],
  ["a reply to no id", { ...example, replyTo: "a b" }, "#/replyTo"],
  ["a lifetime in words", { ...example, expires: "tomorrow" }, "#/expires"],
  ["a number for a lifetime", { ...example, expires: 3600 }, "#/expires"],
  ["a channel that is a path", { ...example, via: "../x" }, "#/via"],
  ["text for idempotent", { ...example, idempotent: "true" }, "#/idempotent"],
  ["no payload", { type: "context", to: "mac2" }, "#/payload"],
  ["text for a payload", { ...example, payload: "hello" }, "#/payload"],
  ["no body", { ...example, payload: { subject: "a" } }, "#/payload/body"],
  ["a list for a body", { ...example, payload: { subject: "a", body: ["b"] } }, "#/payload/body"],
  ["a subject of two lines", { ...example, payload: { subject: "a\nb", body: "" } }, "#/payload/subject"],
  [
    "a subject over its limit",
    { ...example, payload: { subject: "é".repeat(513), body: "" } },
    "#/payload/subject",
  ],
])("%s is refused with the place where it stands", async (_, body, pointer) => {
  const { ask, node, refusals } = await serve();
  const answer = await ask("/message", { body });
  expect(answer.status).toBe(400);
  expect(answer.json).toMatchObject({
    code: "bad_request",
    errors: expect.arrayContaining([expect.objectContaining({ pointer })]),
  });
  expect(answer.json?.errors).toHaveLength(1);
  expect(node.calls).toEqual([]);
  expect(refusals("bad_request")).toBe(1);
});

test("a refusal names what is allowed instead", async () => {
  const { ask } = await serve();
  const answer = await ask("/message", {
    body: { ...example, type: "order", payload: { ...example.payload, text: "" } },
  });
  expect(answer.json?.errors).toEqual([
    {
      pointer: "#/type",
      detail: "must be one of context, task, reply, alert",
      allowed: ["context", "task", "reply", "alert"],
    },
    {
      pointer: "#/payload/text",
      detail: "is not known; known are subject, body",
      allowed: ["subject", "body"],
    },
  ]);
  expect(answer.json?.detail).toBe(
    "type must be one of context, task, reply, alert; payload.text is not known; known are subject, body.",
  );
});

test("a body of a thousand unknown members gets a short answer", async () => {
  const { ask } = await serve();
  const body = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${"x".repeat(200)}${i}`, i]));
  const answer = await ask("/message", { body });
  expect(answer.status).toBe(400);
  expect(answer.text.length).toBeLessThan(8_000);
});

test.each([
  ["broken", '{"type":'],
  ["a name twice", '{"type":"context","type":"task","to":"mac2","payload":{"subject":"a","body":"b"}}'],
  ["half a surrogate pair", '{"type":"context","to":"mac2","payload":{"subject":"a","body":"\\ud800"}}'],
  ["a byte order mark", "\uFEFF{}"],
])("a body with JSON that is wrong (%s) is refused", async (_, body) => {
  const { ask, node, refusals } = await serve();
  const answer = await ask("/message", { body, headers: { "content-type": "application/json" } });
  expect(answer.json).toMatchObject({ status: 400, code: "bad_json" });
  expect(node.calls).toEqual([]);
  expect(refusals("bad_json")).toBe(1);
});

test.each(["[]", "null", "1", '"text"', ""])(
  "a body that is %s instead of an object is refused",
  async (body) => {
    const { ask, node } = await serve();
    const answer = await ask("/message", { body, headers: { "content-type": "application/json" } });
    expect(answer.json).toMatchObject({ status: 400, code: "bad_request" });
    expect(node.calls).toEqual([]);
  },
);

test("a member named __proto__ is refused as unknown, and pollutes nothing", async () => {
  const { ask, node } = await serve();
  for (const body of [
    '{"type":"context","to":"mac2","payload":{"subject":"a","body":"b"},"__proto__":{"idempotent":true}}',
    '{"type":"context","to":"mac2","payload":{"subject":"a","__proto__":{"body":"b"}}}',
    '{"\\u005f_proto__":{"type":"context","to":"mac2","payload":{"subject":"a","body":"b"}}}',
  ]) {
    const answer = await ask("/message", { body, headers: { "content-type": "application/json" } });
    expect(answer.json).toMatchObject({ status: 400, code: "bad_request" });
    expect(answer.json?.detail).toContain("__proto__ is not known");
  }
  expect(({} as Record<string, unknown>)["idempotent"]).toBeUndefined();
  expect(node.calls).toEqual([]);
});

test.each([
  ["ASCII", "a"],
  ["two bytes a character", "é"],
  ["three bytes a character", "☃"],
  ["four bytes a character", "😀"],
  ["escapes", "\u0001"],
])("a body of exactly the limit is taken, and of one character more refused: %s", async (_, character) => {
  const { ask, node, refusals } = await serve();
  const size = Buffer.byteLength(character);
  const full = character.repeat(Math.floor(maxBodyBytes / size)) + "a".repeat(maxBodyBytes % size);
  const of = (body: string) => ask("/message", { body: { ...example, payload: { subject: "s", body } } });
  expect((await of(full)).status).toBe(202);
  const given = node.calls[0]?.given as typeof example | undefined;
  expect(given?.payload.body === full).toBe(true);
  const over = await of(full + character);
  expect(over.json).toMatchObject({ status: 413, code: "body_too_large", limit: maxBodyBytes });
  expect(over.json?.bytes).toBe(maxBodyBytes + size);
  expect(node.calls).toHaveLength(1);
  expect(refusals("body_too_large")).toBe(1);
});

test("one byte over the limit is told as one byte over the limit", async () => {
  const { ask } = await serve();
  const over = await ask("/message", {
    body: { ...example, payload: { subject: "s", body: "a".repeat(maxBodyBytes + 1) } },
  });
  expect(over.json).toMatchObject({ status: 413, limit: 524_288, bytes: 524_289 });
});

test("a subject of exactly its limit is taken", async () => {
  const { ask } = await serve();
  const subject = "é".repeat(maxSubjectBytes / 2);
  expect((await ask("/message", { body: { ...example, payload: { subject, body: "" } } })).status).toBe(202);
});

test.each(["k-1", '"k-1"'])("the header Idempotency-Key: %s is the message's id", async (key) => {
  const { ask, node, refusals } = await serve();
  const headers = { "idempotency-key": key };
  expect((await ask("/message", { body: example, headers })).json?.id).toBe("k-1");
  expect((await ask("/message", { body: { ...example, id: "k-1" }, headers })).json?.id).toBe("k-1");
  expect((await ask("/message", { body: { ...example, id: "k-2" }, headers })).json?.code).toBe(
    "bad_request",
  );
  const wrong = await ask("/message", { body: example, headers: { "idempotency-key": "../k" } });
  expect(wrong.json?.errors).toEqual([expect.objectContaining({ header: "idempotency-key" })]);
  expect(node.calls).toHaveLength(2);
  expect(refusals("bad_request")).toBe(2);
});

test("with wait the answer comes when the state is reached, and tells it", async () => {
  const { ask, node } = await serve();
  const answer = ask("/message?wait=delivered&timeout=20s", { body: { ...example, id: "m1" } });
  await node.called("wait", 1);
  node.events.emit("message", { id: "m1" });
  expect(await answer).toMatchObject({ status: 202, json: { id: "m1", state: "delivered" } });
});

test("a wait ends with its time, and tells the state of that moment", async () => {
  const { ask, node } = await serve();
  await ask("/message", { body: { ...example, id: "m1" } });
  const sent = await ask("/message?wait=settled&timeout=20ms", { body: { ...example, id: "m1" } });
  expect(sent).toMatchObject({
    status: 202,
    json: { id: "m1", state: "accepted", reason: "no channel is up" },
  });
  const all = await ask("/message?wait=surfaced&timeout=20ms", { body: { ...example, id: "m2", to: "all" } });
  expect(all.json).toEqual({
    id: "m2",
    state: "accepted",
    messages: [{ id: "m2", to: "mac2", state: "accepted" }],
  });
  const seen = await ask("/message/m1?wait=delivered&timeout=20ms");
  expect(seen).toMatchObject({ status: 200, json: { id: "m1", state: "accepted" } });
  expect(node.waits.map(({ id, state }) => [id, state])).toEqual([
    ["m1", "settled"],
    ["m2", "surfaced"],
    ["m1", "delivered"],
  ]);
});

test.each([
  "wait=forever",
  "timeout=30",
  "timeout=-1s",
  "timeout=2h",
  "timeout=1e3s",
  "wait=",
  "wiat=delivered",
  "wait=settled&wait=settled",
])("the query %s is refused before anything is sent", async (query) => {
  const { ask, node } = await serve();
  expect((await ask(`/message?${query}`, { body: example })).json).toMatchObject({
    status: 400,
    code: "bad_request",
  });
  expect(node.calls).toEqual([]);
});

test("a problem of the node is answered with its code, its facts and Retry-After", async () => {
  const { ask, node, refusals } = await serve();
  node.failure = new Problem("quota_exceeded", "100,000 messages wait.", {
    extra: { retry_after_s: 1.2, pending: 9, code: "x" },
  });
  const answer = await ask("/message", { body: example });
  expect(answer.status).toBe(429);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(answer.headers["retry-after"]).toBe("2");
  expect(answer.json).toEqual({
    type: "urn:multifleet:problem:quota_exceeded",
    title: "Too much is waiting in the outbox",
    status: 429,
    detail: "100,000 messages wait.",
    code: "quota_exceeded",
    retry_after_s: 1.2,
    pending: 9,
  });
  expect(refusals("quota_exceeded")).toBe(1);
});

test("what nobody expected is a 500 that tells nothing, a counter and a log line that tells all", async () => {
  const { ask, node, counters, logged } = await serve();
  for (const failure of [new TypeError("secret detail of /private/path"), new Error("", { cause: 1 })]) {
    node.failure = failure;
    const answer = await ask("/message?timeout=1s", { body: example });
    expect(answer.json).toMatchObject({ status: 500, code: "internal" });
    expect(answer.text).not.toMatch(/secret|private/);
  }
  expect(counters.value("api_errors_total")).toBe(2);
  expect(counters.total("api_refusals_total")).toBe(0);
  expect(logged[0]).toMatchObject({
    event: "api_request_failed",
    facts: {
      method: "POST",
      path: "/message",
      reason: "secret detail of /private/path",
      stack: expect.any(String),
    },
  });
  expect((await ask("/message", { body: example })).status).toBe(202);
});
