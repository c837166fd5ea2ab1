import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkOptions } from "../src/options.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/ssh.md");

test("the README shows the example that is run", () => {
  const [, region = ""] =
    / {2}\/\/ #region use\n([^]*?) {2}\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  const example = region.replace(/^ {2}/gm, "").replace("// import", "import");
  expect(readme).toContain(`\`\`\`ts packages/channel-ssh/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README names every option, and no other", () => {
  const named = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys(checkOptions({})).toSorted());
});

test("the page names every counter, and no other", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url)).map((file) => read(`../src/${file}`));
  const counted = sources.flatMap((text) => [...text.matchAll(/\bcount\("([a-z_]+)"\)/g)]);
  const named = [...page.matchAll(/^\| `([a-z]+_[a-z_]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(counted.map(([, name]) => name))].toSorted());
});
