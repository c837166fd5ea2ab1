import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { countersReference } from "../src/counters-reference.js";
import { counterTable } from "../src/counters.js";

test("docs/counters.md is what the table says (renew it with `npx vitest run packages/daemon/test/counters.test.ts -u`)", async () => {
  await expect(countersReference()).toMatchFileSnapshot("../../../docs/counters.md");
});

test("every counter of the table is moved somewhere in the sources", () => {
  const sources = textOf(join(import.meta.dirname, "../src"), "counters.ts");
  expect(Object.keys(counterTable).filter((name) => !sources.includes(`"${name}"`))).toEqual([]);
});

function textOf(directory: string, but: string): string {
  return readdirSync(directory)
    .filter((name) => name !== but)
    .map((name) => join(directory, name))
    .map((path) => (statSync(path).isDirectory() ? textOf(path, but) : readFileSync(path, "utf8")))
    .join("\n");
}
