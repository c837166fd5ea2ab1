import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import "discord.js";
import type { ChannelError, Link } from "@multifleet/core";
import { Host, outcome, send } from "../../../test/host.js";
import { letter, open } from "./links.js";
import { StandIn } from "./stand-in/stand-in.js";

let standIn: StandIn;
let host: Host;
let link: Link | undefined;

beforeEach(async () => {
  standIn = await StandIn.open();
  host = new Host("bravo");
});

afterEach(async () => {
  await link?.[Symbol.asyncDispose]();
  link = undefined;
  await standIn.cut();
});

const reads = () => standIn.api.count("GET", "/messages");
const identified = () => standIn.gateway.count(2);
const resumed = () => standIn.gateway.count(6);

/** Why a channel cannot be opened. */
async function refusal(more: Parameters<typeof open>[2] = {}): Promise<ChannelError> {
  return await open(standIn, host, more).then(
    () => expect.fail("it opened"),
    (error: ChannelError) => error,
  );
}

/** Every connection has ended here too, which a busy machine may notice a moment later. */
async function expectNothingLeft(): Promise<void> {
  await Promise.all(standIn.gateway.sockets.map((socket) => once(socket, "close")));
  expect(standIn.gateway.sockets).toEqual([]);
}

test("it asks for the messages of servers and for nothing privileged, and looks through the channel once", async () => {
  link = await open(standIn, host);
  await standIn.api.until(() => reads() === 1);
  const [identify] = standIn.gateway.heard.filter(({ op }) => op === 2);
  expect(identify?.d).toMatchObject({ intents: 512, shard: [0, 1] });
  expect(standIn.api.requests.map(({ path }) => path).slice(0, 2)).toEqual([
    `/api/v10/channels/${standIn.channel}`,
    "/api/v10/gateway/bot",
  ]);
});

test.each([
  ["is cut", () => standIn.gateway.drop()],
  ["ends with 4000", () => standIn.gateway.drop(4000)],
  ["is told to reconnect", () => standIn.gateway.say(7)],
  ["has its session doubted", () => standIn.gateway.say(9, true)],
])("a connection that %s is resumed, and what was said meanwhile comes by itself", async (_, disturb) => {
  link = await open(standIn, host);
  await standIn.api.until(() => reads() === 1);
  disturb();
  standIn.post(...(await letter("bravo", "meanwhile")));
  await host.until(() => host.texts.length === 1);
  await standIn.gateway.until(() => resumed() === 1);
  expect([host.texts, identified(), reads()]).toEqual([["meanwhile"], 1, 1]);
});

test("a lost connection is told, and that it is back", async () => {
  link = await open(standIn, host);
  standIn.gateway.drop();
  await host.until(() => host.states.join() === "down,up");
  expect(host.events[0]?.reason).toContain("1006");
  expect(host.counts["lost_connections"]).toBe(1);
  expect(link.status?.()).toMatchObject({ gateway: "connected" });
});

test("a session that Discord has forgotten is begun anew, and what was missed is read once", async () => {
  link = await open(standIn, host);
  await standIn.api.until(() => reads() === 1);
  standIn.gateway.sessions.clear();
  standIn.gateway.drop(4000);
  standIn.post(...(await letter("bravo", "missed")));
  await host.until(() => host.texts.length === 1);
  standIn.post(...(await letter("bravo", "and heard")));
  await host.until(() => host.texts.length === 2);
  expect([identified(), reads()]).toEqual([2, 2]);
  expect(host.texts).toEqual(["missed", "and heard"]);
  // discord.js begins no session sooner than five seconds after the last one, as Discord demands.
}, 15_000);

test("heartbeats are sent and asked for, and a connection that no longer answers them is replaced", async () => {
  standIn.gateway.heartbeatMs = 100;
  link = await open(standIn, host);
  await standIn.gateway.until(() => standIn.gateway.count(1) >= 3);
  standIn.gateway.isDeaf = true;
  await host.until(() => host.states.includes("down"));
  standIn.gateway.isDeaf = false;
  await standIn.gateway.until(() => resumed() >= 1);
  await host.until(() => host.states.at(-1) === "up");
  expect(host.states[0]).toBe("down");
});

test("while the gateway is away, messages can still be posted", async () => {
  link = await open(standIn, host);
  standIn.gateway.isMute = true;
  standIn.gateway.drop();
  await host.until(() => host.states.join() === "down");
  expect(outcome(await send(link))).toBe("stores");
  expect(host.states).toEqual(["down", "up"]);
  expect(link.status?.()).toMatchObject({ gateway: "not connected" });
});

test("while the gateway is away, what has come is read when there is a reason to look", async () => {
  link = await open(standIn, host);
  await standIn.api.until(() => reads() === 1);
  standIn.gateway.isMute = true;
  standIn.gateway.drop();
  await host.until(() => host.states.join() === "down");
  standIn.post(...(await letter("bravo", "by another way")));
  link.poke?.();
  await host.until(() => host.texts.length === 1);
  expect([host.texts, reads()]).toEqual([["by another way"], 2]);
});

test("a token that Discord does not know is MISCONFIGURED, by the API and by the gateway, and no session is begun", async () => {
  const token = "MTAwMDAwMDAwMDAwMDAwMDAwMQ.AbCdEf.the-token-of-somebody-else-altogether";
  const byApi = await refusal({ token });
  expect([byApi.code, byApi.message]).toEqual(["MISCONFIGURED", expect.stringContaining("Reset Token")]);
  expect(standIn.api.requests.length).toBe(1);
  standIn.api.onRequest = (_, path) =>
    path.endsWith("/gateway/bot")
      ? { status: 200, body: botAnswer(1_000) }
      : { status: 200, body: { id: standIn.channel } };
  const byGateway = await refusal({ token });
  expect([byGateway.code, byGateway.message]).toEqual([
    "MISCONFIGURED",
    expect.stringContaining("Reset Token"),
  ]);
});

test.each([
  [404, 10_003, "MISCONFIGURED", "Copy its id"],
  [403, 50_001, "DENIED", "View Channel"],
  [500, 0, "UNREACHABLE", "500"],
  [429, 0, "UNREACHABLE", "rate limit"],
])(
  "a channel that is answered with %i (%i) is %s before a session is begun",
  async (status, code, expected, says) => {
    const answer = { status, headers: { "retry-after": "60" }, body: { message: "no", code } };
    standIn.api.onRequest = (_, path) => (path.includes("/channels/") ? answer : undefined);
    const error = await refusal();
    expect([error.code, error.message]).toEqual([expected, expect.stringContaining(says)]);
    expect(standIn.gateway.heard).toEqual([]);
  },
);

test("where Discord allows no more sessions today, it says so", async () => {
  standIn.api.remainingSessions = 0;
  const error = await refusal();
  expect([error.code, error.message]).toEqual([
    "UNREACHABLE",
    expect.stringContaining("Not enough sessions remaining"),
  ]);
});

test("nobody there is UNREACHABLE, for the API and for the gateway", async () => {
  const gone = await StandIn.open();
  await gone.cut();
  expect((await refusal({ api: `http://${gone.host}/api` })).code).toBe("UNREACHABLE");
  const body = { ...botAnswer(1_000), url: `ws://${gone.host}` };
  standIn.api.onRequest = (_, path) => (path.endsWith("/gateway/bot") ? { status: 200, body } : undefined);
  expect((await refusal()).code).toBe("UNREACHABLE");
});

test("a gateway that takes the connection and says nothing is UNREACHABLE, and nothing is left of it", async () => {
  standIn.gateway.isMute = true;
  const error = await refusal({ requestTimeoutMs: 1_500 });
  expect([error.code, error.message]).toEqual(["UNREACHABLE", expect.stringContaining("no session")]);
  await expectNothingLeft();
});

test("a token that is reset while the link is open ends it, once and for all", async () => {
  link = await open(standIn, host);
  standIn.gateway.drop(4004);
  const error = await link.closed;
  expect([error?.code, error?.message]).toEqual(["DENIED", expect.stringContaining("4004")]);
  expect(identified()).toBe(1);
  expect(outcome(await send(link))).toBe("CLOSED");
});

test("an opening that is aborted at any moment leaves nothing", async () => {
  const moments: ((abort: () => void) => void)[] = [
    (abort) => (standIn.api.onRequest = (_, path) => (path.includes("/channels/") ? hang(abort) : undefined)),
    (abort) => (standIn.api.onRequest = (_, path) => (path.endsWith("/bot") ? hang(abort) : undefined)),
    (abort) => {
      standIn.api.onRequest = () => undefined;
      standIn.gateway.isMute = true;
      standIn.gateway.onConnection = abort;
    },
  ];
  for (const arrange of moments) {
    const controller = new AbortController();
    arrange(() => controller.abort());
    const opening = open(standIn, host, {}, controller.signal);
    await expect(opening).rejects.toMatchObject({ code: "ABORTED" });
    await expectNothingLeft();
  }
});

test("a link is disposed at once between two connections, and discord.js makes no further one", async () => {
  link = await open(standIn, host);
  let connections = 0;
  standIn.gateway.onConnection = () => (connections += 1);
  standIn.gateway.drop();
  await host.until(() => host.states.includes("down"));
  await link[Symbol.asyncDispose]();
  expect(connections).toBe(0);
  await expectNothingLeft();
});

test("a link is disposed while its connection waits for a gateway that says nothing", async () => {
  link = await open(standIn, host);
  standIn.gateway.isMute = true;
  const connected = new Promise<void>((resolve) => (standIn.gateway.onConnection = resolve));
  standIn.gateway.drop();
  await connected;
  await link[Symbol.asyncDispose]();
  await expectNothingLeft();
});

function hang(abort: () => void): "hang" {
  setImmediate(abort);
  return "hang";
}

function botAnswer(remaining: number): object {
  const session_start_limit = { total: 1_000, remaining, reset_after: 60_000, max_concurrency: 1 };
  return { url: `ws://${standIn.host}`, shards: 1, session_start_limit };
}
