// Checks every package as it would be published: contents, manifest, README, types, and what core weighs.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withTarballs } from "./pack.mjs";
import { root, runInstalled } from "./setup.mjs";

const headings = ["Use", "Options", "What it promises", "When not to use it", "Dependencies"];
const shipped =
  /^(package\.json|README\.md|LICENSE|bin\/[\w-]+\.js|vectors\/packets\.json|dist\/[\w./-]+\.(js|js\.map|d\.ts))$/;
const licence = readFileSync(join(root, "LICENSE"), "utf8");

/** @param {import("./pack.mjs").Tarball} tarball */
async function faults({ filename, name, files }) {
  /** @type {string[]} */
  const found = [];
  const paths = files.map(({ path }) => path);
  const read = (/** @type {string} */ path) => {
    if (paths.includes(path)) return inTarball(filename, path);
    found.push(`${path} is missing`);
    return "";
  };
  const manifest = JSON.parse(read("package.json"));
  found.push(
    ...contentFaults(paths, read, manifest),
    ...manifestFaults(manifest),
    ...readmeFaults(read("README.md")),
  );
  if (read("LICENSE") !== licence) found.push("LICENSE is not that of the repository");

  const publint = await runInstalled("publint/src/cli.js", ["run", filename, "--strict"]);
  if (publint.code !== 0) found.push(publint.output.trim());
  if (manifest.exports !== undefined) {
    const types = ["--profile", "esm-only", "--no-definitely-typed", "--no-color", "--no-emoji"];
    const attw = await runInstalled("@arethetypeswrong/cli/dist/index.js", [filename, ...types]);
    if (attw.code !== 0) found.push(attw.output.trim());
  }
  return found.map((fault) => `${name}: ${fault}`);
}

/**
 * @param {string} tarball
 * @param {string} path
 */
function inTarball(tarball, path) {
  return execFileSync("tar", ["-xzOf", tarball, `package/${path}`], { encoding: "utf8", maxBuffer: 1 << 26 });
}

/**
 * @param {string[]} paths
 * @param {(path: string) => string} read
 * @param {any} manifest
 */
function contentFaults(paths, read, manifest) {
  const found = paths
    .filter((path) => !shipped.test(path))
    .map((path) => `${path} does not belong in the tarball`);
  for (const path of paths.filter((each) => each.endsWith(".js.map"))) {
    const { sources, sourcesContent = [] } = JSON.parse(read(path));
    if (sources.length !== sourcesContent.length) found.push(`${path} points to sources that are not there`);
  }
  for (const path of paths.filter((each) => each.startsWith("dist/") && each.endsWith(".js"))) {
    const source = join(
      root,
      manifest.repository.directory,
      path.replace(/^dist/, "src").replace(/\.js$/, ".ts"),
    );
    if (!existsSync(source)) found.push(`${path} has no source any more: remove dist and build again`);
  }
  const named = [...Object.values(manifest.bin ?? {}), ...Object.values(manifest.exports ?? {}).map(entry)];
  for (const path of named.flat())
    if (!paths.includes(path.replace(/^\.\//, "")))
      found.push(`${path} is named in package.json, and not there`);
  return found;
}

/** The files of an entry that a user of the package meets. @param {any} target */
function entry(target) {
  return typeof target === "string" ? [target] : [target.types, target.default];
}

/** @param {any} manifest */
function manifestFaults(manifest) {
  /** @type {[string, boolean][]} */
  const checks = [
    ["description", manifest.description?.length > 20],
    ["license", manifest.license === "MIT"],
    ["repository", manifest.repository?.url?.startsWith("git+https://") && manifest.repository.directory],
    ["engines.node", manifest.engines?.node === ">=20.20"],
    ["type", manifest.type === "module"],
    ["sideEffects", manifest.sideEffects === false],
    ["publishConfig.provenance", manifest.publishConfig?.provenance === true],
    ["publishConfig.access", manifest.publishConfig?.access === "public"],
    [
      "scripts",
      !Object.keys(manifest.scripts ?? {}).some((name) => /install|prepare|publish|pack/.test(name)),
    ],
    ["private", manifest.private === undefined],
    ["dependencies", !/workspace:|link:|file:/.test(JSON.stringify(manifest.dependencies ?? {}))],
  ];
  return checks.filter(([, right]) => !right).map(([field]) => `package.json has a wrong ${field}`);
}

/** @param {string} readme */
function readmeFaults(readme) {
  const prose = readme.replaceAll(/^```[^]*?^```$/gm, "");
  const found = [...prose.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  const claim = /^# .+\n\n[A-Z`].+/.test(prose);
  const right = claim && found.join() === headings.join();
  return right
    ? []
    : [`README.md must have a title, a one-sentence claim, and the headings ${headings.join(", ")}`];
}

const found = await withTarballs(async (tarballs) => {
  const all = [];
  for (const tarball of tarballs) all.push(...(await faults(tarball)));
  console.log(`${tarballs.length} packages: ${tarballs.map(({ name }) => name).join(", ")}`);
  return all;
});
const size = await runInstalled("size-limit/bin.js", []);
if (size.code !== 0) found.push(size.output.trim());
else console.log(size.output.trim());
for (const fault of found) console.error(fault);
process.exitCode = found.length > 0 ? 1 : 0;
