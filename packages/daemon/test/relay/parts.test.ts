import { nodeId, packetId } from "@multifleet/core";
import { MailboxError } from "@multifleet/mailbox";
import { expect, test } from "vitest";
import { Kept, type Copy } from "../../src/relay/kept.js";
import { Quotas } from "../../src/relay/quota.js";
import { HeardRoutes } from "../../src/relay/routes.js";

const [mac1, mac2, mac3, mac4] = ["mac1", "mac2", "mac3", "mac4"].map(nodeId) as [
  Copy["target"],
  Copy["target"],
  Copy["target"],
  Copy["target"],
];

/** A store in memory, whose writes end when they are let go. */
class Store {
  readonly values = new Map<string, unknown>();
  fails = false;
  #gate: Promise<void> | undefined;

  /** Holds writes until what it gives is called. */
  hold(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => (open = resolve));
    return open;
  }

  get<Value>(key: string): Value | undefined {
    return this.values.get(key) as Value | undefined;
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.#gate;
    if (this.fails) throw new MailboxError("FULL", "no space");
    this.values.set(key, value);
  }

  async delete(key: string): Promise<void> {
    this.values.delete(key);
  }
}

function copy(n: number, different: Partial<Copy> = {}): Copy {
  const digest = n.toString(16).padStart(64, "0");
  const names = { target: mac2, from: mac1, asker: mac1, id: packetId(`p${n}`) };
  return { ...names, digest, stream: "", seq: n, size: 10, expires: 1_000, keptAt: n, ...different };
}

const bytes = Uint8Array.of(1, 2, 3);
const limits = { copies: 8, bytes: 1_000, copiesEach: 4, bytesEach: 40 };

test("a copy is said to be kept only once the store has it, and another run finds it, in the order they came", async () => {
  const store = new Store();
  const kept = new Kept(store, limits);
  const release = store.hold();
  let said = false;
  const adding = kept.add(copy(1), bytes).then((result) => {
    said = true;
    return result;
  });
  const again = kept.add(copy(1), bytes);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toBe(false);
  release();
  expect([await adding, await again]).toEqual([true, true]);
  await kept.add(copy(2), Uint8Array.of(4));
  const next = new Kept(store, limits);
  expect(next.of(mac2)).toEqual([copy(1), copy(2)]);
  expect(next.bytes(copy(1))).toEqual(Buffer.from(bytes));
  expect(next.of(mac3)).toEqual([]);
});

test("what the store refuses is not kept, and takes no room", async () => {
  const store = new Store();
  const kept = new Kept(store, { ...limits, copies: 1 });
  store.fails = true;
  await expect(kept.add(copy(1), bytes)).rejects.toThrow(MailboxError);
  expect(kept.size).toBe(0);
  store.fails = false;
  expect(await kept.add(copy(1), bytes)).toBe(true);
});

test("one who asks fills no more than its own share, and all together no more than there is", async () => {
  const kept = new Kept(new Store(), limits);
  const results: boolean[] = [];
  for (let n = 1; n <= 6; n++) results.push(await kept.add(copy(n), bytes));
  expect(results).toEqual([true, true, true, true, false, false]);
  expect(await kept.add(copy(7, { asker: mac3, size: 41 }), bytes)).toBe(false);
  for (let n = 8; n <= 11; n++) expect(await kept.add(copy(n, { asker: mac3 }), bytes)).toBe(true);
  expect(await kept.add(copy(12, { asker: mac4 }), bytes)).toBe(false);
  expect(await kept.drop(copy(8))).toBe(true);
  expect(await kept.drop(copy(8))).toBe(false);
  expect(await kept.add(copy(12, { asker: mac4 }), bytes)).toBe(true);
});

test("of 10,000 requests that come at once a member gets its window, of those that come one by one its rate; others go on", () => {
  const quotas = new Quotas();
  const ends = Array.from({ length: 10_000 }, () => quotas.enter(mac1, 1_000, 0)).filter(
    (end) => end !== undefined,
  );
  expect(ends.length).toBe(256);
  expect(quotas.enter(mac2, 1_000, 0)).toBeDefined();
  for (const end of ends) end();
  let passed = ends.length;
  for (let n = 0; n < 10_000; n++) {
    const end = quotas.enter(mac1, 1_000, 0);
    if (end !== undefined) passed++;
    end?.();
  }
  expect(passed).toBe(2_000);
  // A second later there is room for a second's worth, whatever the clock did meanwhile.
  expect(quotas.enter(mac1, 1_000, -5_000)).toBeUndefined();
  expect(quotas.enter(mac3, 17 * 1_048_576, 0)).toBeUndefined();
  expect(quotas.enter(mac1, 1_000, 1_000)).toBeDefined();
});

test("who carried comes before who hears, and who failed is no longer thought to hear", () => {
  const routes = new HeardRoutes();
  routes.learn(mac2, [mac4]);
  routes.learn(mac3, [mac4]);
  expect(routes.likely(mac4)).toEqual([mac3, mac2]);
  routes.prove(mac4, mac2);
  expect(routes.likely(mac4)).toEqual([mac2, mac3]);
  routes.disprove(mac4, mac3, 7);
  expect(routes.likely(mac4)).toEqual([mac2]);
  expect([routes.failedAt(mac4, mac3), routes.failedAt(mac4, mac2)]).toEqual([7, 0]);
  routes.learn(mac2, undefined);
  expect([routes.passes(mac2), routes.passes(mac3)]).toEqual([false, true]);
});

test("what is remembered of routes is bounded, however many names are told", () => {
  const routes = new HeardRoutes();
  const names = Array.from({ length: 2_000 }, (_, n) => nodeId(`n${n}`));
  for (const name of names) {
    routes.learn(name, names);
    routes.prove(name, mac1);
    routes.disprove(name, mac2, 1);
  }
  expect(routes.relays().length).toBe(512);
  expect(routes.likely(names[1_999] ?? mac1)).toEqual([mac1]);
  expect(names.filter((name) => routes.failedAt(name, mac2) > 0).length).toBe(512);
  expect(routes.likely(names[0] ?? mac1).length).toBe(512);
});
