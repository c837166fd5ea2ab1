// `npm test [-- --only vitest,lint | --skip packages | --list]`: sets everything up, then runs every check there is.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkNode, root, run, runInstalled, setUp } from "./setup.mjs";

/**
 * @typedef {object} Step
 * @property {string} name for `--only` and `--skip`
 * @property {string} proves
 * @property {string} [needs] a file of the checkout without which the step fails
 * @property {() => Promise<{ code: number, output: string }>} run
 */

/** @type {(script: string, args?: string[]) => () => ReturnType<typeof run>} */
const node =
  (script, args = []) =>
  () =>
    run(process.execPath, [join(root, script), ...args], { show: true });

/** @type {Step[]} */
const steps = [
  {
    name: "format",
    proves: "the code has its one format",
    run: () => runInstalled("oxfmt/bin/oxfmt", ["--check", "."]),
  },
  {
    name: "lint",
    proves: "no rule is broken",
    run: () => runInstalled("oxlint/bin/oxlint", ["--deny-warnings"]),
  },
  {
    name: "types",
    proves: "tests and scripts fit the packages",
    run: () => runInstalled("typescript/bin/tsc", ["-b"]),
  },
  {
    name: "dead",
    proves: "no export, file or dependency is left over",
    run: () => runInstalled("knip/bin/knip.js", []),
  },
  {
    name: "vitest",
    proves: "the tests pass",
    run: () => runInstalled("vitest/vitest.mjs", ["run"], { show: true }),
  },
  {
    name: "lab",
    proves: "between hosts, whatever is cut, killed or slow, all arrives once",
    run: node("lab/run.mjs"),
  },
  {
    name: "channel",
    proves: "a channel of a third party works",
    needs: "examples/custom-channel/check.mjs",
    run: node("examples/custom-channel/check.mjs"),
  },
  { name: "packages", proves: "what would be published is right", run: node("scripts/check-packages.mjs") },
  {
    name: "consumer",
    proves: "another app can embed a node",
    needs: "examples/consumer/check.mjs",
    run: node("examples/consumer/check.mjs"),
  },
];

const list = { type: /** @type {const} */ ("string"), default: "" };
const { values } = parseArgs({
  options: { only: list, skip: list, list: { type: "boolean", default: false } },
});
const only = names(values.only);
const skip = names(values.skip);
const chosen = steps.filter(({ name }) => (only.length === 0 || only.includes(name)) && !skip.includes(name));

if (values.list) {
  for (const { name, proves } of steps) console.log(`${name.padEnd(10)}${proves}`);
  process.exit(0);
}

checkNode();
if (!(await setUp())) process.exit(1);

/** @type {string[]} */
const failures = [];
for (const step of chosen) {
  const start = performance.now();
  const code = await check(step);
  if (code !== 0) failures.push(step.name);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${code === 0 ? "ok    " : "FAILED"} ${step.name.padEnd(10)} ${seconds.padStart(6)} s  ${step.proves}`,
  );
}
if (failures.length > 0)
  console.log(`Failed: ${failures.join(", ")}. Again alone: npm test -- --only ${failures.join(",")}`);
const left = steps.length - chosen.length;
console.log(
  `${chosen.length - failures.length} passed, ${failures.length} failed${left > 0 ? `, ${left} not asked for` : ""}`,
);
process.exitCode = failures.length > 0 ? 1 : 0;

/** @param {Step} step */
async function check(step) {
  if (step.needs !== undefined && !existsSync(join(root, step.needs))) {
    console.error(`${step.needs} does not exist.`);
    return 1;
  }
  const { code, output } = await step.run();
  if (code !== 0) process.stderr.write(output);
  return code;
}

/**
 * The steps that an option names.
 *
 * @param {string} option
 */
function names(option) {
  const found = option.split(",").filter((name) => name !== "");
  const unknown = found.find((name) => !steps.some((step) => step.name === name));
  if (unknown === undefined) return found;
  console.error(`There is no step "${unknown}"; there are ${steps.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
