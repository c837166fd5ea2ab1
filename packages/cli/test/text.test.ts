import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "../src/nearest.js";
import { Screen, red } from "../src/screen.js";
import { clip, inert, inertJson, width, wrap } from "../src/text.js";
import { sink } from "./rig.js";

// oxlint-disable-next-line no-control-regex -- these are what must be gone
const dangerous = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\u200b\ufeff]/;

test("terminal escapes become visible and can do nothing", () => {
  expect(inert("\u001b[31mred\u001b]0;title\u0007")).toBe("\\x1b[31mred\\x1b]0;title\\x07");
  expect(inert("a\r\nb\tc\u009bd\u202ee")).toBe("a\\r\\nb    c\\x9bd\\u{202e}e");
});

test("ordinary text stays as it is, with its accents, emoji and joined scripts", () => {
  for (const text of ["push the landing page", "Grüße, 東京", "👩‍👩‍👧 ok", "می‌خواهم"])
    expect(inert(text)).toBe(text);
});

test("no text of any kind leaves anything dangerous, as a line or as JSON, and JSON means the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(inert(text)).not.toMatch(dangerous);
      const json = inertJson({ text });
      expect(json).not.toMatch(dangerous);
      expect(JSON.parse(json)).toEqual({ text });
    }),
    { numRuns: 5000, seed: 8855, examples: [["\u001b\u009b\u202e\u{e0041}\n"]] },
  );
});

test("a screen lets no message colour anything, and colours only on a terminal that wants it", () => {
  const written = (env: NodeJS.ProcessEnv, terminal: boolean) => {
    const to = sink(terminal);
    new Screen(to, env).line(red("\u001b[32mno"), " plain");
    return to.text();
  };
  expect(written({}, true)).toBe("\u001b[31m\\x1b[32mno\u001b[0m plain\n");
  expect(written({}, false)).toBe("\\x1b[32mno plain\n");
  expect(written({ NO_COLOR: "1" }, true)).toBe("\\x1b[32mno plain\n");
  expect(written({ NO_COLOR: "" }, true)).toContain("\u001b[31m");
  expect(written({ TERM: "dumb" }, true)).toBe("\\x1b[32mno plain\n");
});

test("a table stands in columns whatever the width of its characters, and is clipped to the terminal", () => {
  const to = sink(true);
  new Screen(to, { NO_COLOR: "1" }).table([
    ["東京", "x".repeat(100)],
    ["a", "b"],
  ]);
  const [first = "", second = ""] = to.text().split("\n");
  expect(width(first)).toBe(80);
  expect(first.endsWith("…")).toBe(true);
  expect(second).toBe("a     b");
});

test("a terminal that does not know its width is taken to have 80 columns", () => {
  const to = { ...sink(true), columns: 0 };
  new Screen(to, {}).table([["x".repeat(100)]]);
  expect(width(to.text().trimEnd())).toBe(80);
});

test("what is no terminal gets the whole of it", () => {
  const to = sink(false);
  new Screen(to, {}).table([["a", "x".repeat(500)]]);
  expect(to.text()).toBe(`a  ${"x".repeat(500)}\n`);
});

test("text is clipped and wrapped by columns, not by units", () => {
  expect(clip("東京タワー", 5)).toBe("東京…");
  expect(clip("short", 5)).toBe("short");
  expect(wrap("aa bb cc", 5)).toEqual(["aa bb", "cc"]);
});

test("the nearest word is found by slips of the hand, and no far one is made up", () => {
  const words = ["send", "status", "summary", "dead-letters"];
  expect(
    ["sned", "statsu", "sumary", "dead", "dead-leters", "sen"].map((typed) => nearest(typed, words)),
  ).toEqual(["send", "status", "summary", "dead-letters", "dead-letters", "send"]);
  expect(nearest("zzz", words)).toBeUndefined();
  expect(nearest("s", words)).toBeUndefined();
});
