import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Fleet } from "./fleet.js";
import { checkOptions } from "../src/options.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/git.md");

test("the README shows the example that is run", () => {
  const [, example = ""] = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/channel-git/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README names every option, and no other", async () => {
  const cover = (await Fleet.of("alpha")).cover("alpha");
  const named = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  const settings = checkOptions({ remote: "/srv/mail.git", directory: "/nowhere", cover });
  expect(named.toSorted()).toEqual(Object.keys(settings).toSorted());
});

test("the page on git names every counter, and no other", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url)).map((file) => read(`../src/${file}`));
  const counted = sources.flatMap((text) => [...text.matchAll(/(?:count\(|#fail\(.*, )"([a-z_]+)"/g)]);
  const named = [...page.matchAll(/^\| `([a-z]+_[a-z_]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(counted.map(([, name]) => name))].toSorted());
});
