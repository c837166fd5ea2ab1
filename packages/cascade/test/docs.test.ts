import { channelErrorCodes } from "@multifleet/core";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decisions, defaultSettings } from "../src/index.js";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("docs/cascade.md has the decision for each error code", () => {
  const health = { down: "down", suspect: "suspect", kept: "kept" };
  const rows = channelErrorCodes.map((code) => {
    const { again, mayHaveLeft, ...decision } = decisions[code];
    const cells = [`\`${code}\``, health[decision.health], again ? "yes" : "no", mayHaveLeft ? "yes" : "no"];
    return `| ${cells.join(" | ")} |`;
  });
  expect(read("docs/cascade.md")).toContain(["| --- | --- | --- | --- |", ...rows, ""].join("\n"));
});

test("the README has each setting with its default", () => {
  const readme = read("packages/cascade/README.md");
  for (const [name, value] of Object.entries(defaultSettings)) {
    expect(readme).toContain(`| \`${name}\` | ${value.toLocaleString("en")} |`);
  }
});

test("the README's example is the one that is run", () => {
  const source = read("packages/cascade/test/use.test.ts");
  const region = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(source)?.[1];
  expect(read("packages/cascade/README.md")).toContain(
    `\`\`\`ts packages/cascade/test/use.test.ts#use\n${region}\`\`\``,
  );
});

test("the decisions have no clock, no randomness, no timer and nothing else of the outside", () => {
  const directory = new URL("../src/", import.meta.url);
  for (const file of readdirSync(directory)) {
    const source = readFileSync(new URL(file, directory), "utf8");
    const imported = [...source.matchAll(/^import (type )?[^;]*? from "([^"]+)";/gm)];
    for (const [statement, type, from = ""] of imported) {
      const own = from.startsWith("./");
      expect(own || (type !== undefined && from === "@multifleet/core"), `${file}: ${statement}`).toBe(true);
    }
    // What a comment says is not done.
    const code = source.replaceAll(/\/\*[^]*?\*\/|\/\/[^\n]*/g, "");
    const outside =
      /\b(Date|Math\.random|performance|process|globalThis|crypto|console|setTimeout|setImmediate|queueMicrotask|Promise|await|require)\b/;
    expect(outside.exec(code)?.[0], file).toBeUndefined();
    expect(/\bimport\s*\(|\bsetInterval/.exec(code)?.[0], file).toBeUndefined();
  }
});
