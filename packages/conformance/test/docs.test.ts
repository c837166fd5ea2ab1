import { readFileSync } from "node:fs";
import { channelErrorCodes } from "@multifleet/core";
import { expect, test } from "vitest";
import { cases } from "../src/index.js";

const root = new URL("../../../", import.meta.url);
const pages = [
  "docs/writing-a-channel.md",
  "packages/conformance/README.md",
  "packages/channel-memory/README.md",
];

function read(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

/** What a page shows: a whole file, a region of one, or a type that it declares, with its comment. */
function shown(source: string): string {
  const [path = "", name] = source.split("#");
  const text = read(path);
  if (name === undefined) return text.trim();
  const region = new RegExp(`^ *// #region ${name}\n([^]*?)^ *// #endregion ${name}$`, "m").exec(text)?.[1];
  const declared = new RegExp(
    `^/\\*\\*(?:(?!\\*/)[^])*\\*/\nexport (?:interface ${name}\\b[^]*?^}|type ${name}\\b[^]*?;)$`,
    "m",
  );
  const found = region ?? declared.exec(text)?.[0];
  if (found === undefined) throw new Error(`${path} has neither a region nor a type ${name}`);
  return dedent(found).trim();
}

function dedent(text: string): string {
  const lines = text.split("\n");
  const depths = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)?.[0].length ?? 0);
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(depth)).join("\n");
}

for (const page of pages) {
  const blocks = [...read(page).matchAll(/^```(?:js|ts|json) (\S+)\n([^]*?)^```$/gm)];

  test(`${page} shows code that is compiled and run elsewhere`, () => {
    expect(blocks.length).toBeGreaterThan(0);
    for (const [, source = "", code = ""] of blocks) expect(code.trim(), source).toBe(shown(source));
  });

  test(`${page} has no program of its own`, () => {
    expect(read(page)).not.toMatch(/^```(js|ts)$/m);
  });
}

test("the guide lists every case, with what it says of a channel", () => {
  const rows = cases.map(({ id, holds }) => `| \`${id}\` | ${holds} |`);
  expect(read("docs/writing-a-channel.md")).toContain(["| --- | --- |", ...rows, ""].join("\n"));
});

test("the guide says of every error code when to use it", () => {
  const named = [...read("docs/writing-a-channel.md").matchAll(/^\| `([A-Z_]+)` \|/gm)].map(
    ([, code]) => code,
  );
  expect(named).toEqual([...channelErrorCodes]);
});
