import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkOptions } from "../src/options.js";
import { remedy } from "../src/packet.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/channels.md");
const section = page.slice(page.indexOf("\n## wol"), page.indexOf("\n## ", page.indexOf("\n## wol") + 1));

test("the README shows the example that is run", () => {
  const [, example = ""] = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/channel-wol/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README names every option, and no other", () => {
  const named = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys(checkOptions({})).toSorted());
});

test("the README says of node-wol that it is optional, whose licence it has, and how to have it", () => {
  const { dependencies, optionalDependencies } = JSON.parse(read("../package.json"));
  expect(Object.keys(dependencies)).toEqual(["@multifleet/core"]);
  expect(Object.keys(optionalDependencies)).toEqual(["node-wol"]);
  for (const words of ["GPL-2.0", "optional", "npm install node-wol"]) expect(readme).toContain(words);
  expect(remedy).toContain("npm install node-wol");
});

test("the page on channels names every counter, and no other", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url)).map((file) => read(`../src/${file}`));
  const counted = sources.flatMap((text) => [
    ...[...text.matchAll(/count\("([a-z_]+)"/g)].map(([, name]) => name),
    ...[...text.matchAll(/count\(ok \? "([a-z_]+)" : "([a-z_]+)"/g)].flatMap(([, ...names]) => names),
  ]);
  const named = [...section.matchAll(/^\| `([a-z]+_[a-z_]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(counted)].toSorted());
});
