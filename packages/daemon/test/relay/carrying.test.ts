import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TestNode } from "../fleet.js";
import { expectBalanced, Ledger } from "../ledger.js";
import { Triangle } from "./triangle.js";

interface Tried {
  readonly channel: string;
  readonly at: number;
  readonly ms?: number;
  readonly outcome?: string;
  readonly reason?: string;
}

/** The attempt that brought a message to its receiver. */
function delivery(message: { readonly attempts: readonly Tried[] }): Tried | undefined {
  return message.attempts.find(({ outcome }) => outcome === "delivered");
}

/** The way that a message took through others: passed on, or, where that was slow, from a copy that was kept on the way. */
function around(message: { readonly attempts: readonly Tried[] }): string | undefined {
  const taken = message.attempts.filter(({ outcome }) => outcome === "delivered" || outcome === "stored");
  return taken.find(({ channel }) => channel.startsWith("relay"))?.reason;
}

/** From the message's acceptance to the end of the attempt that delivered it, in milliseconds. */
function delay(message: { readonly created: string; readonly attempts: readonly Tried[] }): number {
  const { at = 0, ms = 0 } = delivery(message) ?? {};
  return at + ms - Date.parse(message.created);
}

/** All that a node's home holds, as one text. */
export function contents(node: TestNode): string {
  const files = readdirSync(node.home, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name)).toString("latin1"))
    .join("\n");
}

test("F12: where nothing connects two nodes and a third reaches both, its relay delivers, the path is shown, and what connects them again is used again", async () => {
  await using triangle = await Triangle.start();
  const { mac1, mac2, mac3 } = triangle;
  await triangle.join();
  const ledger = new Ledger();
  const straight = await mac1.settled((await mac1.send("mac2", "straight", { via: "http" })).body.id);
  expect(delivery(straight)).toMatchObject({ channel: "http" });
  await triangle.cut();

  const first = await mac1.settled((await mac1.send("mac2", "around")).body.id);
  expect(first).toMatchObject({ state: "delivered", receipt: { from: "mac2" } });
  expect(["through mac3", "at mac3"]).toContain(around(first));
  const delays: number[] = [];
  for (let n = 0; n < 30; n++) await ledger.post(mac1, "mac2");
  await ledger.delivered(mac1, 20);
  for (const id of ledger.accepted) {
    const message = await mac1.settled(id);
    expect(["through mac3", "at mac3"]).toContain(around(message));
    if (delivery(message)?.reason === "through mac3") delays.push(delay(message));
  }
  expect(delays.length).toBeGreaterThan(0);
  delays.sort((a, b) => a - b);
  const at = (part: number) => delays[Math.min(Math.floor(delays.length * part), delays.length - 1)];
  console.log(
    `F12: N=${ledger.accepted.size} lost=0 twice=0, ${delays.length} passed on; first ${delay(first)} ms, then p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`,
  );
  const inbox = (await mac2.inbox()).filter(({ id }) => ledger.accepted.has(id));
  expect(inbox.length).toBe(ledger.accepted.size);
  const reply = await mac2.settled((await mac2.send("mac1", "and back")).body.id);
  expect(["through mac3", "at mac3"]).toContain(around(reply));
  expect((await mac3.inbox()).length).toBe(0);
  expect(await mac3.counters()).toMatchObject({ relay_refused_total: 0, relay_lies_total: 0 });

  await triangle.join();
  await mac2.stop();
  await mac2.start();
  await triangle.join();
  const again = await mac1.settled((await mac1.send("mac2", "straight again", { via: "http" })).body.id);
  expect(delivery(again)).toMatchObject({ channel: "http" });
  const texts = (await mac2.inbox()).filter(({ body }) => !String(body).startsWith("text of"));
  expect(texts.map(({ body, channel }) => [body, channel])).toEqual([
    ["straight", "http"],
    ["around", "relay"],
    ["straight again", "http"],
  ]);
  await expectBalanced(mac1);
}, 60_000);

test("an encrypted body passes unchanged, and the relay never has it in the clear, not even in a copy that it keeps", async () => {
  await using triangle = await Triangle.start({ encryption: "on" });
  const { mac1, mac2, mac3 } = triangle;
  const secret = `nobody-else-reads-this größe 𝄞 ${"x".repeat(100_000)}`;
  expect(await mac1.settled((await mac1.send("mac2", secret)).body.id)).toMatchObject({ state: "delivered" });
  await mac2.stop();
  const { id } = (await mac1.send("mac2", `${secret} later`)).body;
  await mac1.until(id, "sent");
  expect((await mac3.counters())["relay_kept_total"]).toBeGreaterThan(0);
  expect(contents(mac3)).not.toContain("nobody-else-reads-this");
  expect(contents(mac3)).not.toContain(Buffer.from("nobody-else-reads-this").toString("base64").slice(2, -4));
  await mac2.start();
  expect(await mac1.settled(id)).toMatchObject({ state: "delivered", receipt: { from: "mac2" } });
  expect((await mac2.inbox()).map(({ body }) => body === secret || body === `${secret} later`)).toEqual([
    true,
    true,
  ]);
  expect(await mac3.inbox()).toEqual([]);
}, 60_000);

test("F51: a node that says nothing of relaying is asked for nothing, and gets packets as they are", async () => {
  await using triangle = await Triangle.start({}, { mac2: { channels: { relay: false } } });
  const { mac1, mac2, mac3 } = triangle;
  const message = await mac1.settled((await mac1.send("mac2", "to one that knows of none")).body.id);
  expect(["through mac3", "at mac3"]).toContain(around(message));
  expect((await mac2.inbox()).map(({ channel }) => channel)).toEqual(["http"]);
  expect((await mac2.counters())["relay_requests_total"]).toBe(0);
  // mac2 has no relay channel, and mac1 has mac2 for no relay: nobody is left to ask for mac3.
  const { peers } = (await mac1.get("/peers")).body;
  const toMac3 = peers.find(({ node }: { node: string }) => node === "mac3");
  expect(toMac3.channels.find(({ channel }: { channel: string }) => channel === "relay")).toMatchObject({
    state: "unreachable",
    reason: "no other node is known that could pass anything on to this peer",
  });
  expect(await mac3.counters()).toMatchObject({ relay_refused_total: 0 });
}, 60_000);
