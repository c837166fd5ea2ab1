import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const fixtures = "lint/test/fixtures";
const oxlint = join(dirname(createRequire(import.meta.url).resolve("oxlint/package.json")), "bin/oxlint");

interface Finding {
  readonly code: string;
  readonly message: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

/** Lints by the rules of the repository; a fixture, which these ignore, only where it is named. */
function lint(paths: readonly string[], config = ".oxlintrc.json"): Finding[] {
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, "-f", "json", "-c", config, ...paths], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (!stdout.startsWith("{")) throw new Error(`oxlint did not answer: ${stdout}${stderr}`);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Finding[] };
  const crash = diagnostics.find(({ message }) => message.startsWith("Error running JS plugin"));
  if (crash !== undefined) throw new Error(crash.message);
  return diagnostics;
}

/** The lines that a fixture marks: `BAD` is the line itself, `BAD-1` the line before. */
function marked(path: string): number[] {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const mark = /\bBAD(-1)?$/.exec(line);
    return mark === null ? [] : [index + 1 - (mark[1] === undefined ? 0 : 1)];
  });
}

function linesOf(findings: readonly Finding[]): number[] {
  const lines = findings.map((finding) => finding.labels[0]?.span.line ?? 0);
  return [...new Set(lines)].toSorted((a, b) => a - b);
}

for (const rule of ["no-silent-catch", "no-polling"])
  for (const kind of ["bad", "good", "directives"])
    test(`${rule} reports the marked lines of its ${kind} examples and no others`, () => {
      const path = `${fixtures}/${rule}/${kind}.ts`;
      const findings = lint([path], `${fixtures}/oxlintrc.json`);
      const ours = findings.filter(({ code }) => code === `multifleet(${rule})`);
      expect(linesOf(ours)).toEqual(marked(path));
    });

test("a promise left to itself, misused or not awaited is found by its type", () => {
  const path = `${fixtures}/types/bad.ts`;
  const findings = lint([path], `${fixtures}/oxlintrc.json`);
  expect(linesOf(findings)).toEqual(marked(path));
});

test("nothing in this repository breaks a rule of its own", () => {
  const findings = lint(["."]).filter(({ code }) => code.startsWith("multifleet("));
  expect(
    findings.map(({ filename, labels, message }) => `${filename}:${labels[0]?.span.line} ${message}`),
  ).toEqual([]);
});

test("no comment switches off a rule of ours, or any other rule without a reason", () => {
  const files = spawnSync(process.execPath, [oxlint, "--debug=files"], {
    cwd: root,
    encoding: "utf8",
  }).stdout;
  const comment = /\/[/*].*(?:(?:ox|es)lint-disable|@ts-(?:ignore|expect-error|nocheck)).*/;
  const refused = files.split("\n").flatMap((file) => {
    if (file === "" || file === "lint/test/rules.test.ts") return [];
    const lines = readFileSync(join(root, file), "utf8").split("\n");
    return lines.flatMap((line, index) => {
      const found = comment.exec(line)?.[0];
      if (found === undefined) return [];
      const reasoned = / -- \S+ \S+/.test(found) || /@ts-expect-error \S+ \S+/.test(found);
      const named = /disable\S* +[a-z]/.test(found) || found.includes("@ts-expect-error");
      return reasoned && named && !found.includes("multifleet/")
        ? []
        : [`${file}:${index + 1} ${line.trim()}`];
    });
  });
  expect(files).toContain("lint/plugin.js");
  expect(refused).toEqual([]);
});
