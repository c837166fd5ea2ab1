import {
  fleetId,
  nodeId,
  packetId,
  type ChannelHost,
  type Link,
  type MediumEvent,
  type NodeId,
} from "@multifleet/core";
import { expect, test } from "vitest";
import defaultExport, { Hub, memory } from "../src/index.js";

const { signal } = new AbortController();

/** A daemon that takes everything, and writes down what it hears. */
function daemon(name: string): ChannelHost & { readonly heard: MediumEvent[]; readonly taken: Uint8Array[] } {
  const heard: MediumEvent[] = [];
  const taken: Uint8Array[] = [];
  return {
    node: nodeId(name),
    fleet: fleetId("home"),
    heard,
    taken,
    receive: async (bytes) => {
      taken.push(bytes);
      return { code: "taken", answer: bytes };
    },
    count: () => undefined,
    report: (event) => void heard.push(event),
    addresses: () => [],
  };
}

async function send(link: Link, to: NodeId, bytes: Uint8Array): Promise<string> {
  const result = await link.send({ id: packetId("p1"), to, bytes }, { signal });
  return result.ok ? result.effect : result.error.code;
}

test("the default export is the factory, as the daemon expects of a channel's package", () => {
  expect(defaultExport).toBe(memory);
});

test("a second node of the same name is denied, and the first stays", async () => {
  const hub = new Hub();
  const [first, other] = [daemon("mac1"), daemon("mac2")];
  const link = await memory({ hub }).open(first, { signal });
  const far = await memory({ hub }).open(other, { signal });
  await expect(memory({ hub }).open(daemon("mac1"), { signal })).rejects.toMatchObject({ code: "DENIED" });
  expect(await send(far, first.node, Uint8Array.of(1))).toBe("delivers");
  await link[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

test("nodes hear of each other's coming and going, and of the hub's cut and heal", async () => {
  const hub = new Hub();
  const [first, second] = [daemon("mac1"), daemon("mac2")];
  const link = await memory({ hub }).open(first, { signal });
  const far = await memory({ hub }).open(second, { signal });
  hub.cut();
  hub.cut();
  hub.heal();
  hub.heal();
  await far[Symbol.asyncDispose]();
  expect(first.heard.map(({ state, peer }) => `${state} ${peer ?? "all"}`)).toEqual([
    "up mac2",
    "down all",
    "up all",
    "down mac2",
  ]);
  await link[Symbol.asyncDispose]();
});

test("a send to a node that leaves before it has judged the frame ends at once", async () => {
  const hub = new Hub();
  const link = await memory({ hub }).open(daemon("mac1"), { signal });
  const silent = { ...daemon("mac2"), receive: () => new Promise<never>(() => undefined) };
  const far = await memory({ hub }).open(silent, { signal });
  const sending = send(link, silent.node, Uint8Array.of(1));
  await far[Symbol.asyncDispose]();
  expect(await sending).toBe("CLOSED");
  await link[Symbol.asyncDispose]();
});

test("a cut hub reaches nobody, and says so at once", async () => {
  const hub = new Hub();
  const [first, second] = [daemon("mac1"), daemon("mac2")];
  const link = await memory({ hub }).open(first, { signal });
  const far = await memory({ hub }).open(second, { signal });
  hub.cut();
  expect(await send(link, second.node, Uint8Array.of(1))).toBe("UNREACHABLE");
  hub.heal();
  expect(await send(link, second.node, Uint8Array.of(2))).toBe("delivers");
  expect(second.taken).toEqual([Uint8Array.of(2)]);
  await link[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});
