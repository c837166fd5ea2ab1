import fc from "fast-check";
import { expect, test } from "vitest";
import { fleetId, isFleetId, isNodeId, isPacketId, newPacketId, nodeId, packetId } from "../src/index.js";

const hostile = [
  "",
  ".",
  "..",
  "../etc",
  "a/b",
  "a\\b",
  "a.b",
  "-a",
  "a-",
  "--upload-pack=x",
  "a b",
  "a\u0000",
  "a\n",
  "\na",
  "%2e%2e",
  "a*",
  "a>",
  "$JS",
  "ａ",
  "ä",
  "．．",
  "a\u202eb",
  "a".repeat(300),
];

test("a node's name is a lower-case DNS label, and no other text is", () => {
  for (const good of ["a", "0", "mac2", "dev-box-3", "xn--bcher-kva", "a".repeat(63), "constructor"]) {
    expect(isNodeId(good), good).toBe(true);
    expect(nodeId(good)).toBe(good);
    expect(fleetId(good)).toBe(good);
  }
  for (const bad of [...hostile, "Mac2", "a_b", "__proto__", "a".repeat(64)]) {
    expect(isNodeId(bad), JSON.stringify(bad)).toBe(false);
    expect(isFleetId(bad), JSON.stringify(bad)).toBe(false);
    expect(() => nodeId(bad)).toThrow(TypeError);
    expect(() => fleetId(bad)).toThrow(TypeError);
  }
});

test("no node is named like the address of all nodes or like a device of Windows", () => {
  for (const taken of ["all", "con", "prn", "aux", "nul", "com0", "com9", "lpt0", "lpt9"]) {
    expect(isNodeId(taken), taken).toBe(false);
    expect(isFleetId(taken), taken).toBe(false);
    expect(isNodeId(`${taken}-1`), taken).toBe(true);
    expect(isNodeId(`a${taken}`), taken).toBe(true);
  }
});

test("a packet's name has 1 to 64 letters, digits, hyphens and underscores, and begins with no sign", () => {
  for (const good of ["a", "Z9", "a_b-c", "0".repeat(64)]) expect(packetId(good)).toBe(good);
  for (const bad of [...hostile.filter((text) => text !== "a-"), "_a", "__proto__", "a".repeat(65)]) {
    expect(isPacketId(bad), JSON.stringify(bad)).toBe(false);
    expect(() => packetId(bad)).toThrow(TypeError);
  }
});

test("what is not text names nothing", () => {
  for (const value of [undefined, null, 1, {}, ["mac2"], { toString: () => "mac2" }, Symbol("mac2")]) {
    expect([isNodeId(value), isFleetId(value), isPacketId(value)]).toEqual([false, false, false]);
  }
});

test("a name is safe as a path, a subject, a ref, a host and an argument, whatever text is tried", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
      if (isNodeId(text)) expect(text).toMatch(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
      if (isPacketId(text)) expect(text).toMatch(/^[A-Za-z0-9][\w-]*$/);
    }),
  );
});

test("new packet ids are valid, differ, and sort by their time", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 48 - 1), fc.nat(2 ** 48 - 1), (a, b) => {
      const [first, second] = [newPacketId(a), newPacketId(b)];
      expect(isPacketId(first)).toBe(true);
      expect(first).toHaveLength(26);
      expect(first).not.toBe(second);
      if (Math.floor(a) !== Math.floor(b)) expect(first < second).toBe(a < b);
    }),
  );
  expect(new Set(Array.from({ length: 10_000 }, () => newPacketId(0))).size).toBe(10_000);
});
