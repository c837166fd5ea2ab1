import { textOffsets, textPlace, withRaw } from "./packets.js";

/** Whole numbers from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** Numbers that follow from a seed alone (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export function pick<T>(random: Random, of: readonly T[]): T {
  const item = of[random(of.length)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

/** A change to a packet's bytes, knowing where its fields are. It may take parts of `other`, and leaves both as they are. */
export type Mutation = (random: Random, bytes: Buffer, other: Buffer) => Buffer;

const trailer = 104;
const places = Object.keys(textPlace) as (keyof typeof textPlace)[];
const edgeBytes = [0, 1, 2, 3, 4, 7, 8, 0x20, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff];
const edgeNumbers = [
  0n,
  1n,
  2n,
  3n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 64n - 1n,
];
const edgeTexts = [
  "",
  "mac1",
  "mac2",
  "mac3",
  "mac9",
  "home",
  "office",
  "../../etc/passwd",
  "__proto__",
  "a\u0000b",
  "\u001b[2J",
  "\ufeff",
  "x".repeat(64),
  "x".repeat(257),
  "é".repeat(128),
];

/** Sixteen megabits of nothing, for packets that are too large: shared, as nobody may write to what it is given. */
const large = Buffer.alloc(1_048_576);

export const mutations: Readonly<Record<string, Mutation>> = {
  flipBits(random, bytes) {
    const copy = Buffer.from(bytes);
    for (let n = 1 + random(8); n > 0; n--) {
      const at = random(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
    }
    return copy;
  },
  setBytes(random, bytes) {
    const copy = Buffer.from(bytes);
    for (let n = 1 + random(4); n > 0; n--) copy[random(copy.length)] = pick(random, edgeBytes);
    return copy;
  },
  truncate: (random, bytes) => measured(random, bytes.subarray(0, random(bytes.length))),
  extend(random, bytes, other) {
    const more = pick(random, [
      Buffer.alloc(1 + random(200)),
      other,
      bytes.subarray(random(bytes.length - 1)),
    ]);
    return measured(random, Buffer.concat([bytes, more]));
  },
  enlarge(random, bytes) {
    bytes.copy(large, 0, 0, 12);
    return large.subarray(0, 786_433 + random(100_000));
  },
  splice(random, bytes, other) {
    const head = bytes.subarray(0, random(bytes.length));
    return measured(random, Buffer.concat([head, other.subarray(random(other.length))]));
  },
  moveSlice(random, bytes) {
    const [a, b] = [random(bytes.length), random(bytes.length)].toSorted((x, y) => x - y) as [number, number];
    const rest = Buffer.concat([bytes.subarray(0, a), bytes.subarray(b)]);
    const at = random(rest.length + 1);
    return measured(random, Buffer.concat([rest.subarray(0, at), bytes.subarray(a, b), rest.subarray(at)]));
  },
  cutSlice(random, bytes) {
    const at = random(bytes.length);
    return measured(random, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(64))]));
  },
  editLength(random, bytes) {
    const copy = Buffer.from(bytes);
    const i = random(11);
    // The length of it all, a text's, or the body's.
    const [at, width] = i === 10 ? [8, 4] : [textOffsets(bytes)[i] ?? 8, i === 9 ? 4 : 2];
    const length = copy.readUIntBE(at, width) + pick(random, [-2, -1, 1, 2, 104, 255, 256, 65_000]);
    copy.writeUIntBE(Math.max(0, length) % 2 ** (8 * width), at, width);
    return copy;
  },
  setHeader(random, bytes) {
    const copy = Buffer.from(bytes);
    copy[4 + random(4)] = random(2) === 0 ? pick(random, edgeBytes) : random(256);
    return copy;
  },
  setNumber(random, bytes) {
    const copy = Buffer.from(bytes);
    copy.writeBigUInt64BE(pick(random, edgeNumbers), 28 + 8 * random(5));
    return copy;
  },
  setText: (random, bytes) => replaced(bytes, pick(random, places), Buffer.from(pick(random, edgeTexts))),
  takeText: (random, bytes, other) =>
    replaced(bytes, pick(random, places), read(other, pick(random, places))),
  swapTexts(random, bytes) {
    const [a, b] = [pick(random, places), pick(random, places)];
    return replaced(replaced(bytes, a, read(bytes, b)), b, read(bytes, a));
  },
  swapTrailer: (_, bytes, other) => Buffer.concat([bytes.subarray(0, -trailer), other.subarray(-trailer)]),
  swapSignature: (_, bytes, other) =>
    Buffer.concat([bytes.subarray(0, -trailer), other.subarray(-trailer, -40), bytes.subarray(-40)]),
  swapGate: (_, bytes, other) => Buffer.concat([bytes.subarray(0, -40), other.subarray(-40)]),
};

/** Half of the time the bytes state their length as it is now, so that the change is found deeper in. */
function measured(random: Random, bytes: Buffer): Buffer {
  if (bytes.length < 12 || random(2) === 0) return bytes;
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(copy.length, 8);
  return copy;
}

function read(bytes: Buffer, place: keyof typeof textPlace): Buffer {
  const at = textOffsets(bytes)[textPlace[place]] ?? 0;
  return place === "body"
    ? bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at))
    : bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at));
}

function replaced(bytes: Buffer, place: keyof typeof textPlace, raw: Buffer): Buffer {
  const changed = withRaw(bytes, place, raw);
  return Buffer.from(changed.buffer, changed.byteOffset, changed.length);
}
