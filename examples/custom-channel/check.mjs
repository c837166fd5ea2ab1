// Proves the example as its author would, away from this repository: from packed tarballs, with npm, in an empty folder.
import { execFile } from "node:child_process";
import { cp, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withTarballs } from "../../scripts/pack.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));
const shell = process.platform === "win32";
const execute = promisify(execFile);

/** Runs a command in a folder, at most two minutes. @param {string} cwd @param {string} command @param {string[]} args */
async function run(cwd, command, ...args) {
  const { stdout } = await execute(command, args, { cwd, shell, timeout: 120_000, maxBuffer: 1 << 26 });
  return stdout;
}

/** Installs with npm, and lets no package run anything. @param {string} cwd @param {string[]} files */
async function install(cwd, ...files) {
  await run(cwd, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", ...files);
}

await withTarballs(async (tarballs) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "multifleet-channel-")));
  const named = (/** @type {string[]} */ ...names) =>
    tarballs.filter(({ name }) => names.includes(name)).map(({ filename }) => filename);
  try {
    // The author's side: the channel with the core and the kit.
    const channel = join(folder, "channel-tcp");
    for (const part of ["package.json", "index.js", "wire.js", "test"])
      await cp(join(here, part), join(channel, part), { recursive: true });
    await install(channel, ...named("@multifleet/core", "@multifleet/conformance"));
    const kit = await run(channel, "npm", "test");
    console.log(`conformance: ${/\bpass \d+$/m.exec(kit)?.[0]}, ${/\bfail \d+$/m.exec(kit)?.[0]}`);
    const types = [
      "--allowJs",
      "--checkJs",
      "--strict",
      "--noEmit",
      "--module",
      "nodenext",
      "--target",
      "es2023",
    ];
    const given = [
      "--lib",
      "es2023,esnext.disposable",
      "--types",
      "node",
      "--typeRoots",
      join(root, "node_modules/@types"),
    ];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    await run(channel, process.execPath, compiler, ...types, ...given, "index.js", "test/tcp.test.js");
    console.log("types: as published, they fit");

    // The user's side: the channel installed beside the daemon, and named in its config.
    const user = join(folder, "user");
    const packed = (await run(channel, "npm", "pack", "--silent")).trim();
    await cp(join(here, "two-nodes.mjs"), join(user, "two-nodes.mjs"));
    await writeFile(join(user, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const ours = tarballs.filter(({ name }) => name !== "@multifleet/conformance");
    await install(user, ...ours.map(({ filename }) => filename), join(channel, packed));
    process.stdout.write(`daemon: ${await run(user, process.execPath, "two-nodes.mjs")}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
