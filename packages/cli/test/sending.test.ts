import { expect, test } from "vitest";
import { item, makeRig, message, problem, run } from "./rig.js";

const id = "01jt9zd7w8k2m4n6p8q0r2s4t6";

test("send posts what it was given, with the token, and prints the id and the state", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  const ran = await rig.run("send", "mac2/review", "deploy", "push it", "--type", "task", "--session", "claude-1",
    "--key", "k", "--expires", "1h", "--via", "http", "--reply-to", "m1", "--id", id); // prettier-ignore
  expect(ran).toEqual({ code: 0, out: `${id}  accepted\n`, err: "" });
  expect(rig.asked).toHaveLength(1);
  expect(rig.asked[0]?.headers).toMatchObject({
    authorization: `Bearer ${"t".repeat(43)}`,
    host: `127.0.0.1:${rig.port}`,
    "content-type": "application/json",
  });
  expect(rig.asked[0]?.body).toEqual({
    type: "task",
    to: "mac2/review",
    payload: { subject: "deploy", body: "push it" },
    session: "claude-1",
    key: "k",
    expires: "1h",
    via: "http",
    replyTo: "m1",
    id,
  });
});

test("send leaves out what was not given, and an absent body on a terminal is empty", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  await rig.run("send", "mac2", "deploy");
  expect(rig.asked[0]?.body).toEqual({
    type: "context",
    to: "mac2",
    payload: { subject: "deploy", body: "" },
  });
});

test("send - sends standard input byte for byte", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  const text = "\ufeffGrüße, 東京\r\n\n";
  expect((await run(["send", "mac2", "s", "-"], { home: rig.home, stdin: text })).code).toBe(0);
  expect(rig.asked[0]?.body).toMatchObject({ payload: { body: text } });
});

test("send - refuses what is no text, since it would arrive as something else", async () => {
  await using rig = await makeRig();
  const ran = await run(["send", "mac2", "s", "-"], {
    home: rig.home,
    stdin: Buffer.from([0x66, 0xff, 0x66]),
  });
  expect(ran).toMatchObject({ code: 1, out: "" });
  expect(ran.err).toContain("not UTF-8 text");
  expect(rig.asked).toEqual([]);
});

test("text on standard input with no BODY is not dropped without a word", async () => {
  await using rig = await makeRig();
  const ran = await run(["send", "mac2", "s"], { home: rig.home, stdin: "precious" });
  expect(ran).toMatchObject({ code: 2, out: "" });
  expect(ran.err).toContain('give - as BODY to send what comes on it, or "" to send none');
  expect(rig.asked).toEqual([]);
});

test("a message that is rejected at once is not done, and its reason is told", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "rejected", reason: "unknown_recipient" }));
  expect(await rig.run("send", "mac9", "s", "b")).toEqual({
    code: 1,
    out: `${id}  rejected\n`,
    err: "multifleet: rejected: unknown_recipient\n",
  });
});

test("send --wait ends when it is delivered, and says by which channel", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  rig.on(`GET /message/${id}`, () => message());
  const ran = await rig.run("send", "mac2", "s", "b", "--wait", "delivered", "--timeout", "1500ms");
  expect(ran).toEqual({ code: 0, out: `${id}  delivered  P8 ipc 4.5 ms\n`, err: "" });
  expect(rig.asked[1]?.url).toBe(`/message/${id}?wait=delivered&timeout=1500ms`);
});

test("send --wait that runs out says the state honestly and fails", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  rig.on(`GET /message/${id}`, () => message({ state: "accepted", settled: undefined, attempts: [] }));
  const ran = await rig.run("send", "mac2", "s", "b", "--wait", "delivered", "--timeout", "2s");
  expect(ran.code).toBe(1);
  expect(ran.out).toBe(`${id}  accepted\n`);
  expect(ran.err).toContain("accepted, not delivered yet (after 2s)");
  expect(ran.err).toContain(`multifleet status ${id}\n`);
  const home = ["--home", rig.home, "--wait", "delivered", "--timeout", "2s"];
  expect((await run(["send", "mac2", "s", "b", ...home])).err).toContain(
    `multifleet status ${id} --home ${rig.home}\n`,
  );
});

test("send --wait surfaced that stops at delivered says that it is in the inbox, and fails", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  rig.on(`GET /message/${id}`, () => message());
  const ran = await rig.run("send", "mac2", "s", "b", "--wait", "surfaced");
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("delivered, but no session was given it within 30s");
});

for (const [state, reason] of [
  ["rejected", "expired_at_receiver"],
  ["expired", "no channel reached it"],
  ["cancelled", undefined],
] as const)
  test(`send --wait settled that ends as ${state} fails with the reason`, async () => {
    await using rig = await makeRig();
    rig.on("POST /message", () => ({ id, state: "accepted" }));
    rig.on(`GET /message/${id}`, () => message({ state, reason }));
    const ran = await rig.run("send", "mac2", "s", "b", "--wait", "settled");
    expect(ran.code).toBe(1);
    expect(ran.err).toBe(`multifleet: ${state}${reason === undefined ? "" : `: ${reason}`}\n`);
  });

test("send all prints a line for each peer, and fails where one was missed", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({
    id: "a",
    state: "accepted",
    messages: [
      { id: "a", to: "mac2", state: "accepted" },
      { id: "b", to: "mac3", state: "accepted" },
    ],
  }));
  rig.on("GET /message/a", () => message({ id: "a", attempts: [] }));
  rig.on("GET /message/b", () => message({ id: "b", state: "expired", reason: "too late" }));
  const ran = await rig.run("send", "all", "s", "b", "--wait", "delivered");
  expect(ran.out).toMatch(/^a {2}delivered {2}mac2\nb {2}expired {2}mac3/);
  expect(ran).toMatchObject({ code: 1, err: "multifleet: to mac3: expired: too late\n" });
});

test("send --json gives the API's own answer, and the message where it waited", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  rig.on(`GET /message/${id}`, () => message());
  expect(JSON.parse((await rig.run("send", "mac2", "s", "b", "--json")).out)).toEqual({
    id,
    state: "accepted",
  });
  const waited = await rig.run("send", "mac2", "s", "b", "--json", "--wait", "delivered");
  expect(JSON.parse(waited.out)).toMatchObject({ id, state: "delivered", attempts: [{}, {}] });
});

test("what the API refuses is told with its own words, and as JSON with its code", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({
    ...problem(413, "body_too_large", "payload.body has 600000 bytes; the limit is 524288"),
    limit: 524288,
  }));
  const plain = await rig.run("send", "mac2", "s", "b");
  expect(plain).toEqual({
    code: 1,
    out: "",
    err: "multifleet: payload.body has 600000 bytes; the limit is 524288\n",
  });
  const json = await rig.run("send", "mac2", "s", "b", "--json");
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ error: { code: "body_too_large", limit: 524288 } });
});

test("a message that was made and rejected in one is told by its state, with its id for programs", async () => {
  await using rig = await makeRig();
  rig.on("POST /message", () => ({
    ...problem(404, "unknown_recipient", "no node of this fleet is named mac9"),
    ...{ id, state: "rejected" },
  }));
  const plain = await rig.run("send", "mac9", "s", "b");
  expect(plain).toMatchObject({ code: 1, out: "" });
  expect(plain.err).toMatch(
    /^multifleet: rejected: no node of this fleet is named mac9\n.*multifleet peers\n$/,
  );
  const json = JSON.parse((await rig.run("send", "mac9", "s", "b", "--json")).out) as unknown;
  expect(json).toMatchObject({ error: { code: "unknown_recipient", id, state: "rejected" } });
});

test("reply answers the item, as the session that was asked, under its subject", async () => {
  await using rig = await makeRig();
  rig.on("GET /inbox/item1", () => item(1));
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  expect(await rig.run("reply", "item1", "done")).toEqual({ code: 0, out: `${id}  accepted\n`, err: "" });
  expect(rig.asked.at(-1)?.body).toEqual({
    type: "reply",
    payload: { subject: "Re: results", body: "done" },
    replyTo: "item1",
    session: "claude-1",
  });
});

test("reply keeps its own subject and session where they are given, and a Re: is not doubled", async () => {
  await using rig = await makeRig();
  rig.on("GET /inbox/item1", () => item(1, { subject: "Re: results" }));
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  await rig.run("reply", "item1", "done", "--session", "codex-1");
  expect(rig.asked.at(-1)?.body).toMatchObject({ payload: { subject: "Re: results" }, session: "codex-1" });
  await rig.run("reply", "item1", "done", "--subject", "other");
  expect(rig.asked.at(-1)?.body).toMatchObject({ payload: { subject: "other" } });
});

test("reply to a subject as long as may be stays within the limit", async () => {
  await using rig = await makeRig();
  rig.on("GET /inbox/item1", () => item(1, { subject: "東".repeat(341) }));
  rig.on("POST /message", () => ({ id, state: "accepted" }));
  await rig.run("reply", "item1", "done");
  expect(rig.asked.at(-1)?.body).toMatchObject({ payload: { subject: `Re: ${"東".repeat(340)}` } });
});

test("reply to what is not there says so", async () => {
  await using rig = await makeRig();
  rig.on("GET /inbox/nope", () => problem(404, "unknown_item", "No inbox item has this id"));
  expect(await rig.run("reply", "nope", "x")).toEqual({
    code: 1,
    out: "",
    err: "multifleet: No inbox item has this id\n",
  });
});

test("status shows the state, every attempt with its number, reason and time, and the receipt", async () => {
  await using rig = await makeRig();
  rig.on(`GET /message/${id}`, () => message());
  const { code, out } = await rig.run("status", id);
  expect(code).toBe(0);
  expect(out).toContain(`${id}  delivered`);
  expect(out).toMatch(/P2 http +UNREACHABLE +1\.2 ms +ECONNREFUSED/);
  expect(out).toMatch(/P8 ipc +delivered +4\.5 ms/);
  expect(out).toMatch(/receipt +delivered, signed by mac2, for digest abababababababab/);
});

test("status of a message on its way says that it is not delivered, and why it waits", async () => {
  await using rig = await makeRig();
  rig.on(`GET /message/${id}`, () =>
    message({ state: "sent", settled: undefined, receipt: undefined, reason: "waiting for mac2" }),
  );
  const { out } = await rig.run("status", id);
  expect(out).toContain("sent, not delivered yet: waiting for mac2. It goes on by itself.");
  expect(out).toMatch(/receipt +none yet/);
});

test("status of an unknown id fails, and --json gives the message as it is", async () => {
  await using rig = await makeRig();
  rig.on("GET /message/nope", () => problem(404, "unknown_message", "No message has this id"));
  expect(await rig.run("status", "nope")).toMatchObject({
    code: 1,
    err: "multifleet: No message has this id\n",
  });
  rig.on(`GET /message/${id}`, () => message());
  expect(JSON.parse((await rig.run("status", id, "--json")).out)).toEqual(message());
});

test("an id is one segment of the path, whatever it holds", async () => {
  await using rig = await makeRig();
  await rig.run("status", "../health?x=1#y");
  expect(rig.asked[0]?.url).toBe("/message/..%2Fhealth%3Fx%3D1%23y");
});

test("cancel takes a message back, and fails where it is too late", async () => {
  await using rig = await makeRig();
  rig.on(`POST /message/${id}/cancel`, () => message({ state: "cancelled" }));
  expect(await rig.run("cancel", id)).toEqual({ code: 0, out: `${id}  cancelled\n`, err: "" });
  expect(rig.asked[0]?.body).toBeUndefined();
  rig.on(`POST /message/${id}/cancel`, () =>
    problem(409, "already_settled", "The message has ended already"),
  );
  expect(await rig.run("cancel", id)).toMatchObject({
    code: 1,
    err: "multifleet: The message has ended already\n",
  });
});

test("dead-letters shows what did not arrive and why, and retry sends one again", async () => {
  await using rig = await makeRig();
  rig.on("GET /dead-letters", () => ({ messages: [message({ state: "expired", reason: "too late" })] }));
  rig.on(`POST /dead-letters/${id}/retry`, () => ({ id: "new1", state: "accepted" }));
  const { out } = await rig.run("dead-letters");
  expect(out).toMatch(new RegExp(`${id} +expired +mac2 .*deploy: too late`));
  expect(await rig.run("dead-letters", "retry", id)).toEqual({ code: 0, out: "new1  accepted\n", err: "" });
  expect(JSON.parse((await rig.run("dead-letters", "--json")).out)).toMatchObject([{ state: "expired" }]);
  expect((await rig.run("dead-letters", "retry")).code).toBe(2);
  rig.on("GET /dead-letters", () => ({ messages: [] }));
  expect((await rig.run("dead-letters")).out).toBe("No dead letters.\n");
});
