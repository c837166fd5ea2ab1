// Installs the packed tarballs with npm in an empty folder, and runs the example there: by import, by require, and as a command.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withTarballs } from "../../scripts/pack.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const shell = process.platform === "win32";
const execute = promisify(execFile);

/** Runs a command in the folder of the consumer, at most two minutes. @param {string} cwd @param {string} command @param {string[]} args */
async function run(cwd, command, args) {
  const { stdout } = await execute(command, args, { cwd, shell, timeout: 120_000 });
  process.stdout.write(stdout);
}

/** Starts the installed daemon, waits until it says that it is ready, and ends it. @param {string} folder */
async function startDaemon(folder) {
  const home = join(folder, "home");
  const args = [
    "--no-install",
    "multifleet-daemon",
    "--home",
    home,
    "--node",
    "packed",
    "--port",
    "0",
    "--log",
    "error",
  ];
  const daemon = spawn("npx", args, {
    cwd: folder,
    shell,
    stdio: ["ignore", "pipe", "inherit"],
    detached: !shell,
  });
  const limit = setTimeout(() => daemon.kill("SIGKILL"), 60_000);
  try {
    const [line] = await once(createInterface({ input: daemon.stdout }), "line");
    console.log(line);
    assert.match(line, /node packed is ready/);
    const { pid, port } = JSON.parse(await readFile(join(home, "daemon.json"), "utf8"));
    const health = await fetch(`http://127.0.0.1:${port}/health`);
    assert.equal((await health.json()).node, "packed");
    const ended = once(daemon, "exit");
    process.kill(pid, "SIGTERM");
    await ended;
  } finally {
    clearTimeout(limit);
    if (daemon.exitCode === null && daemon.signalCode === null && daemon.pid !== undefined)
      process.kill(-daemon.pid, "SIGKILL");
  }
}

await withTarballs(async (tarballs) => {
  const folder = await mkdtemp(join(tmpdir(), "multifleet-consumer-"));
  try {
    for (const name of ["two-nodes.mjs", "one-node.cjs"]) await cp(join(here, name), join(folder, name));
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const files = tarballs.map(({ filename }) => filename);
    await run(folder, "npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...files]);
    await run(folder, process.execPath, ["two-nodes.mjs"]);
    await run(folder, process.execPath, ["one-node.cjs"]);
    await run(folder, "npx", ["--no-install", "multifleet", "--version"]);
    await startDaemon(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
