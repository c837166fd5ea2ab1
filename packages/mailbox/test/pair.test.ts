import { packetId, type Sealed } from "@multifleet/core";
import { expect, test } from "vitest";
import type { Mailbox, Slot } from "../src/index.js";
import {
  arrival,
  draft,
  emptyDirectory,
  mac1,
  mac2,
  newSeed,
  open,
  random,
  settlement,
  sha256,
  unseal,
} from "./support.js";

interface Packet {
  readonly id: string;
  readonly seq: number;
  readonly base: number;
  readonly prev: number;
  readonly key: string;
}

const kinds = ["delivered", "expired", "rejected", "cancelled"] as const;

/** One mailbox sends to another over a line that loses, doubles, delays and reorders; both are closed and opened again at times. */
async function run(seed: number) {
  const below = random(seed);
  const [homeA, homeB] = [emptyDirectory(), emptyDirectory()];
  let [a, b] = [await open({ directory: homeA }), await open({ directory: homeB })];
  const line: Packet[] = [];
  const accepted = new Map<string, Packet>();
  const count = { accepted: 0, refused: 0, taken: 0, late: 0 };

  const seal =
    (id: string, key: string) =>
    (slot: Slot): Sealed | Promise<Sealed> => {
      const text = JSON.stringify({ id, seq: slot.seq, base: slot.base, prev: slot.prev, key });
      const sealed = { bytes: new TextEncoder().encode(text), digest: sha256(text) };
      const dice = below(20);
      if (dice === 0) throw new Error("no key");
      if (dice === 1) return Promise.reject(new Error("no recipient"));
      return dice < 6 ? new Promise((resolve) => setImmediate(() => resolve(sealed))) : sealed;
    };

  const accept = async (n: number) => {
    const id = `m${n}`;
    const key = ["", "k1", "k2"][below(3)] ?? "";
    try {
      const { message } = await a.accept(draft(id, { key, to: mac2 }), seal(id, key));
      const packet = { ...unseal(a.sealed(packetId(id))), key };
      expect(packet).toMatchObject({ id, seq: message.seq });
      accepted.set(id, packet);
      count.accepted++;
    } catch (error) {
      if (!/no key|no recipient/.test(String(error))) throw error;
      count.refused++;
    }
  };

  const take = async ({ id, seq, base, prev, key }: Packet) => {
    const digest = a.message(packetId(id))?.digest ?? new Uint8Array();
    const { code } = await b.take(
      arrival(seq, { id: packetId(id), from: mac1, stream: a.stream, base, prev, key, digest }),
    );
    expect(code).not.toBe("conflict");
    if (code === "stale") expect(["accepted", "sent"]).not.toContain(a.message(packetId(id))?.state);
    if (code === "stale" || below(3) === 0) return;
    if (await a.settle(packetId(id), settlement("delivered", Date.now()))) count.taken++;
  };

  const checkBooks = (box: Mailbox) => {
    const books = box.books();
    expect(books.accepted).toBe(kinds.reduce((sum, kind) => sum + books[kind], books.pending));
    expect([...box.pending()]).toHaveLength(books.pending);
    for (const kind of kinds) expect(box.messages({ state: kind, limit: 10_000 })).toHaveLength(books[kind]);
    const lowest = [...box.pending()].reduce((low, { seq }) => Math.min(low, seq), count.accepted + 1);
    expect(box.base(mac2)).toBe(lowest);
  };

  let next = 0;
  for (let step = 0; step < 120; step++) {
    const dice = below(100);
    if (dice < 40) await Promise.all(Array.from({ length: 1 + below(5) }, () => accept(next++)));
    else if (dice < 75) {
      const waiting = [...a.pending()]
        .map(({ id }) => accepted.get(id))
        .filter((packet) => packet !== undefined);
      for (let i = below(4); i >= 0 && waiting.length > 0; i--) {
        const packet = waiting[below(waiting.length)];
        if (packet !== undefined) line.push(packet, ...(below(2) ? [packet] : []));
      }
      const batch = Array.from({ length: below(8) }, () => line.splice(below(line.length), 1)).flat();
      await Promise.all(batch.map(take));
    } else if (dice < 82) {
      const [oldest] = [...a.pending()];
      if (oldest !== undefined)
        await a.settle(oldest.id, settlement(kinds[1 + below(3)] ?? "expired", Date.now()));
    } else if (dice < 90) b.advance(mac1, a.stream, a.base(mac2));
    else if (dice < 95) {
      await a.close();
      a = await open({ directory: homeA });
    } else {
      await b.close();
      b = await open({ directory: homeB });
    }
    checkBooks(a);
  }

  // The line is healed: everything that is not settled arrives, and what was under way comes late.
  for (const { id } of [...a.pending()]) {
    const packet = accepted.get(id);
    if (packet !== undefined) await take(packet);
    await a.settle(id, settlement("delivered", Date.now()));
  }
  for (const packet of line) await take(packet);
  b.advance(mac1, a.stream, a.base(mac2));
  await b.close();
  b = await open({ directory: homeB });
  checkBooks(a);
  expect(a.books()).toMatchObject({ accepted: count.accepted, pending: 0 });
  expect([...accepted.values()].map(({ seq }) => seq).toSorted((x, y) => x - y)).toEqual(
    Array.from({ length: count.accepted }, (_, i) => i + 1),
  );
  const shown = b.inbox({ limit: 10_000 });
  expect(b.stats().held).toBe(0);
  expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length);
  const inInbox = new Set<string>(shown.map(({ id }) => id));
  for (const { id, state } of a.messages({ limit: 10_000 })) {
    if (state === "delivered") expect(inInbox.has(id), `${id} was said to be delivered`).toBe(true);
    else if (inInbox.has(id)) count.late++;
  }
  for (const key of ["k1", "k2"]) {
    const seqs = shown.filter((item) => item.key === key).map(({ id }) => accepted.get(id)?.seq ?? 0);
    expect(seqs, `order under ${key}`).toEqual(seqs.toSorted((x, y) => x - y));
  }
  await Promise.all([a.close(), b.close()]);
  return count;
}

test(
  "what one mailbox says is delivered is in the other's inbox, once and in order",
  { timeout: 300_000 },
  async () => {
    const first = newSeed("pair");
    const runs = Number(process.env["RUNS"] ?? 8);
    const sum = { accepted: 0, refused: 0, taken: 0, late: 0 };
    for (let i = 0; i < runs; i++) {
      try {
        const count = await run(first + i);
        for (const name of ["accepted", "refused", "taken", "late"] as const) sum[name] += count[name];
      } catch (cause) {
        throw new Error(`with SEED=${first + i} RUNS=1`, { cause });
      }
    }
    console.info(`${runs} runs: ${JSON.stringify(sum)}`);
    expect(sum.accepted).toBeGreaterThan(runs * 20);
  },
);
