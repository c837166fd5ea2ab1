import {
  ChannelError,
  newPacketId,
  nodeId,
  fleetId,
  type Channel,
  type ChannelHost,
  type Link,
  type NodeId,
} from "@multifleet/core";
import { expect, test } from "vitest";
import { joinNamesakes } from "../src/channels/namesakes.js";

const [near, far, stranger] = [nodeId("near"), nodeId("far"), nodeId("stranger")];
const { signal } = new AbortController();
const frame = (to: NodeId) => ({ id: newPacketId(0), to, bytes: Uint8Array.of(1) });

const host: ChannelHost = {
  node: nodeId("mac1"),
  fleet: fleetId("home"),
  receive: async () => ({ code: "taken" }),
  count: () => undefined,
  report: () => undefined,
  addresses: () => [],
};

interface Probe extends Channel {
  readonly sent: NodeId[];
  opened: number;
  ended: number;
  pokes: number;
  break: (reason: ChannelError) => void;
}

/** A channel to one peer that tells what was done with it. */
function toward(peer: NodeId, change: Partial<Pick<Channel, "name" | "traits" | "open">> = {}): Probe {
  const probe: Probe = {
    contract: 1,
    name: "seed",
    traits: { effect: "stores", inbound: false, maxFrameBytes: 100, rank: 4 },
    sent: [],
    opened: 0,
    ended: 0,
    pokes: 0,
    break: () => undefined,
    open() {
      probe.opened++;
      let close: (reason?: ChannelError) => void;
      const closed = new Promise<ChannelError | undefined>((done) => (close = done));
      probe.break = (reason) => close(reason);
      const link: Link = {
        reaches: (to) => to === peer,
        send({ to }) {
          probe.sent.push(to);
          return Promise.resolve({ ok: true, effect: "stores" });
        },
        addresses: [`at:${peer}`],
        closed,
        poke: () => void probe.pokes++,
        [Symbol.asyncDispose]() {
          probe.ended++;
          close();
          return Promise.resolve();
        },
      };
      return Promise.resolve(link);
    },
    ...change,
  };
  return probe;
}

test("channels of one name are one way: each peer is served by the one that reaches it", async () => {
  const [here, there] = [toward(near), toward(far)];
  const [channel, ...others] = joinNamesakes([here, there]);
  expect(others).toEqual([]);
  const link = await (channel as Channel).open(host, { signal });
  expect([near, far, stranger].map((peer) => link.reaches(peer))).toEqual([true, true, false]);
  await link.send(frame(far), { signal });
  await link.send(frame(near), { signal });
  expect([here.sent, there.sent]).toEqual([[near], [far]]);
  expect(await link.send(frame(stranger), { signal })).toMatchObject({
    ok: false,
    error: { code: "UNREACHABLE" },
  });
  expect(link.addresses).toEqual(["at:near", "at:far"]);
  link.poke?.();
  expect([here.pokes, there.pokes]).toEqual([1, 1]);
  await link[Symbol.asyncDispose]();
  expect([here.ended, there.ended]).toEqual([1, 1]);
  expect(await link.closed).toBeUndefined();
});

test("a channel with a name of its own is left as it is", () => {
  const [one, two] = [toward(near), toward(far, { name: "git" })];
  expect(joinNamesakes([one, two])).toEqual([one, two]);
});

test("together they take what each takes, and receive where one does", () => {
  const traits = { effect: "stores", inbound: true, maxFrameBytes: 50, rank: 9 } as const;
  const [channel] = joinNamesakes([toward(near), toward(far, { traits })]);
  expect(channel?.traits).toEqual({ effect: "stores", inbound: true, maxFrameBytes: 50, rank: 4 });
});

test("where one of them breaks the whole is closed with its reason, so that all are opened again", async () => {
  const [here, there] = [toward(near), toward(far)];
  const [channel] = joinNamesakes([here, there]);
  const link = await (channel as Channel).open(host, { signal });
  const reason = new ChannelError("CLOSED", "the disk went away");
  there.break(reason);
  expect(await link.closed).toBe(reason);
  expect([here.ended, there.ended]).toEqual([1, 1]);
});

test("where one of them cannot be opened, the others are closed again", async () => {
  const here = toward(near);
  const refused = new ChannelError("MISCONFIGURED", "no such key");
  const [channel] = joinNamesakes([here, toward(far, { open: () => Promise.reject(refused) })]);
  await expect((channel as Channel).open(host, { signal })).rejects.toBe(refused);
  expect([here.opened, here.ended]).toEqual([1, 1]);
});

test("channels of one name whose success means different things are a mistake that is told", () => {
  const traits = { effect: "delivers", inbound: true, maxFrameBytes: 50, rank: 9 } as const;
  expect(() => joinNamesakes([toward(near), toward(far, { traits })])).toThrow(TypeError);
});
