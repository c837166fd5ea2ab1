import { readFileSync } from "node:fs";
import { compileFunction } from "node:vm";
import ts from "typescript";
import { expect, test } from "vitest";
import * as core from "../src/index.js";

test("the README's example runs, and prints what it says it does", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const { outputText } = ts.transpileModule(example, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const printed: unknown[] = [];
  const required: string[] = [];
  const run = compileFunction(outputText, ["require", "exports", "console"]);
  run(
    (name: string) => {
      required.push(name);
      return core;
    },
    {},
    { log: (line: unknown) => printed.push(line) },
  );
  expect(required).toEqual(["@multifleet/core"]);
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, line]) => line);
  expect(promised.length).toBeGreaterThan(0);
  expect(printed).toEqual(promised);
});
