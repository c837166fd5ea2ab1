import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packetId } from "@multifleet/core";
import { open as openLmdb } from "lmdb";
import { expect, test } from "vitest";
import { MailboxError, openMailbox, openMailboxReader, type Mailbox } from "../src/index.js";
import { codec, number, record, text } from "../src/codec.js";
import { format, formatRecord } from "../src/records.js";
import { auditFile } from "../src/store/audit.js";
import { openStore } from "../src/store/lmdb.js";
import {
  accept,
  arrival,
  draft,
  emptyDirectory,
  mac1,
  newSeed,
  open,
  random,
  sealer,
  settlement,
} from "./support.js";

/** A closed store with something of everything, and all that can be read of it. */
async function sample(): Promise<{ readonly file: string; readonly content: string }> {
  const directory = emptyDirectory();
  const box = await open({ directory });
  for (let i = 0; i < 60; i++) {
    await box.accept(draft(`m${i}`, { key: `k${i % 5}` }), sealer(`m${i}`, i % 10 === 0 ? 20_000 : 300));
    if (i % 3 === 0)
      await box.settle(packetId(`m${i}`), settlement(i % 2 ? "delivered" : "expired", Date.now()));
    await box.take(
      arrival(i + 1, { body: "b".repeat(i % 7 === 0 ? 9_000 : 50), prev: i % 4 ? i : 0, owe: i % 5 === 0 }),
    );
  }
  await box.put("drawer", { some: "thing" });
  await box.close();
  const again = await open({ directory });
  const content = await readAll(again);
  await again.close();
  return { file: join(directory, "data.mdb"), content };
}

/** Everything, as text; rejects where a record says that it is damaged. */
async function readAll(box: Mailbox): Promise<string> {
  const messages = box.messages({ limit: 1_000 });
  const taken = [];
  for (let i = 0; i < 60; i++) taken.push(await box.take(arrival(i + 1)));
  return JSON.stringify([
    messages,
    messages.map(({ id }) => box.sealed(id) && Buffer.from(box.sealed(id) ?? []).toString("base64")),
    [...box.pending()].map(({ id }) => id),
    box.inbox({ limit: 1_000 }),
    box.owed(mac1).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    box.get("drawer"),
    box.books(),
    taken,
  ]);
}

/** Opens a copy and reads all of it: its content, or the code of the error that told of the damage. */
async function look(original: string, change: (file: string) => void): Promise<string> {
  const directory = emptyDirectory();
  const file = join(directory, "data.mdb");
  copyFileSync(original, file);
  change(file);
  try {
    const box = await openMailbox({ directory });
    try {
      return await readAll(box);
    } finally {
      await box.close();
    }
  } catch (error) {
    if (error instanceof MailboxError) return error.code;
    throw error;
  }
}

function flip(file: string, bit: number): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  writeFileSync(file, bytes);
}

test("a flipped bit is told or did not matter, wherever it is", { timeout: 240_000 }, async () => {
  const seed = newSeed("flipped bits");
  const below = random(seed);
  const { file, content } = await sample();
  expect(await look(file, () => undefined)).toBe(content);
  const size = statSync(file).size * 8;
  const tries = Number(process.env["FLIPS"] ?? 120);
  let told = 0;
  for (let i = 0; i < tries; i++) {
    const bit = below(size);
    const seen = await look(file, (copy) => flip(copy, bit));
    if (seen === "CORRUPT") told++;
    else expect(seen, `bit ${bit}`).toBe(content);
  }
  console.info(`${tries} bits flipped: ${told} told, the others in places that hold nothing`);
  expect(told).toBeGreaterThan(tries / 10);
});

test("every bit of the roots is told or did not matter", { timeout: 240_000 }, async () => {
  const { file, content } = await sample();
  const bytes = readFileSync(file);
  const page = bytes.readUInt32LE(48);
  for (const at of [0, page])
    for (let bit = at * 8; bit < (at + 168) * 8; bit += process.env["FLIPS"] === undefined ? 13 : 1) {
      const seen = await look(file, (copy) => flip(copy, bit));
      expect(["CORRUPT", content], `bit ${bit}`).toContain(seen);
    }
});

test("a file that ends too early is told, wherever it ends", async () => {
  const { file, content } = await sample();
  const { size } = statSync(file);
  const seen = new Set<string>();
  for (let length = 1; length < size; length += 4_096 + 512)
    seen.add(await look(file, (copy) => truncateSync(copy, length)));
  seen.delete(content);
  expect([...seen]).toEqual(["CORRUPT"]);
  expect(await look(file, (copy) => truncateSync(copy, size - 3 * 4_096 - 100))).toBe("CORRUPT");
});

test("a healthy file always passes, whatever was done to it", { timeout: 120_000 }, async () => {
  const seed = newSeed("audit");
  const below = random(seed);
  const values = codec(record({ text: text(), number }));
  const directory = emptyDirectory();
  let store = openStore(directory);
  for (let i = 0; i < 300; i++) {
    const changes = new Map<string, Buffer | undefined>();
    for (let j = below(50); j >= 0; j--) {
      const key = `${"abcxyz".charAt(below(6))}/${below(2_000).toString(36).padStart(11, "0")}${"k".repeat(below(40))}`;
      const length = [0, 10, 100, 1_000, 3_000, 5_000, 20_000, 100_000][below(below(2) ? 5 : 8)] ?? 0;
      changes.set(
        key,
        below(3) === 0 ? undefined : values.encode(key, { text: "x".repeat(length), number: i }),
      );
    }
    if (below(4) === 0)
      for (const key of store.keys({ from: "a", to: "z", limit: below(500) })) changes.set(key, undefined);
    await store.commit([changes]);
    if (below(8) === 0) auditFile(join(directory, "data.mdb"), "");
    if (below(40) === 0) {
      await store.close();
      store = openStore(directory);
    }
  }
  await store.close();
  expect(() => auditFile(join(directory, "data.mdb"), "")).not.toThrow();
});

test("what is no store of ours is refused, says what to do, and stays as it is", async () => {
  const root = emptyDirectory();
  const place = (name: string) => {
    const directory = join(root, name);
    mkdirSync(directory);
    return { directory, file: join(directory, "data.mdb") };
  };
  const letter = place("letter");
  writeFileSync(letter.file, "Dear reader,\n".repeat(2_000));
  const other = place("other");
  const db = openLmdb({ path: other.directory, noSubdir: false, encoding: "binary", overlappingSync: false });
  await db.put("somebody", Buffer.from("else"));
  await db.close();
  const overlapping = place("overlapping");
  const loose = openLmdb({ path: overlapping.directory, noSubdir: false, encoding: "json" });
  await loose.put("a", 1);
  await loose.close();
  const newer = place("newer");
  const store = openStore(newer.directory);
  const key = "m/format";
  const made = { format: format + 1, stream: new Uint8Array(16), made: 1 };
  await store.commit([new Map([[key, formatRecord.encode(key, made)]])]);
  await store.close();
  for (const { directory, file } of [letter, other, overlapping, newer]) {
    const before = readFileSync(file);
    for (const opening of [openMailbox({ directory }), openMailboxReader({ directory })])
      await expect(opening).rejects.toMatchObject({ name: "MailboxError", code: "CORRUPT" });
    expect(readFileSync(file).equals(before)).toBe(true);
  }
  await expect(openMailbox({ directory: letter.directory })).rejects.toThrow(/move .*letter away/);
  await expect(openMailbox({ directory: newer.directory })).rejects.toThrow(/format 2.*reads 1/);
});

test("an empty file, and a store whose maker was stopped, are new stores", async () => {
  const directory = emptyDirectory();
  writeFileSync(join(directory, "data.mdb"), "");
  const box = await open({ directory });
  expect((await accept(box, "a")).code).toBe("accepted");
});
