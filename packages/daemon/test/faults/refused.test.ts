import { expect, test } from "vitest";
import { TestFleet } from "../fleet.js";
import { expectBalanced } from "../ledger.js";

const limit = 524_288;

test("F41: a recipient that never existed is rejected at once, and the message is never delivered", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const mac1 = fleet.node("mac1");
  const { status, body } = await mac1.send("nosuch", "hello", { id: "to-nobody" });
  expect(status).toBe(404);
  expect(body).toMatchObject({
    code: "unknown_recipient",
    state: "rejected",
    reason: "unknown_recipient",
    id: "to-nobody",
  });
  expect(body.detail).toContain("mac2");
  expect((await mac1.get("/message/to-nobody")).body).toMatchObject({
    state: "rejected",
    reason: "unknown_recipient",
  });
  expect((await mac1.get("/dead-letters")).body.messages).toMatchObject([{ id: "to-nobody" }]);
  await expectBalanced(mac1);
});

test("F44: a body arrives as the same bytes at every size up to the limit, and is refused over it, never cut", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  const bodies = [
    "",
    "x",
    "line\nend\r\n\ttab \u0000 nul",
    "€".repeat(Math.floor(limit / 3)) + "é",
    "x".repeat(limit - 4) + "😀",
    "x".repeat(limit),
    "\u0001".repeat(limit),
  ];
  for (const [i, text] of bodies.entries()) {
    const { status, body } = await mac1.send("mac2", text, { id: `body-${i}` });
    expect([status, body.code]).toEqual([202, undefined]);
    expect((await mac1.settled(body.id)).state).toBe("delivered");
    expect((await mac2.get(`/inbox/body-${i}`)).body.body === text, `body ${i}`).toBe(true);
  }
  for (const text of [
    "x".repeat(limit + 1),
    "x".repeat(limit - 3) + "😀",
    "€".repeat(Math.ceil(limit / 3)),
  ]) {
    const { status, body } = await mac1.send("mac2", text);
    expect(status).toBe(413);
    expect(body).toMatchObject({ code: "body_too_large", limit, bytes: Buffer.byteLength(text) });
  }
  expect(await mac2.inbox()).toHaveLength(bodies.length);
});

test("the same id with the same content is one message; with other content it is a conflict", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => mac1.send("mac2", "same", { id: "same-id" })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202));
  expect((await mac1.settled("same-id")).state).toBe("delivered");
  expect((await mac1.send("mac2", "same", { id: "same-id" })).body).toMatchObject({
    id: "same-id",
    state: "delivered",
  });
  const other = await mac1.send("mac2", "other", { id: "same-id" });
  expect([other.status, other.body.code]).toEqual([409, "id_conflict"]);
  expect(await mac2.inbox()).toHaveLength(1);
});

test("T16: names that would leave their place are refused, and nothing is written outside the home", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  const names = [
    "../x",
    "..",
    "a /b",
    "a\u0000b",
    "%2e%2e%2f",
    "．．／x",
    "a".repeat(300),
    "/etc/passwd",
    "C:\\x",
    "",
  ];
  for (const name of names) {
    const asId = await mac1.send("mac1", "x", { id: name });
    expect([asId.status, name]).toEqual([400, name]);
    const asNode = await mac1.send(name, "x");
    expect([asNode.status, name]).toEqual([400, name]);
    const read = await mac1.get(`/message/${encodeURIComponent(name)}`);
    expect([400, 404]).toContain(read.status);
    expect(read.body.code).toMatch(/^(bad_id|bad_request|unknown_message|not_found)$/);
  }
  for (const session of ["a\nb", "\u001b[31m", "x".repeat(257), "\ud800"]) {
    expect((await mac1.send("mac1", "x", { session })).status).toBe(400);
    expect((await mac1.send(`mac1/${session}`, "x")).status).toBe(400);
  }
  expect((await mac1.send("mac1", "x", { session: "../../etc" })).status).toBe(202);
  const { readdirSync } = await import("node:fs");
  expect(readdirSync(fleet.directory)).toEqual(["mac1"]);
});
