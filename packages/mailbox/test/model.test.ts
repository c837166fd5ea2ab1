import { packetId } from "@multifleet/core";
import { expect, test } from "vitest";
import type { Arrival, Mailbox } from "../src/index.js";
import { arrival, emptyDirectory, mac1, newSeed, open, random, streamA } from "./support.js";

/** A sender as the outbox is one: numbers, bases and predecessors by the rules, and what it has settled. */
class Sender {
  readonly #below: (limit: number) => number;
  readonly packets: { readonly arrival: Arrival; readonly key: string }[] = [];
  readonly settled = new Map<number, "delivered" | "given up">();
  readonly #last = new Map<string, number>();

  constructor(below: (limit: number) => number) {
    this.#below = below;
  }

  get base(): number {
    let base = 1;
    while (this.settled.has(base)) base++;
    return base;
  }

  send(): void {
    const seq = this.packets.length + 1;
    const key = ["", "", "k1", "k2", "k3"][this.#below(5)] ?? "";
    const last = this.#last.get(key) ?? 0;
    const prev = key === "" || last < this.base ? 0 : last;
    if (key !== "") this.#last.set(key, seq);
    const kind = this.#below(12) === 0 ? "notice" : "message";
    const rejected = this.#below(10) === 0 ? ({ reject: "unknown_type" } as const) : {};
    const owe = this.#below(3) === 0;
    this.packets.push({ arrival: arrival(seq, { base: this.base, prev, key, kind, owe, ...rejected }), key });
  }
}

/** What must hold of the inbox after every step. */
function check(
  box: Mailbox,
  sender: Sender,
  taken: ReadonlySet<number>,
  shownBefore: readonly string[],
): string[] {
  const items = box.inbox({ limit: 100_000 });
  const shown = items.map(({ id }) => id as string);
  expect(new Set(shown).size, "nothing is shown twice").toBe(shown.length);
  expect(shown.slice(0, shownBefore.length), "what was shown stays where it was").toEqual(shownBefore);
  const seqs = shown.map((id) => Number(id.slice(1)));
  for (const seq of seqs) expect(taken.has(seq), `${seq} was taken before it was shown`).toBe(true);
  for (const key of ["k1", "k2", "k3"]) {
    const chain = seqs.filter((seq) => sender.packets[seq - 1]?.key === key);
    expect(chain, `order under ${key}`).toEqual(chain.toSorted((a, b) => a - b));
  }
  return shown;
}

async function run(
  seed: number,
): Promise<{ packets: number; duplicates: number; restarts: number; stale: number }> {
  const below = random(seed);
  const directory = emptyDirectory();
  const sender = new Sender(below);
  let box = await open({ directory });
  const taken = new Set<number>();
  const copies: Arrival[] = [];
  let shown: string[] = [];
  const count = { packets: 0, duplicates: 0, restarts: 0, stale: 0 };

  const deliver = async (packet: Arrival) => {
    const { seq } = packet;
    const was = taken.has(seq);
    const result = await box.take(packet);
    const outcome = packet.reject === undefined ? "delivered" : "rejected";
    if (result.code === "stale") {
      count.stale++;
      // Only what the sender has settled can be stale.
      expect(sender.settled.has(seq), `${seq} is settled`).toBe(true);
      return;
    }
    expect(result, `${seq}, ${was ? "taken" : "new"}`).toMatchObject({
      code: expect.stringMatching(/fresh|again/),
      outcome,
    });
    if (result.code === "fresh") expect(was, `${seq} is fresh once`).toBe(false);
    if (was) count.duplicates++;
    taken.add(seq);
    // The receipt may be lost; then the sender does not know.
    if (below(4) > 0 && !sender.settled.has(seq)) sender.settled.set(seq, "delivered");
  };

  for (let step = 0; step < 250; step++) {
    const dice = below(100);
    if (dice < 30) {
      sender.send();
      const { arrival: packet } = sender.packets.at(-1) ?? { arrival: arrival(1) };
      for (let copy = 1 + below(3); copy > 0; copy--) copies.push(packet);
    } else if (dice < 80 && copies.length > 0) {
      // Several at once, in any order, the same one perhaps twice; some are lost, some will come again.
      const batch = Array.from({ length: 1 + below(6) }, () => copies[below(copies.length)]).filter(
        (packet) => packet !== undefined,
      );
      const fresh = new Map<number, number>();
      const before = new Set(taken);
      await Promise.all(batch.map(async (packet) => deliver({ ...packet, base: Math.max(packet.base, 1) })));
      for (const { seq } of batch) fresh.set(seq, (fresh.get(seq) ?? 0) + 1);
      expect(before.size).toBeLessThanOrEqual(taken.size);
      if (below(2) === 0) copies.splice(below(copies.length), 1);
    } else if (dice < 86 && sender.packets.length > 0) {
      const seq = 1 + below(sender.packets.length);
      if (!sender.settled.has(seq)) sender.settled.set(seq, taken.has(seq) ? "delivered" : "given up");
    } else if (dice < 92) {
      box.advance(mac1, streamA, sender.base);
      if (below(2) === 0) await box.put("commit", step);
    } else if (dice < 96) {
      await box.close();
      box = await open({ directory });
      count.restarts++;
    } else if (shown.length > 0) {
      await box.surface(packetId(shown[below(shown.length)] ?? ""), Date.now());
    }
    shown = check(box, sender, taken, shown);
  }

  // Everything that is still under way arrives, the sender settles all, and the floor comes to its end.
  for (const { arrival: packet } of sender.packets)
    if (!sender.settled.has(packet.seq)) await deliver(packet);
  for (const { arrival: packet } of sender.packets) sender.settled.set(packet.seq, "delivered");
  box.advance(mac1, streamA, sender.base);
  await box.close();
  box = await open({ directory });
  shown = check(box, sender, taken, shown);
  const due = sender.packets.filter(
    ({ arrival: { seq, kind, reject } }) => taken.has(seq) && kind === "message" && reject === undefined,
  );
  expect(shown.toSorted()).toEqual(due.map(({ arrival: { id } }) => id as string).toSorted());
  expect(box.stats().held).toBe(0);
  // Nothing below the floor comes in again, whatever is still in the pipes.
  for (const { arrival: packet } of sender.packets) await deliver(packet);
  expect(check(box, sender, taken, shown)).toEqual(shown);
  count.packets = sender.packets.length;
  await box.close();
  return count;
}

test(
  "each packet is in the inbox once and in order, whatever is lost, doubled, delayed or restarted",
  { timeout: 300_000 },
  async () => {
    const first = newSeed("model");
    const runs = Number(process.env["RUNS"] ?? 12);
    const sum = { packets: 0, duplicates: 0, restarts: 0, stale: 0 };
    for (let i = 0; i < runs; i++) {
      try {
        const count = await run(first + i);
        for (const name of ["packets", "duplicates", "restarts", "stale"] as const) sum[name] += count[name];
      } catch (cause) {
        throw new Error(`with SEED=${first + i} RUNS=1`, { cause });
      }
    }
    console.info(`${runs} runs: ${JSON.stringify(sum)}`);
    expect(sum.duplicates).toBeGreaterThan(runs);
  },
);
