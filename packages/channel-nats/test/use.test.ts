import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
import { expect, test } from "vitest";
import { program, Server } from "../../../test/nats-server.js";
// #region use
import { nats } from "@multifleet/channel-nats";

/** A daemon in miniature: it takes every frame, and answers with the frame. */
function host(name: string): ChannelHost {
  return {
    node: nodeId(name),
    fleet: fleetId("home"),
    receive: async (bytes) => ({ code: "taken", answer: bytes }),
    count: (event) => console.log(`counted: ${event}`),
    report: ({ state, reason }) => console.log(`NATS is ${state}: ${reason}`),
    addresses: () => [],
  };
}

async function carry(servers: string) {
  const { signal } = new AbortController();
  const [request, store] = nats({ servers });
  const mac1 = await request?.open(host("mac1"), { signal });
  const copies = await store?.open(host("mac1"), { signal });
  const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };

  const away = await mac1?.send(frame, { signal }); // { ok: false, error: UNREACHABLE }, at once
  const kept = await copies?.send(frame, { signal }); // { ok: true, effect: "stores" }

  const mac2 = await nats({ servers })[0]?.open(host("mac2"), { signal });
  const there = await mac1?.send(frame, { signal }); // { ok: true, effect: "delivers", answer: ... }

  for (const link of [mac1, copies, mac2]) await link?.[Symbol.asyncDispose]();
  return { away, kept, there };
}
// #endregion use

test.skipIf(program === undefined)("the README's example does what it says", async () => {
  const server = await Server.start();
  try {
    const { away, kept, there } = await carry(server.url);
    expect(away).toMatchObject({ ok: false, error: { code: "UNREACHABLE" } });
    expect(kept).toEqual({ ok: true, effect: "stores" });
    expect(there).toEqual({ ok: true, effect: "delivers", answer: Buffer.of(1, 2, 3) });
  } finally {
    await server.stop();
  }
});
