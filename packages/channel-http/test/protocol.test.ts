import { maxPacketBytes, type Verdict } from "@multifleet/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeFrames,
  decodeResults,
  encodeFrames,
  encodeResults,
  maxRequestFrames,
  maxResponseBytes,
} from "../src/protocol.js";

const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 20 });
const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.record({ code: fc.constant("taken" as const), answer: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
  fc.constant({ code: "taken" as const }),
  fc.record({ code: fc.constantFrom("refused" as const, "later" as const), reason: fc.string() }),
);

test("frames are read as they were written", () => {
  fc.assert(
    fc.property(frames, (list) => {
      const read = decodeFrames(encodeFrames(list));
      expect(read).toEqual(list.map((frame) => Buffer.from(frame)));
    }),
  );
});

test("a request body is its frames and nothing else, or it is turned away whole", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const body = Buffer.from(bytes);
      const read = decodeFrames(body);
      if (Array.isArray(read)) expect(encodeFrames(read)).toEqual(body);
    }),
    { numRuns: 2_000 },
  );
});

test("no prefix of a request body passes for one, save where a frame ends", () => {
  fc.assert(
    fc.property(frames, (list) => {
      const body = encodeFrames(list);
      const ends = new Set(list.map((_, index) => encodeFrames(list.slice(0, index + 1)).length));
      for (let size = 0; size < body.length; size++)
        expect(Array.isArray(decodeFrames(body.subarray(0, size)))).toBe(ends.has(size));
    }),
    { numRuns: 50 },
  );
});

test("a frame that is announced larger than any packet is turned away, however little of it came", () => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(maxPacketBytes + 1);
  expect(decodeFrames(head)).toBe("too_large");
  expect(decodeFrames(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]))).toBe("too_large");
});

test("a request with more frames than allowed is turned away", () => {
  const most = Array.from({ length: maxRequestFrames }, () => Buffer.of(1));
  expect(decodeFrames(encodeFrames(most))).toHaveLength(maxRequestFrames);
  expect(decodeFrames(encodeFrames([...most, Buffer.of(1)]))).toBe("too_large");
});

test("results are read as they were written, for exactly as many frames", () => {
  fc.assert(
    fc.property(fc.array(verdict, { minLength: 1, maxLength: 20 }), (verdicts) => {
      const { body, dropped } = encodeResults(verdicts);
      const read = decodeResults(body, verdicts.length);
      expect(dropped).toBe(0);
      expect(read?.map(({ code }) => code)).toEqual(verdicts.map(({ code }) => code));
      for (const [index, each] of verdicts.entries())
        if (each.code === "taken") expect(read?.[index]).toEqual({ ...each, ...asBuffer(each.answer) });
      expect(decodeResults(body, verdicts.length + 1)).toBeUndefined();
      expect(decodeResults(body, verdicts.length - 1)).toBeUndefined();
      expect(decodeResults(body.subarray(1), verdicts.length)).not.toEqual(read);
    }),
  );
});

test("an answer of any bytes is results or nothing, and never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 5 }), (bytes, count) => {
      const read = decodeResults(Buffer.from(bytes), count);
      expect(read === undefined || read.length === count).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("a peer's reason can do nothing to a terminal, and is short", () => {
  const reason = `red \u001b[31m bell \u0007 turned \u202e round ${"x".repeat(10_000)}`;
  const [read] = decodeResults(encodeResults([{ code: "refused", reason }]).body, 1) ?? [];
  expect(read).toMatchObject({ code: "refused" });
  const text = read?.code === "refused" ? read.reason : "";
  expect(text).toMatch(/^red {1,2}\[31m bell .* turned .* round x+$/);
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(text.length).toBeLessThanOrEqual(256);
});

test("answers that together are too large are left out, and counted, and the frames are still taken", () => {
  const answer = Buffer.alloc(maxPacketBytes);
  const verdicts = Array.from({ length: 12 }, (): Verdict => ({ code: "taken", answer }));
  const { body, dropped } = encodeResults(verdicts);
  expect(body.length).toBeLessThanOrEqual(maxResponseBytes);
  expect(dropped).toBe(2);
  expect(decodeResults(body, 12)?.every(({ code }) => code === "taken")).toBe(true);
});

function asBuffer(answer: Uint8Array | undefined): { answer?: Buffer } {
  return answer === undefined ? {} : { answer: Buffer.from(answer) };
}
