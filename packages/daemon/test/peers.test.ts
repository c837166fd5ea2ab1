import { expect, test } from "vitest";
import { nodeId } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import { Peers } from "../src/peers.js";

const mac2 = nodeId("mac2");

/** What is kept of peers, in memory. */
function drawers(): Mailbox {
  const kept = new Map<string, unknown>();
  const store: Pick<Mailbox, "get" | "put"> = {
    get: <Value>(name: string) => kept.get(name) as Value | undefined,
    put: async (name, value) => void kept.set(name, value),
  };
  return store as Mailbox;
}

const hello = (at: number, addresses: Readonly<Record<string, readonly string[]>>) => ({
  addresses,
  version: "1.0.0",
  at,
});

test("a peer says where it is, and what the config says goes before that", async () => {
  const said = hello(1, { http: ["http://10.0.0.2:8856"], ipc: ["ipc:m:/s"] });
  const peers = new Peers(drawers(), { [mac2]: { http: "http://mac2.example" } });
  await peers.learn(mac2, said);
  expect(peers.addresses(mac2, "http")).toEqual(["http://mac2.example"]);
  expect(peers.addresses(mac2, "ipc")).toEqual(["ipc:m:/s"]);
});

test("whom this user's ssh keys log in to is for the config alone to say", async () => {
  const said = hello(1, { ssh: ["root@evil.example"] });
  const unnamed = new Peers(drawers(), undefined);
  await unnamed.learn(mac2, said);
  expect(unnamed.addresses(mac2, "ssh")).toEqual([]);
  const named = new Peers(drawers(), { [mac2]: { ssh: "me@mac2.example" } });
  await named.learn(mac2, said);
  expect(named.addresses(mac2, "ssh")).toEqual(["me@mac2.example"]);
});

test("an older hello changes nothing, and a hint counts only until the peer itself has spoken", async () => {
  const peers = new Peers(drawers(), undefined);
  await peers.hint(mac2, { http: ["http://hinted"] });
  expect(peers.addresses(mac2, "http")).toEqual(["http://hinted"]);
  expect(await peers.learn(mac2, hello(2, { http: ["http://said"] }))).toBe(true);
  expect(await peers.learn(mac2, hello(1, { http: ["http://replayed"] }))).toBe(false);
  await peers.hint(mac2, { http: ["http://hinted"] });
  expect(peers.addresses(mac2, "http")).toEqual(["http://said"]);
});

test("how far a peer's clock is ahead is known from its newest hello", () => {
  const peers = new Peers(drawers(), undefined);
  expect(peers.clockOffset(mac2)).toBeUndefined();
  peers.compareClocks(mac2, 61_000, 1_000);
  expect(peers.clockOffset(mac2)).toBe(60_000);
});
