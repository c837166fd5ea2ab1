import fc from "fast-check";
import { expect, test } from "vitest";
import { contentFault, decodeContent, encodeContent, maxBodyBytes, maxSubjectBytes } from "../src/index.js";

const limits = [
  ["subject", maxSubjectBytes],
  ["body", maxBodyBytes],
] as const;

for (const [field, limit] of limits) {
  test(`a ${field} of exactly ${limit} bytes is carried, one byte more is refused with the limit`, () => {
    // One, two, three and four bytes to the character, and the limit in the middle of the last one.
    for (const [character, width] of [
      ["a", 1],
      ["é", 2],
      ["€", 3],
      ["𝄞", 4],
    ] as const) {
      const full = character.repeat(limit / width) + "a".repeat(limit % width);
      const content = { subject: "", body: "", [field]: full };
      expect(decodeContent(encodeContent(content))).toEqual(content);
      for (const over of [`${full}a`, `${full}é`, `${full}𝄞`, `${"a".repeat(limit - 1)}é`]) {
        const bytes = Buffer.byteLength(over);
        const refused = { ...content, [field]: over };
        expect(contentFault(refused)).toEqual({ field, fault: "TOO_LARGE", bytes, limit });
        expect(() => encodeContent(refused)).toThrow(TypeError);
      }
    }
  });

  test(`a lone surrogate in the ${field} is refused, not replaced`, () => {
    for (const text of ["\ud800", "a\udc00b", "\udc00\ud800", "x\ud83d"]) {
      const content = { subject: "", body: "", [field]: text };
      expect(contentFault(content)).toEqual({ field, fault: "NOT_UTF8" });
      expect(() => encodeContent(content)).toThrow(TypeError);
    }
  });
}

test("content over its limits is refused by the reader too", () => {
  const bytes = encodeContent({ subject: "s".repeat(maxSubjectBytes), body: "b".repeat(maxBodyBytes) });
  expect(decodeContent(bytes)).toBeDefined();
  expect(decodeContent(Buffer.concat([bytes, Buffer.from("b")]))).toBeUndefined();
  const longSubject = Buffer.alloc(2 + maxSubjectBytes + 1, "s");
  longSubject.writeUInt16BE(maxSubjectBytes + 1);
  expect(decodeContent(longSubject)).toBeUndefined();
});

test("content comes back as it went in", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (subject, body) => {
      expect(decodeContent(encodeContent({ subject, body }))).toEqual({ subject, body });
    }),
  );
  for (const text of ["__proto__", '{"__proto__":1}', "\ufeffwith a mark", "\u0000", "\u001b[31m", "\r\n"]) {
    expect(decodeContent(encodeContent({ subject: text, body: text }))).toEqual({
      subject: text,
      body: text,
    });
  }
});

test("any bytes are read as content that gives the same bytes, or not at all", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, short) => {
      if (short && bytes.length > 0) bytes[0] = 0;
      if (short && bytes.length > 1) bytes[1] = (bytes[1] ?? 0) % 64;
      const content = decodeContent(bytes);
      if (content !== undefined) expect(encodeContent(content)).toEqual(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test("a body of bytes that are no UTF-8 is not content", () => {
  for (const hex of ["0000ff", "0000c080", "0000eda080", "0000f09d84", "0001ff", "000261", "", "00"]) {
    expect(decodeContent(Buffer.from(hex, "hex")), hex).toBeUndefined();
  }
});
