import { fleetId, newPacketId, nodeId, type ChannelHost, type Link, type NodeId } from "@multifleet/core";
import { expect, test } from "vitest";
import { relay } from "../src/index.js";
import { Office, reply, silence } from "./office.js";

const alpha = nodeId("alpha");
const bravo = nodeId("bravo");
const answer = Uint8Array.of(7);

function host(node: NodeId, counts: string[] = []): ChannelHost {
  return {
    node,
    fleet: fleetId("home"),
    receive: async () => ({ code: "taken", answer }),
    count: (event) => void counts.push(event),
    report: () => undefined,
    addresses: () => [],
  };
}

/** An open link of alpha's, with bravo at the far end. */
async function opened(office: Office, at: 0 | 1 = 0, counts: string[] = []): Promise<Link> {
  const { signal } = new AbortController();
  await office.channel(bravo).open(host(bravo), { signal });
  return office.channel(alpha, at).open(host(alpha, counts), { signal });
}

function send(link: Link, signal = new AbortController().signal) {
  return link.send({ id: newPacketId(Date.now()), to: bravo, bytes: Uint8Array.of(1, 2, 3) }, { signal });
}

test("the best relay is asked first, and the path says which one it was", async () => {
  const office = new Office("mac3", "mac4");
  const result = await send(await opened(office));
  expect(result).toEqual({ ok: true, effect: "delivers", answer, path: "through mac3" });
  expect(office.asked).toEqual(["mac3"]);
});

test("after a negative reply the next is asked at once, and what failed is counted", async () => {
  const office = new Office("mac3", "mac4", "mac5");
  const counts: string[] = [];
  office.rules.set(nodeId("mac3"), async () => reply("unreachable", "no_way"));
  office.rules.set(nodeId("mac4"), async () => reply("refused", "off"));
  expect(await send(await opened(office, 0, counts))).toMatchObject({ ok: true, path: "through mac5" });
  expect(counts).toEqual(["relay_unreachable", "relay_refused"]);
});

test("beside a silent relay the next is asked, the first success counts, and the silent one is given up", async () => {
  const office = new Office("mac3", "mac4");
  let givenUp = false;
  office.rules.set(nodeId("mac3"), async (frame, signal) => {
    const said = await silence(frame, signal);
    givenUp = true;
    return said;
  });
  expect(await send(await opened(office))).toMatchObject({ ok: true, path: "through mac4" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(givenUp).toBe(true);
});

test("a relay that was slow may still win, while others are asked beside it", async () => {
  const office = new Office("mac3", "mac4");
  let release = () => {};
  office.rules.set(nodeId("mac3"), async () => {
    await new Promise<void>((resolve) => (release = resolve));
    return { ...reply("delivered"), answer, beyond: nodeId("mac9") };
  });
  office.rules.set(nodeId("mac4"), async () => {
    release();
    return reply("unreachable", "no_way");
  });
  expect(await send(await opened(office))).toMatchObject({ path: "through mac3 and mac9", answer });
});

test("three relays are asked at most, and each failure is named", async () => {
  const office = new Office("mac3", "mac4", "mac5", "mac6");
  for (const node of office.relays) office.rules.set(node, async () => reply("unreachable", "no_way"));
  const result = await send(await opened(office));
  expect(office.asked).toEqual(["mac3", "mac4", "mac5"]);
  expect(result).toMatchObject({ ok: false, error: { code: "UNREACHABLE" } });
  expect(result.ok ? "" : result.error.message).toBe(
    "bravo through mac3: unreachable (no way), mac4: unreachable (no way), mac5: unreachable (no way)",
  );
});

test("what is best known of the far node decides the code", async () => {
  const codes = {
    later: "BUSY",
    busy: "BUSY",
    unreachable: "UNREACHABLE",
    refused: "UNREACHABLE",
    turned_away: "REFUSED",
  } as const;
  for (const [outcome, code] of Object.entries(codes)) {
    const office = new Office("mac3");
    office.rules.set(nodeId("mac3"), async () => reply(outcome as keyof typeof codes, "why"));
    expect(await send(await opened(office))).toMatchObject({ ok: false, error: { code } });
  }
});

test("a refusal by one relay is no refusal by the far node, while another only cannot reach it", async () => {
  const office = new Office("mac3", "mac4");
  office.rules.set(nodeId("mac3"), async () => reply("refused", "off"));
  office.rules.set(nodeId("mac4"), async () => reply("unreachable", "no_way"));
  expect(await send(await opened(office))).toMatchObject({ error: { code: "UNREACHABLE" } });
});

test("a copy that a relay keeps is stored there and nothing more, and no relay passes for a store by what it carries", async () => {
  const office = new Office("mac3");
  expect(await send(await opened(office, 1))).toEqual({ ok: true, effect: "stores", path: "at mac3" });
  office.rules.set(nodeId("mac3"), async () => reply("stored"));
  expect(await send(await opened(office, 0))).toMatchObject({ ok: false });
});

test("an unknown option, an ill-typed one and a missing daemon are told by name when it opens", async () => {
  const open = (options: object) =>
    relay(options)[0]?.open(host(alpha), { signal: new AbortController().signal });
  await expect(open({ hops: 3 })).rejects.toMatchObject({
    code: "MISCONFIGURED",
    message: 'relay: there is no option "hops"; there are forwarder, candidates, hedgeMs',
  });
  await expect(open({ candidates: 0 })).rejects.toThrow(
    "relay: candidates is 0, and must be a whole number from 1 to 8",
  );
  await expect(open({ forwarder: { ask: 1 } })).rejects.toThrow("relay: forwarder is");
  await expect(open({})).rejects.toThrow("relay: forwarder is missing; only a daemon can supply it");
});
