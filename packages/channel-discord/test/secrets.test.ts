import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import "discord.js";
import type { SendResult } from "@multifleet/core";
import { Host, send } from "../../../test/host.js";
import { letter, open } from "./links.js";
import { StandIn } from "./stand-in/stand-in.js";

let standIn: StandIn;
let host: Host;

beforeEach(async () => {
  standIn = await StandIn.open();
  host = new Host("bravo");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await standIn.cut();
});

/** All that can be had of a value, however it is printed. */
function all(value: unknown): string {
  return inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: null });
}

test("the token is in no error, event, status or address, whatever goes wrong", async () => {
  const said: unknown[] = [];
  const keep = (result: SendResult) => void said.push(result);
  for (const status of [400, 401, 403, 404, 429, 500]) {
    const answer = { status, headers: { "retry-after": "60" }, body: { message: "no", code: 1 } };
    standIn.api.onRequest = () => answer;
    said.push(await open(standIn, host).catch((error: unknown) => error));
    standIn.api.onRequest = () => undefined;
    const link = await open(standIn, host, { maxWaitMs: 100 });
    standIn.api.onRequest = (method) => (method === "POST" ? answer : undefined);
    keep(await send(link));
    said.push(link.status?.(), link.addresses);
    await link[Symbol.asyncDispose]();
    keep(await send(link));
    said.push(await link.closed);
    standIn.api.onRequest = () => undefined;
  }
  const link = await open(standIn, host, { requestTimeoutMs: 2_000 });
  standIn.api.onRequest = () => "hang";
  keep(await send(link));
  standIn.gateway.drop(4004);
  said.push(await link.closed);
  await standIn.cut();
  said.push(await open(standIn, host).catch((error: unknown) => error), host.events);
  expect(said.filter((each) => all(each).includes("Error")).length).toBeGreaterThan(12);
  for (const part of standIn.token.split(".")) expect(all(said)).not.toContain(part);
});

test("the token goes to the API, and not to whoever serves the attachments", async () => {
  const link = await open(standIn, host);
  standIn.post(...(await letter("bravo", "hello")));
  await host.until(() => host.texts.length === 1);
  await link[Symbol.asyncDispose]();
  const sent = (part: string) =>
    standIn.api.requests.filter(({ path }) => path.includes(part)).map(({ authorization }) => authorization);
  expect(new Set(sent("/api/"))).toEqual(new Set([`Bot ${standIn.token}`]));
  expect(sent("/attachments/")).toEqual([undefined]);
});

test("nothing is printed, whatever discord.js has to say", async () => {
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const consoles = (["debug", "info", "log", "warn", "error"] as const).map((name) =>
    vi.spyOn(console, name).mockReturnValue(undefined),
  );
  const warning = vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
  const link = await open(standIn, host);
  standIn.gateway.drop();
  await host.until(() => host.states.join() === "down,up");
  // Many wait at once for their turn to be removed.
  standIn.api.limit("DELETE", 1, 30);
  for (let count = 0; count < 20; count++) standIn.post(...(await letter("bravo", "hello")));
  await standIn.api.until(() => standIn.api.count("DELETE") === 20);
  standIn.gateway.drop(4004);
  await link.closed;
  for (const spy of [out, err, warning, ...consoles]) expect(spy).not.toHaveBeenCalled();
});
