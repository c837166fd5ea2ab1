// Installs the example of a third party's channel beside the packed packages, as its author would, runs the conformance kit over
// it there, and lets the daemon open it by nothing but its package's name.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { withTarballs } from "./pack.mjs";
import { root } from "./setup.mjs";

const example = join(root, "examples/custom-channel");
const shell = process.platform === "win32";
const execute = promisify(execFile);

/** Runs a command in a folder, two minutes at most. @type {(cwd: string, command: string, ...args: string[]) => Promise<string>} */
async function run(cwd, command, ...args) {
  const { stdout } = await execute(command, args, { cwd, shell, timeout: 120_000, maxBuffer: 1 << 26 });
  return stdout;
}

/** Starts the daemon of a folder, and answers what it says of its channels. @type {(folder: string) => Promise<any>} */
async function channelsOfDaemon(folder) {
  const home = join(folder, "home");
  const program = join(folder, "node_modules/multifleet-daemon/bin/multifleet-daemon.js");
  const args = [program, "--home", home, "--node", "example", "--port", "0", "--log", "error"];
  const daemon = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(daemon, "exit");
  const limit = setTimeout(() => daemon.kill("SIGKILL"), 60_000);
  try {
    const ready = once(createInterface({ input: daemon.stdout }), "line");
    await Promise.race([ready, ended.then(([code]) => assert.fail(`The daemon ended with ${code}.`))]);
    const { port } = JSON.parse(await readFile(join(home, "daemon.json"), "utf8"));
    const health = await fetch(`http://127.0.0.1:${port}/health`);
    const { channels } = /** @type {any} */ (await health.json());
    return channels;
  } finally {
    daemon.kill("SIGTERM");
    await ended;
    clearTimeout(limit);
  }
}

await withTarballs(async (tarballs) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "multifleet-channel-")));
  try {
    const channel = join(folder, "channel");
    await cp(example, channel, { recursive: true, filter: (path) => !path.includes("node_modules") });
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
    const files = tarballs.map(({ filename }) => filename);
    const packed = (await run(channel, "npm", "pack", "--silent")).trim();
    await run(folder, "npm", "install", "--ignore-scripts", ...files, join(channel, packed));

    const kit = await run(channel, process.execPath, "--test", "test/");
    console.log(/^# pass .*$/m.exec(kit)?.[0] ?? kit);
    const channels = await channelsOfDaemon(folder);
    assert.equal(channels.tcp?.state, "up", `The daemon says of its channels: ${JSON.stringify(channels)}`);
    console.log("the daemon has opened it");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
