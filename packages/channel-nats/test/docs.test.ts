import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { streamName } from "../src/names.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/nats.md");

test("the README shows the example that is run", () => {
  const [, example = ""] = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/channel-nats/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README names every option, and no other", () => {
  const [, body = ""] = /export interface NatsOptions \{([^]*?)\n\}/.exec(read("../src/options.ts")) ?? [];
  const options = [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
  const rows = [...readme.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].map(([, cell = ""]) => cell);
  const named = rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(options.length).toBeGreaterThan(10);
  expect(named.toSorted()).toEqual(options.toSorted());
});

test("the page on NATS names every counter, and no other", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url)).map((file) => read(`../src/${file}`));
  const counted = sources.flatMap((text) => [...text.matchAll(/count\("([a-z_]+)"/g)]);
  const cells = [...page.matchAll(/^\| ((?:`[a-z]+_[a-z_]+`(?:, )?)+) \|/gm)].map(([, cell = ""]) => cell);
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(named.toSorted()).toEqual([...new Set(counted.map(([, name]) => name))].toSorted());
  expect(page).toContain(streamName);
});
