import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { Malformed, Oversized } from "../src/failure.js";
import { readPack } from "../src/pack.js";
import { environment, Repository } from "./repository.js";

const limits = { objects: 100, object: 1_048_576, total: 4_194_304 };

/** Feeds `input` to git and returns what it writes. */
async function feed(repository: Repository, argv: readonly string[], input: string): Promise<Buffer> {
  const child = spawn("git", ["--git-dir", repository.path, ...argv], {
    env: environment,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => void parts.push(part));
  child.stdin.end(input);
  await once(child, "close");
  return Buffer.concat(parts);
}

test.each([[["--delta-base-offset"]], [[]]])(
  "a pack that git made, deltas and all, is read to the same objects (%j)",
  async (more) => {
    const repository = await Repository.make();
    try {
      const lines = Array.from({ length: 200 }, () => randomBytes(30).toString("hex"));
      const oids: string[] = [];
      for (let version = 0; version < 20; version++) {
        lines[version * 7] = `version ${version}`;
        const oid = await feed(repository, ["hash-object", "-w", "--stdin"], lines.join("\n"));
        oids.push(oid.toString().trim());
      }
      const pack = await feed(
        repository,
        ["pack-objects", "--stdout", "-q", ...more],
        `${oids.join("\n")}\n`,
      );
      // Most of it is deltas, or there would be nothing to see here.
      expect(pack.length).toBeLessThan(20_000);
      const found = await readPack(pack, limits);
      expect([...found.keys()].toSorted()).toEqual(oids.toSorted());
      for (const oid of oids.slice(0, 3))
        expect(found.get(oid)?.bytes.toString().trim()).toBe(await repository.git("cat-file", "blob", oid));
    } finally {
      await repository.dispose();
    }
  },
);

/** The head of an object in a pack. */
function head(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 128;
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes);
}

function packOf(count: number, ...parts: readonly Buffer[]): Buffer {
  const start = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  start.writeUInt32BE(count, 8);
  const body = Buffer.concat([start, ...parts]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

/** A number as deltas have it: seven bits to the byte. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

const blob = (bytes: Buffer, size = bytes.length) => Buffer.concat([head(3, size), deflateSync(bytes)]);
const refDelta = (base: Buffer, delta: readonly number[]) =>
  Buffer.concat([head(7, delta.length), base, deflateSync(Buffer.from(delta))]);
const name = (bytes: Buffer) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest();

const base = Buffer.alloc(60_000, 1);
/** Copies 60,000 bytes of the base as often as fits into `result`. */
const growing = (result: number) => [
  ...varint(base.length),
  ...varint(result),
  ...Array.from({ length: result / base.length }, () => [0b1011_0000, 0x60, 0xea]).flat(),
];

test.each([
  ["an object that inflates to more than it says", packOf(1, blob(Buffer.alloc(50_000_000), 100)), Oversized],
  ["an object that says it is a gibibyte", packOf(1, blob(Buffer.from("a"), 2 ** 30)), Oversized],
  [
    "objects that are too much together",
    packOf(6, ...Array(6).fill(blob(Buffer.alloc(1_000_000)))),
    Oversized,
  ],
  ["more objects than are read", packOf(101, ...Array(101).fill(blob(Buffer.from("a")))), Oversized],
  ["a count that is a lie", packOf(4_000_000_000 >>> 0, blob(Buffer.from("a"))), Oversized],
  [
    "a delta that grows its base",
    packOf(2, blob(base), refDelta(name(base), growing(60_000_000))),
    Oversized,
  ],
  [
    "deltas that are too much together",
    packOf(9, blob(base), ...Array(8).fill(refDelta(name(base), growing(600_000)))),
    Oversized,
  ],
  [
    "a delta that leads outside",
    packOf(2, blob(base), refDelta(name(base), [...varint(60_000), 9, 0b1001_0001, 255, 255])),
    Malformed,
  ],
  [
    "a delta for another base",
    packOf(2, blob(base), refDelta(name(base), [...varint(5), 1, 1, 65])),
    Malformed,
  ],
  ["half a delta", packOf(2, blob(base), refDelta(name(base), [...varint(60_000), 9, 9, 65])), Malformed],
  ["a delta whose base is not there", packOf(1, refDelta(Buffer.alloc(20, 7), [1, 1, 1, 65])), Malformed],
  [
    "an object of a kind that does not exist",
    packOf(1, Buffer.concat([head(5, 1), deflateSync(Buffer.from("a"))])),
    Malformed,
  ],
  ["what does not inflate", packOf(1, head(3, 5), Buffer.from("hello")), Malformed],
  ["an object that is shorter than it says", packOf(1, blob(Buffer.from("a"), 2)), Malformed],
  ["half a pack", packOf(2, blob(Buffer.from("a"))), Malformed],
  ["more than a pack", packOf(1, blob(Buffer.from("a")), Buffer.from("more")), Malformed],
  [
    "another checksum",
    Buffer.concat([packOf(1, blob(Buffer.from("a"))).subarray(0, -1), Buffer.from("x")]),
    Malformed,
  ],
  ["no pack", Buffer.alloc(64), Malformed],
])("%s is refused", async (_, pack, kind) => {
  await expect(readPack(pack, limits)).rejects.toBeInstanceOf(kind);
});

test("a long chain of deltas, in the worst order, takes the time of one look at each", async () => {
  const chain: Buffer[] = [];
  let current = Buffer.alloc(1_000, 1);
  const bases = [current];
  for (let index = 0; index < 5_000; index++) {
    const next = Buffer.from(current);
    next.writeUInt32BE(index, 0);
    chain.unshift(
      refDelta(name(current), [
        ...varint(1_000),
        ...varint(1_000),
        4,
        ...next.subarray(0, 4),
        0b1011_0001,
        4,
        0xe4,
        3,
      ]),
    );
    bases.push(next);
    current = next;
  }
  const pack = packOf(5_001, ...chain, blob(bases[0] ?? current));
  const found = await readPack(pack, { objects: 10_000, object: 2_000, total: 20_000_000 });
  expect(found.size).toBe(5_001);
  expect(found.has(name(current).toString("hex"))).toBe(true);
});
