import type { Verdict } from "@multifleet/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Decoder, decodeVerdict, encode, encodeVerdict, headBytes } from "../src/stream.js";

interface Message {
  readonly id: number;
  readonly payload: Buffer;
}

const messages = fc.array(
  fc.record({
    id: fc.nat(2 ** 32 - 1),
    payload: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 12 },
);

/** What a decoder makes of a stream that comes in these chunks; undefined once it says that the stream is over. */
function decode(chunks: readonly Buffer[], maxLength = 50): Message[] | undefined {
  const read: Message[] = [];
  const decoder = new Decoder(maxLength, (id, payload) => read.push({ id, payload: Buffer.from(payload) }));
  return chunks.every((chunk) => decoder.push(chunk)) ? read : undefined;
}

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

test("messages are read as they were written, wherever the stream is cut", () => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(), { maxLength: 10 }), (list, places) => {
      const stream = Buffer.concat(list.map(({ id, payload }) => encode(id, payload)));
      expect(decode(cut(stream, places))).toEqual(list);
    }),
  );
});

test("messages are read byte by byte", () => {
  fc.assert(
    fc.property(messages, (list) => {
      const stream = Buffer.concat(list.map(({ id, payload }) => encode(id, payload)));
      expect(decode([...stream].map((byte) => Buffer.of(byte)))).toEqual(list);
    }),
  );
});

test("a message that is announced too long ends the stream, behind those that came before it", () => {
  fc.assert(
    fc.property(
      messages,
      fc.integer({ min: 51, max: 2 ** 32 - 1 }),
      fc.array(fc.nat()),
      (list, length, places) => {
        const head = Buffer.alloc(headBytes);
        head.writeUInt32BE(length);
        const stream = Buffer.concat([...list.map(({ id, payload }) => encode(id, payload)), head]);
        const read: Message[] = [];
        const decoder = new Decoder(50, (id, payload) => read.push({ id, payload: Buffer.from(payload) }));
        const results = cut(stream, places).map((chunk) => decoder.push(chunk));
        expect(results).toContain(false);
        expect(read.slice(0, list.length)).toEqual(list);
      },
    ),
  );
});

test("a message that is too long is not read, even if all of it is there", () => {
  expect(decode([encode(1, Buffer.alloc(50))])).toHaveLength(1);
  expect(decode([encode(1, Buffer.alloc(51))])).toBeUndefined();
});

test("what was announced and has not come takes no memory", () => {
  const decoder = new Decoder(1_000_000, () => undefined);
  const whole = encode(1, Buffer.alloc(1_000_000));
  decoder.push(whole.subarray(0, 1_000));
  expect(decoder.isPartial).toBe(true);
  expect(decoder.held).toBeLessThanOrEqual(2_000);
  decoder.push(whole.subarray(1_000));
  expect(decoder.isPartial).toBe(false);
  expect(decoder.held).toBe(0);
});

test("a verdict is read as it was written", () => {
  const verdicts: Verdict[] = [
    { code: "taken" },
    { code: "taken", answer: Buffer.from("receipt") },
    { code: "refused", reason: "not for this fleet" },
    { code: "later", reason: "the disk is full" },
  ];
  for (const verdict of verdicts)
    expect(decodeVerdict(encodeVerdict(7, verdict).subarray(headBytes))).toEqual(verdict);
});

test("any bytes are a verdict or none, and a reason among them can do nothing to a terminal", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const verdict = decodeVerdict(Buffer.from(bytes));
      expect(verdict === undefined).toBe(bytes.length === 0 || (bytes[0] ?? 0) > 2);
      if (verdict !== undefined && verdict.code !== "taken")
        expect(verdict.reason).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }),
    { numRuns: 2_000 },
  );
});
