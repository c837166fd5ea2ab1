import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { relayOutcomes } from "@multifleet/core";
import { checkOptions } from "../src/options.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/relay.md");

test("the README shows the example that is run", () => {
  const [, example = ""] = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/channel-relay/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README names every option, and no other", () => {
  const named = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys({ ...checkOptions({}), forwarder: undefined }).toSorted());
});

test("the page names every counter, and no other", () => {
  const counters = relayOutcomes.filter((outcome) => outcome !== "delivered").map((name) => `relay_${name}`);
  const named = [...page.matchAll(/^\| `(relay_[a-z_]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(counters.toSorted());
});
