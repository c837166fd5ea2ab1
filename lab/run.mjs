// `npm run lab [-- F7 F12 --full --list]`, as root: several hosts on this machine, real servers and daemons, faults injected.
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { findProgram, obstacle } from "./kernel.mjs";
import { Report } from "./report.mjs";

/**
 * A case: what it shows, what it needs on this machine, and how it is run. It throws, or returns rows of which each says what was found.
 *
 * @typedef {{ title: string, needs?: readonly string[], run(lab: { full: boolean }): Promise<readonly import("./report.mjs").Row[]> }} Case
 */

const { values, positionals } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

const directory = new URL("cases/", import.meta.url);
/** @type {Map<string, Case>} */
const cases = new Map();
for (const file of readdirSync(directory).toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })))
  cases.set(file.replace(/\.mjs$/, ""), (await import(new URL(file, directory).href)).default);

const chosen = positionals.length === 0 ? [...cases.keys()] : positionals;
const unknown = chosen.find((name) => !cases.has(name));
if (unknown !== undefined) {
  console.error(`There is no case "${unknown}"; there are ${[...cases.keys()].join(", ")}.`);
  process.exit(2);
}
if (values.list) {
  for (const [name, { title }] of cases) console.log(`${name.padEnd(18)}${title}`);
  process.exit(0);
}

const reason = obstacle();
if (reason !== undefined) {
  console.log(`skipped: every case of the lab: ${reason}`);
  // A build that counts never passes by skipping.
  process.exit(process.env["MULTIFLEET_REQUIRE"] === undefined ? 0 : 1);
}

const report = new Report(values.json);
for (const name of chosen) {
  const each = cases.get(name);
  if (each === undefined) continue;
  const missing = (each.needs ?? []).filter((program) => findProgram(program) === undefined);
  if (missing.length > 0) report.skip(name, each.title, `${missing.join(" and ")} not installed`);
  else await report.take(name, each.title, () => each.run({ full: values.full }));
}
report.end();
process.exitCode = report.failed ? 1 : 0;
