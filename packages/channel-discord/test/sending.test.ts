import { afterEach, beforeEach, expect, test, vi } from "vitest";
import "discord.js";
import type { Link } from "@multifleet/core";
import { Host, outcome, send } from "../../../test/host.js";
import { coverOf } from "./covers.js";
import { members, open } from "./links.js";
import { StandIn } from "./stand-in/stand-in.js";

let standIn: StandIn;
let host: Host;
let link: Link;

beforeEach(async () => {
  standIn = await StandIn.open();
  host = new Host("alpha");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await link[Symbol.asyncDispose]();
  await standIn.cut();
});

const posts = () => standIn.api.count("POST");

test("Discord sees a file that only the receiver can open, and no name of anybody", async () => {
  link = await open(standIn, host);
  expect(outcome(await send(link, "the secret plan"))).toBe("stores");
  const [message] = standIn.api.messages;
  const seen = JSON.stringify(message) + [...standIn.api.files.values()].map(String).join("");
  expect(seen).toContain("age-encryption.org");
  for (const name of ["the secret plan", "alpha", "bravo", "home"]) expect(seen).not.toContain(name);
});

test("two messages to one node do not look alike, and nobody's phone rings", async () => {
  link = await open(standIn, host);
  await send(link);
  await send(link);
  const [one, other] = standIn.api.messages;
  expect(one?.content).not.toBe(other?.content);
  expect(one?.["flags"]).toBe(4_096);
});

test("a node whose age key is not known cannot be reached", async () => {
  link = await open(standIn, host, { cover: coverOf({ alpha: members["alpha"] as never }, "alpha") });
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  expect(posts()).toBe(0);
});

test("a node that does not say that it reads this channel cannot be reached", async () => {
  link = await open(standIn, host);
  host.told.splice(0, 1, "discord:1400000000000000002", `discord:${standIn.channel}`);
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  expect(posts()).toBe(0);
});

test("nothing is stored before Discord names the message that it stored", async () => {
  link = await open(standIn, host);
  for (const body of [{}, { id: 1 }, { id: "../../etc" }, "stored"]) {
    standIn.api.onRequest = (method) => (method === "POST" ? { status: 200, body } : undefined);
    expect(outcome(await send(link))).toBe("INTERNAL");
  }
  standIn.api.onRequest = (method) => (method === "POST" ? { status: 200 } : undefined);
  expect(outcome(await send(link))).toBe("INTERNAL");
  expect(host.counts["send_errors"]).toBe(5);
});

test.each([
  [500, "UNREACHABLE"],
  [502, "UNREACHABLE"],
  [503, "UNREACHABLE"],
  [413, "TOO_LARGE"],
  [400, "INTERNAL"],
  [403, "DENIED"],
  [404, "DENIED"],
])("an answer of %i is %s, asked once", async (status, code) => {
  link = await open(standIn, host);
  const body = { message: "no", code: 0 };
  standIn.api.onRequest = (method) => (method === "POST" ? { status, body } : undefined);
  expect(outcome(await send(link))).toBe(code);
  expect(posts()).toBe(1);
  standIn.api.onRequest = () => undefined;
  expect(outcome(await send(link))).toBe("stores");
});

test("an answer that is no JSON, or never comes, ends the send", async () => {
  link = await open(standIn, host, { requestTimeoutMs: 2_000 });
  const headers = { "content-type": "application/json; charset=utf-8" };
  standIn.api.onRequest = (method) => (method === "POST" ? { status: 200, headers, body: "<" } : undefined);
  expect(outcome(await send(link))).toBe("INTERNAL");
  standIn.api.onRequest = (method) => (method === "POST" ? "hang" : undefined);
  expect(outcome(await send(link))).toBe("TIMEOUT");
});

test("a send waits for a short rate limit, and is then posted once", async () => {
  link = await open(standIn, host);
  standIn.api.limit("POST", 2, 400);
  const results = await Promise.all([send(link), send(link), send(link), send(link)]);
  expect(results.map(outcome)).toEqual(["stores", "stores", "stores", "stores"]);
  // By the headers of the answers it knew when to come: Discord never had to refuse.
  expect(posts()).toBe(4);
  expect(host.counts["rate_limited"]).toBe(undefined);
});

test("the rate limit is kept by a clock that nobody can set", async () => {
  link = await open(standIn, host);
  standIn.api.limit("POST", 1, 200);
  const now = Date.now();
  vi.spyOn(Date, "now").mockReturnValue(now);
  const results = await Promise.all([send(link), send(link), send(link)]);
  expect(results.map(outcome)).toEqual(["stores", "stores", "stores"]);
  expect(host.counts["rate_limited"]).toBe(undefined);
});

test("a refusal for the rate limit is waited for, where others have used up what the bot may do", async () => {
  link = await open(standIn, host);
  let refusals = 1;
  const headers = { "retry-after": "0.300", "x-ratelimit-scope": "shared" };
  const body = { message: "You are being rate limited.", retry_after: 0.3, global: false };
  standIn.api.onRequest = (method) =>
    method === "POST" && refusals-- > 0 ? { status: 429, headers, body } : undefined;
  const begun = performance.now();
  expect(outcome(await send(link))).toBe("stores");
  expect(performance.now() - begun).toBeGreaterThan(300);
  expect(posts()).toBe(2);
  expect(host.counts["rate_limited"]).toBe(1);
});

test("a rate limit longer than the bound is BUSY at once, and Discord is not asked again before it is over", async () => {
  link = await open(standIn, host, { maxWaitMs: 1_000 });
  const headers = { "retry-after": "65" };
  standIn.api.onRequest = (method) => (method === "POST" ? { status: 429, headers, body: {} } : undefined);
  for (let sends = 0; sends < 3; sends++) expect(outcome(await send(link))).toBe("BUSY");
  expect(posts()).toBe(1);
  expect(link.status?.()).toMatchObject({ rate_limit_ms: expect.any(Number) });
  expect(Number(link.status?.()["rate_limit_ms"])).toBeGreaterThan(60_000);
});

test("a refusal that names no time is believed for five seconds", async () => {
  link = await open(standIn, host, { maxWaitMs: 1_000 });
  standIn.api.onRequest = (method) => (method === "POST" ? { status: 429, body: "cloudflare" } : undefined);
  expect(outcome(await send(link))).toBe("BUSY");
  expect(outcome(await send(link))).toBe("BUSY");
  expect(posts()).toBe(1);
});

test("a global rate limit holds everything back", async () => {
  link = await open(standIn, host, { maxWaitMs: 1_000 });
  const gets = standIn.api.count("GET");
  const headers = { "retry-after": "65", "x-ratelimit-global": "true", "x-ratelimit-scope": "global" };
  standIn.api.onRequest = (method) => (method === "POST" ? { status: 429, headers, body: {} } : undefined);
  expect(outcome(await send(link))).toBe("BUSY");
  standIn.gateway.sessions.clear();
  standIn.gateway.drop(4009);
  await host.until(() => host.states.includes("down"));
  expect(standIn.api.count("GET")).toBeLessThanOrEqual(gets + 1);
});

test("one of many that would wait too long in the queue is BUSY, and those before it are stored", async () => {
  link = await open(standIn, host, { maxWaitMs: 700 });
  standIn.api.limit("POST", 1, 400);
  const results = await Promise.all(Array.from({ length: 6 }, () => send(link)));
  const outcomes = results.map(outcome);
  expect(outcomes.filter((each) => each === "stores").length).toBeGreaterThanOrEqual(1);
  expect(outcomes.filter((each) => each === "BUSY").length).toBeGreaterThanOrEqual(3);
  expect(standIn.api.messages.length).toBe(outcomes.filter((each) => each === "stores").length);
});

test("a send behind one that gets no answer does not wait for that", async () => {
  link = await open(standIn, host, { maxWaitMs: 200, requestTimeoutMs: 20_000 });
  standIn.api.onRequest = (method) => (method === "POST" ? "hang" : undefined);
  const abort = new AbortController();
  const first = send(link, "one", abort.signal);
  // Each is encrypted first: only this tells which of two is in front.
  await standIn.api.until(() => posts() === 1);
  expect(outcome(await send(link, "two"))).toBe("BUSY");
  abort.abort();
  expect(outcome(await first)).toBe("ABORTED");
  standIn.api.onRequest = () => undefined;
  expect(outcome(await send(link, "three"))).toBe("stores");
});

test("a send that waits for the rate limit, or for an answer, ends when it is aborted, and is not posted later", async () => {
  link = await open(standIn, host);
  const headers = { "retry-after": "5" };
  standIn.api.onRequest = (method) => (method === "POST" ? { status: 429, headers, body: {} } : undefined);
  const abort = new AbortController();
  const waiting = send(link, "one", abort.signal);
  await host.until(() => host.counts["rate_limited"] === 1);
  const queued = send(link, "two", abort.signal);
  abort.abort();
  expect([outcome(await waiting), outcome(await queued)]).toEqual(["ABORTED", "ABORTED"]);
  expect(standIn.api.messages).toEqual([]);
  expect(posts()).toBe(1);
});

test("sends under way end with CLOSED when the link is disposed", async () => {
  link = await open(standIn, host);
  standIn.api.onRequest = (method) => (method === "POST" ? "hang" : undefined);
  const sends = [send(link), send(link)];
  await standIn.api.until(() => posts() === 1);
  await link[Symbol.asyncDispose]();
  expect((await Promise.all(sends)).map(outcome)).toEqual(["CLOSED", "CLOSED"]);
});

test("a token that was reset while the link was open ends the link with DENIED, and Discord is left alone", async () => {
  link = await open(standIn, host);
  await standIn.api.until(() => standIn.api.count("GET", "/messages") === 1);
  const body = { message: "401: Unauthorized", code: 0 };
  standIn.api.onRequest = () => ({ status: 401, body });
  expect(outcome(await send(link))).toBe("DENIED");
  expect((await link.closed)?.code).toBe("DENIED");
  const { length } = standIn.api.requests;
  expect(outcome(await send(link))).toBe("CLOSED");
  expect(standIn.api.requests.length).toBe(length);
  expect(host.counts["ended_sessions"]).toBe(1);
});
