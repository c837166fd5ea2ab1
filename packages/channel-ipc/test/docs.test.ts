import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkOptions } from "../src/options.js";
import { checkOptions as checkSuperset } from "../src/superset/options.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/channels.md");
const section = page.slice(page.indexOf("\n## ipc"), page.indexOf("\n## ", page.indexOf("\n## ipc") + 1));

test("the README shows the example that is run", () => {
  const [, example = ""] = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/channel-ipc/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README and the page on Superset show the example that is run", () => {
  const [, example = ""] =
    /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("superset/use.test.ts")) ?? [];
  expect(example).toContain("superset(");
  for (const text of [readme, read("../../../docs/superset.md")])
    expect(text).toContain(`\`\`\`ts packages/channel-ipc/test/superset/use.test.ts#use\n${example}\`\`\``);
});

test("the page on Superset names every option, and every agent that is known", () => {
  const text = read("../../../docs/superset.md");
  const named = [...text.matchAll(/^\| `(\w+)` \| .* \| .* \|$/gm)].map(([, name]) => name);
  const { agents, ...others } = checkSuperset({});
  expect(named.toSorted()).toEqual(["v1", ...Object.keys({ agents, ...others })].toSorted());
  for (const agent of agents) expect(text).toContain(`\`${agent}\``);
});

test("the README names every option, and no other", () => {
  const named = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys({ ...checkOptions({}), path: "" }).toSorted());
});

test("the page on channels names every counter, and no other", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => read(`../src/${file}`));
  const counted = sources.flatMap((text) => [...text.matchAll(/(?:count|evict)\("([a-z_]+)"/g)]);
  const named = [...section.matchAll(/^\| `([a-z]+_[a-z_]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(counted.map(([, name]) => name))].toSorted());
});
