import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson } from "../../src/api/json.js";
import { Problem } from "../../src/problem.js";

const encode = (text: string) => new TextEncoder().encode(text);

/** What the refusal says, or what was read. */
function read(input: string | Uint8Array): unknown {
  try {
    return parseJson(typeof input === "string" ? encode(input) : input);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === "bad_json") return `refused: ${thrown.message}`;
    throw thrown;
  }
}

test("JSON is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5, stringUnit: "binary" }), (text) => {
      expect(isDeepStrictEqual(parseJson(encode(text)), JSON.parse(text))).toBe(true);
    }),
  );
});

test("text that is not JSON is refused, and nothing but a refusal comes of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\u0a1 ntf')) }), (text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        expect(read(text)).toMatch(/^refused: /);
        return;
      }
      const result = read(text);
      if (typeof result !== "string" || !result.startsWith("refused")) expect(result).toEqual(value);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["at the top", '{"a":1,"a":2}'],
  ["with the same value", '{"a":1,"a":1}'],
  ["written with an escape", '{"a":1,"\\u0061":2}'],
  ["deep inside", '[0,{"x":{"y":[{"a":1,"b":{},"a":2}]}}]'],
  ["after values that look like names", '{"a":"b","b":["a",{"a":"a"}],"a":0}'],
  ["beside quotes and backslashes", '{"a\\"":"\\\\","b":"\\\\\\"","a\\"":1}'],
])("a name given twice %s is refused", (_, text) => {
  expect(read(text)).toMatch(/^refused: The name "a\\?"?.* is given twice in one object\.$/);
});

test("a name is known as given twice wherever two objects are merged into one text", () => {
  const names = fc.uniqueArray(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(names, fc.nat(), fc.json({ maxDepth: 2 }), (unique, pick, value) => {
      const member = (name: string) => `${JSON.stringify(name)}:${value}`;
      const once = `{${unique.map(member).join(",")}}`;
      expect(read(once)).toEqual(JSON.parse(once));
      const again = unique[pick % unique.length] ?? "";
      expect(read(`{${[...unique, again].map(member).join(",")}}`)).toMatch(/given twice/);
    }),
  );
});

test("the same name in neighbouring objects is no repetition", () => {
  expect(read('[{"a":1},{"a":2},{"b":{"a":1},"a":{"a":3}}]')).toEqual([
    { a: 1 },
    { a: 2 },
    { b: { a: 1 }, a: { a: 3 } },
  ]);
});

test.each([
  ["half of a surrogate pair", '{"a":"\\ud800"}', /surrogate/],
  ["the other half", '["x\\udc00y"]', /surrogate/],
  ["half of a pair in a name", '{"\\ud800":1}', /surrogate/],
  ["a byte order mark", "\uFEFF{}", /byte order mark/],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), /not valid UTF-8/],
  ["a surrogate in UTF-8", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), /not valid UTF-8/],
  ["an overlong slash", new Uint8Array([0x22, 0xc0, 0xaf, 0x22]), /not valid UTF-8/],
  ["nothing", "", /not JSON/],
  ["a trailing comma", '{"a":1,}', /not JSON/],
  ["a comment", "{}//", /not JSON/],
  ["NaN", "NaN", /not JSON/],
  ["a raw newline in a string", '"\n"', /not JSON/],
  ["33 arrays", `${"[".repeat(33)}${"]".repeat(33)}`, /more than 32 deep/],
  ["four million brackets", "[".repeat(4_000_000), /more than 32 deep/],
])("%s is refused", (_, input, reason) => {
  expect(read(input)).toMatch(/^refused: /);
  expect(read(input)).toMatch(reason);
});

test("a whole surrogate pair, escaped or not, and 32 arrays are read", () => {
  expect(read('["\\ud83d\\ude00","😀"]')).toEqual(["😀", "😀"]);
  expect(read(`${"[".repeat(32)}${"]".repeat(32)}`)).toEqual(
    JSON.parse(`${"[".repeat(32)}${"]".repeat(32)}`),
  );
});

test("a name cannot reach the prototype of anything", () => {
  const value = read('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(value as object)).toEqual(["__proto__", "constructor"]);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("a large body with many escapes is read in time that grows with its size", () => {
  const best = (size: number) => {
    const bytes = encode(JSON.stringify({ a: '\\"'.repeat(size) }));
    const times = [0, 1, 2, 3].map(() => {
      const start = performance.now();
      parseJson(bytes);
      return performance.now() - start;
    });
    return Math.min(...times);
  };
  // Eight times the size: a quadratic look would take 64 times as long.
  expect(best(800_000) / best(100_000)).toBeLessThan(32);
});
