import { nodeId, type Link } from "@multifleet/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { wol, type WolOptions } from "../src/index.js";
import { frameTo, RecordingHost } from "./host.js";
import { expected, loopback, Sleeper } from "./sleeper.js";

const card = "00-1b-21-ab-cd-ef";
const here = `wol:${card}@127.0.0.1/8`;
const elsewhere = `wol:${card}@10.77.0.5/24`;

let sleeper: Sleeper;
const links: Link[] = [];
beforeEach(async () => void (sleeper = await Sleeper.listen()));
afterEach(async () => {
  vi.useRealTimers();
  for (const link of links.splice(0)) await link[Symbol.asyncDispose]();
  await sleeper[Symbol.asyncDispose]();
});

const { signal } = new AbortController();

async function open(host: RecordingHost, options: WolOptions = {}): Promise<Link> {
  const link = await wol({ interfaces: [loopback], ports: [sleeper.port], ...options }).open(host, {
    signal,
  });
  links.push(link);
  return link;
}

/** The sockets of this process, this test's own listener left out. One that was closed goes within a turn of the event loop. */
async function sockets(): Promise<number> {
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return process.getActiveResourcesInfo().filter((name) => name === "UDPWrap").length - 1;
}

test("a magic packet is six bytes of 0xff and sixteen times the card's address, and success means no more than that it was sent", async () => {
  const host = new RecordingHost({ mac2: [here] });
  const link = await open(host);
  expect(link.reaches(nodeId("mac2"))).toBe(true);
  expect(await link.send(frameTo("mac2"), { signal })).toEqual({ ok: true, effect: "wakes" });
  await sleeper.settled();
  expect(sleeper.packets).toEqual([expected(card)]);
  expect(sleeper.packets[0]).toHaveLength(102);
  expect(host.counted).toEqual(["magic_packets"]);
});

test("a card that a config gives without its network is looked for on every network", async () => {
  const link = await open(new RecordingHost({ mac2: ["00:1B:21:AB:CD:EF"] }));
  expect(await link.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  await sleeper.settled();
  expect(sleeper.packets).toEqual([expected(card)]);
});

test("each card of a machine gets a packet on each port that is asked for", async () => {
  await using other = await Sleeper.listen();
  const second = "00-1b-21-ab-cd-00";
  const link = await open(new RecordingHost({ mac2: [here, `wol:${second}@127.0.0.1/8`, here] }), {
    ports: [sleeper.port, other.port],
  });
  expect(await link.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  for (const each of [sleeper, other]) {
    await each.settled();
    expect(each.packets).toEqual([expected(card), expected(second)]);
  }
});

test("sends at once are one packet, and so are all within thirty seconds, also after the link was opened again", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const host = new RecordingHost({ mac2: [here], mac3: ["wol:00-1b-21-00-00-03@127.0.0.1/8"] });
  const channel = wol({ interfaces: [loopback], ports: [sleeper.port] });
  const link = await channel.open(host, { signal });
  const results = await Promise.all(
    Array.from({ length: 50 }, () => link.send(frameTo("mac2"), new AbortController())),
  );
  expect(results.every(({ ok }) => ok)).toBe(true);
  await link[Symbol.asyncDispose]();
  const again = await channel.open(host, { signal });
  links.push(again);
  vi.advanceTimersByTime(29_999);
  expect(await again.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  await sleeper.settled();
  expect(sleeper.packets).toHaveLength(1);
  // Another machine's is its own.
  expect(await again.send(frameTo("mac3"), { signal })).toMatchObject({ ok: true });
  vi.advanceTimersByTime(1);
  expect(await again.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  await sleeper.settled();
  expect(sleeper.packets).toHaveLength(3);
  expect(host.times("magic_packets")).toBe(3);
});

test("no socket is left after a hundred sends, whether they worked or not", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `mac${index + 2}`);
  const known = names.map((name, index) => [
    name,
    [`wol:00-1b-21-00-00-${index.toString(16).padStart(2, "0")}@127.0.0.1/8`],
  ]);
  const link = await open(new RecordingHost(Object.fromEntries(known)));
  await Promise.all(names.map((name) => link.send(frameTo(name), new AbortController())));
  expect(await sockets()).toBe(0);
});

test("a packet that the system does not send is a failure with its reason, is counted, and may be tried again at once", async () => {
  const dgram = await import("node:dgram");
  const host = new RecordingHost({ mac2: [here] });
  const link = await open(host);
  const broken = vi.spyOn(dgram.Socket.prototype, "setBroadcast").mockImplementation(() => {
    throw new Error("EPERM: a firewall says no");
  });
  const result = await link.send(frameTo("mac2"), { signal });
  broken.mockRestore();
  expect(result).toMatchObject({ ok: false, error: { code: "UNREACHABLE" } });
  expect(result.ok ? "" : result.error.message).toContain("a firewall says no");
  expect(host.counted).toEqual(["send_errors"]);
  expect(await sockets()).toBe(0);
  expect(await link.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  await sleeper.settled();
  expect(sleeper.packets).toHaveLength(1);
});

test("nothing is sent for addresses that are none, and each is counted once", async () => {
  const host = new RecordingHost({
    mac2: ["zz:zz", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:01"],
  });
  const link = await open(host);
  for (let i = 0; i < 3; i++) expect(link.reaches(nodeId("mac2"))).toBe(false);
  expect(await link.send(frameTo("mac2"), { signal })).toMatchObject({ error: { code: "UNREACHABLE" } });
  await sleeper.settled();
  expect(sleeper.packets).toEqual([]);
  expect(host.counted).toEqual(Array.from({ length: 4 }, () => "bad_addresses"));
});

test("of a member that tells a thousand cards, eight are woken", async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => {
    const end = index.toString(16).padStart(4, "0");
    return `wol:00-1b-21-00-${end.slice(0, 2)}-${end.slice(2)}@127.0.0.1/8`;
  });
  const link = await open(new RecordingHost({ mac2: many }));
  await link.send(frameTo("mac2"), { signal });
  await sleeper.settled();
  expect(sleeper.packets).toHaveLength(8);
});

test("where the sleeper is on none of our networks nothing is broadcast, and a member that is there is asked", async () => {
  const asked: string[] = [];
  const host = new RecordingHost({
    mac2: [elsewhere],
    // On another network, on the sleeper's, and on it too.
    mac3: ["wol:00-1b-21-00-00-03@10.78.0.3/24"],
    mac4: ["wol:00-1b-21-00-00-04@10.77.0.4/24"],
    mac5: ["wol:00-1b-21-00-00-05@10.77.0.6/24"],
  });
  const link = await open(host, {
    members: () => ["mac1", "mac2", "mac3", "mac4", "mac5"].map(nodeId),
    ask: async (helper, target) => asked.push(`${helper} for ${target}`) > 1,
  });
  expect(link.reaches(nodeId("mac2"))).toBe(true);
  expect(await link.send(frameTo("mac2"), { signal })).toEqual({ ok: true, effect: "wakes" });
  expect(asked).toEqual(["mac4 for mac2", "mac5 for mac2"]);
  expect(host.counted).toEqual(["helpers_asked", "helper_failures", "helpers_asked"]);
  // It is woken: nobody is asked again so soon.
  expect(await link.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  expect(asked).toHaveLength(2);
  await sleeper.settled();
  expect(sleeper.packets).toEqual([]);
});

test("where nobody can wake it the reason names who was asked", async () => {
  const host = new RecordingHost({ mac2: [elsewhere], mac4: ["wol:00-1b-21-00-00-04@10.77.0.4/24"] });
  const link = await open(host, {
    members: () => [nodeId("mac4")],
    ask: () => Promise.reject(new Error("the disk is full")),
  });
  const result = await link.send(frameTo("mac2"), { signal });
  expect(result).toMatchObject({ ok: false, error: { code: "UNREACHABLE" } });
  expect(result.ok ? "" : result.error.message).toMatch(
    /mac2 was last on 10\.77\.0\.5\/24, and this machine is not; mac4: Error: the disk is full/,
  );
});

test("asking ends with the send that wanted it, and with the link", async () => {
  const host = new RecordingHost({ mac2: [elsewhere], mac4: ["wol:00-1b-21-00-00-04@10.77.0.4/24"] });
  const signals: AbortSignal[] = [];
  let tell: () => void = () => undefined;
  const ask = (_: unknown, __: unknown, stop: AbortSignal) => {
    signals.push(stop);
    tell();
    return new Promise<boolean>((resolve) => stop.addEventListener("abort", () => resolve(false)));
  };
  const link = await open(host, { members: () => [nodeId("mac4")], ask });
  const asking = () => new Promise<void>((resolve) => (tell = resolve));

  const [one, two] = [new AbortController(), new AbortController()];
  let begun = asking();
  const sends = [link.send(frameTo("mac2"), one), link.send(frameTo("mac2"), two)];
  await begun;
  one.abort();
  expect(await sends[0]).toMatchObject({ error: { code: "ABORTED" } });
  expect(signals[0]?.aborted).toBe(false);
  two.abort();
  expect(await sends[1]).toMatchObject({ error: { code: "ABORTED" } });
  expect(signals[0]?.aborted).toBe(true);

  begun = asking();
  const last = link.send(frameTo("mac2"), { signal });
  await begun;
  await link[Symbol.asyncDispose]();
  expect(await last).toMatchObject({ error: { code: "CLOSED" } });
  expect(signals).toHaveLength(2);
  expect(signals[1]?.aborted).toBe(true);
});

test("a node that is asked wakes by its own packet or not at all, and asks nobody", async () => {
  let wake: Parameters<NonNullable<WolOptions["lend"]>>[0];
  const ask = vi.fn<NonNullable<WolOptions["ask"]>>(async () => true);
  const host = new RecordingHost({
    mac2: [here],
    mac3: [elsewhere],
    mac4: ["wol:00-1b-21-00-00-04@10.77.0.4/24"],
  });
  const link = await open(host, {
    members: () => [nodeId("mac4")],
    ask,
    lend: (lent) => (wake = lent),
  });
  expect(await wake?.(nodeId("mac2"), signal)).toBe(true);
  expect(await wake?.(nodeId("mac2"), signal)).toBe(true);
  expect(await wake?.(nodeId("mac3"), signal)).toBe(false);
  expect(ask).not.toHaveBeenCalled();
  expect(host.times("woken_for_others")).toBe(2);
  expect(host.times("not_woken_for_others")).toBe(1);
  // What was sent for another counts for our own messages too.
  expect(await link.send(frameTo("mac2"), { signal })).toMatchObject({ ok: true });
  await sleeper.settled();
  expect(sleeper.packets).toHaveLength(1);
  await link[Symbol.asyncDispose]();
  expect(wake).toBeUndefined();
});

test("options that cannot work are named with what is allowed", async () => {
  for (const [options, says] of [
    [{ ports: [0] }, "ports is [0], and must be a list of 1 to 8 UDP ports"],
    [{ ports: 9 }, "ports is 9"],
    [{ ports: [9, 9] }, "ports is [9,9]"],
    [{ interfaces: [] }, "interfaces is []"],
    [{ interfaces: "eth0" }, 'interfaces is "eth0", and must be a list of interface names'],
    [{ ask: "mac3" }, 'ask is "mac3", and must be a function'],
    [{ mac: "00:1b:21:ab:cd:ef" }, 'there is no option "mac"; there are interfaces, ports'],
  ] as const) {
    const opening = wol(options as WolOptions).open(new RecordingHost(), { signal });
    await expect(opening).rejects.toMatchObject({ code: "MISCONFIGURED" });
    await expect(opening).rejects.toThrow(says);
  }
});
