import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checksum } from "../src/checksum.js";
import { bytes, codec, flag, list, number, oneOf, record, text } from "../src/codec.js";

const sample = codec(
  record({ a: text(), b: number, c: flag, d: bytes, e: oneOf("one", "two"), f: list(record({ g: text() })) }),
);
const values = fc.record({
  a: fc.string({ unit: "grapheme", maxLength: 100 }),
  b: fc.oneof(fc.maxSafeNat(), fc.double({ noNaN: true })),
  c: fc.boolean(),
  d: fc.uint8Array({ maxLength: 300 }),
  e: fc.constantFrom("one" as const, "two" as const),
  f: fc.array(fc.record({ g: fc.string({ maxLength: 60 }) }), { maxLength: 5 }),
});

test("a record is read as it was written, whatever it holds", () => {
  fc.assert(
    fc.property(fc.string(), values, (key, value) => {
      expect(sample.decode(key, sample.encode(key, value))).toEqual(value);
    }),
  );
});

test("a record with one flipped bit, cut short, or under another key is refused", () => {
  fc.assert(
    fc.property(fc.string(), values, fc.nat(), (key, value, at) => {
      const whole = sample.encode(key, value);
      const flipped = Buffer.from(whole);
      const bit = at % (whole.length * 8);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      for (const [under, damaged] of [
        [key, flipped],
        [key, whole.subarray(0, at % whole.length)],
        [`${key}.`, whole],
      ] as const)
        expect(() => sample.decode(under, damaged)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    }),
  );
});

test("a large record is written whole after small ones", () => {
  const large = {
    a: "é".repeat(500_000),
    b: 1,
    c: true,
    d: new Uint8Array(600_000).fill(3),
    e: "two",
    f: [],
  } as const;
  const small = { ...large, a: "", d: new Uint8Array() };
  for (const value of [small, large, small])
    expect(sample.decode("k", sample.encode("k", value))).toEqual(value);
});

test("the checksum is zlib's, over the key's letters and the bytes, long or short", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary-ascii", maxLength: 80 }),
      fc.uint8Array({ maxLength: 200 }),
      (key, data) => {
        expect(checksum(key, data)).toBe(crc32(data, crc32(key)));
      },
    ),
  );
  // Letters beyond Latin-1 count too.
  expect(checksum("ā", new Uint8Array())).not.toBe(checksum("\u0001", new Uint8Array()));
});
