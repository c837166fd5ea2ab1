import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeRelayAnswer,
  decodeRelayRequest,
  encodeRelayAnswer,
  encodeRelayRequest,
  maxPacketBytes,
  relayOutcomes,
  relayOverheadBytes,
  seal,
  type RelayAnswer,
  type RelayRequest,
} from "../src/index.js";
import { gate, mac1, mac2, mac3, member, packet } from "./packets.js";

const bytes = fc.uint8Array({ maxLength: 60 });
const anyRequest: fc.Arbitrary<RelayRequest> = fc.record({
  hops: fc.constantFrom(0, 1, 2),
  ask: fc.constantFrom("carry", "keep"),
  target: fc.constantFrom(mac1, mac2, mac3),
  packet: fc.uint8Array({ minLength: 1, maxLength: 60 }),
});
const anyAnswer: fc.Arbitrary<RelayAnswer> = fc
  .record({
    outcome: fc.constantFrom(...relayOutcomes),
    reason: fc.stringMatching(/^[a-z][a-z_]{0,63}$/),
    beyond: fc.constantFrom<RelayAnswer["beyond"]>("", mac1, mac2),
    answer: bytes,
  })
  .map((drawn) => {
    const good = drawn.outcome === "delivered" || drawn.outcome === "stored";
    const answer = drawn.outcome === "delivered" ? drawn.answer : new Uint8Array();
    return { ...drawn, answer, reason: good ? "" : drawn.reason };
  });

test("requests and answers are read as they were written", () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      expect(decodeRelayRequest(encodeRelayRequest(request))).toEqual(request);
    }),
  );
  fc.assert(
    fc.property(anyAnswer, (answer) => {
      expect(decodeRelayAnswer(encodeRelayAnswer(answer))).toEqual(answer);
    }),
  );
});

test("there is one way to write each: whatever is read is written again as the same bytes", () => {
  const junk = fc.oneof(
    bytes,
    fc
      .tuple(
        fc.oneof(anyRequest.map(encodeRelayRequest), anyAnswer.map(encodeRelayAnswer)),
        fc.nat(),
        fc.nat(255),
      )
      .map(([body, at, byte]) =>
        Uint8Array.from(body, (old, index) => (index === at % body.length ? byte : old)),
      ),
  );
  fc.assert(
    fc.property(junk, (body) => {
      const [request, answer] = [decodeRelayRequest(body), decodeRelayAnswer(body)];
      if (request !== undefined) expect(encodeRelayRequest(request)).toEqual(body);
      if (answer !== undefined) expect(encodeRelayAnswer(answer)).toEqual(body);
    }),
    { numRuns: 2_000 },
  );
});

test("a byte too few or too many, a hop too many, an unknown ask, a stranger's name: none of them is read", () => {
  const good = encodeRelayRequest({ hops: 2, ask: "carry", target: mac2, packet: Uint8Array.of(7) });
  expect(decodeRelayRequest(good)).toBeDefined();
  expect(decodeRelayRequest(good.subarray(0, -1))).toBeUndefined();
  expect(decodeRelayRequest(Uint8Array.from([...good, 0]))).toBeUndefined();
  for (const [at, byte] of [
    [0, 3],
    [1, 0],
    [1, 3],
    [4, 0x2f],
  ] as const) {
    expect(
      decodeRelayRequest(Uint8Array.from(good, (old, index) => (index === at ? byte : old))),
    ).toBeUndefined();
  }
  expect(decodeRelayRequest(new Uint8Array())).toBeUndefined();
  expect(decodeRelayAnswer(new Uint8Array())).toBeUndefined();
});

test("what cannot be read cannot be written", () => {
  const request = { hops: 2, ask: "carry", target: mac2, packet: Uint8Array.of(7) } as const;
  expect(() => encodeRelayRequest({ ...request, hops: 3 })).toThrow(TypeError);
  expect(() => encodeRelayRequest({ ...request, packet: new Uint8Array() })).toThrow(TypeError);
  const answer = { outcome: "refused", reason: "hops", beyond: "", answer: new Uint8Array() } as const;
  expect(() => encodeRelayAnswer({ ...answer, reason: "" })).toThrow(TypeError);
  expect(() => encodeRelayAnswer({ ...answer, answer: Uint8Array.of(1) })).toThrow(TypeError);
});

test("the largest packet that may be relayed fits into one with the longest names", () => {
  const node = "n".repeat(63) as typeof mac1;
  const inner = new Uint8Array(maxPacketBytes - relayOverheadBytes);
  const body = encodeRelayRequest({ hops: 2, ask: "carry", target: node, packet: inner });
  const { signer } = member("mac1");
  const longest = {
    ...packet({ kind: "relay", type: "relay", seq: 0, base: 0, prev: 0, session: "", key: "", body }),
    ...{ fleet: "f".repeat(63), from: node, to: node, id: "i".repeat(64), replyTo: "r".repeat(64) },
  } as ReturnType<typeof packet>;
  expect(seal(longest, { gate, signer }).bytes.length).toBeLessThanOrEqual(maxPacketBytes);
});
