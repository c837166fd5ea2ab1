import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Ends the process with one clear line where this Node is too old for the project. */
export function checkNode() {
  const wanted = manifest.engines.node.replace(">=", "").split(".").map(Number);
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return;
  console.error(
    `Multi-Fleet needs Node ${manifest.engines.node}, and this is ${process.version}: ` +
      "install a newer one (nodejs.org, or your version manager) and run the command again.",
  );
  process.exit(1);
}

/**
 * Runs a program to its end, from the root of the checkout.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ show?: boolean, env?: NodeJS.ProcessEnv, shell?: boolean }} [options] `show` gives it this terminal;
 *   otherwise what it prints is collected
 * @returns {Promise<{ code: number, output: string }>} `code` is 1 or more where it failed, did not start or was killed
 */
export function run(command, args, { show = false, env = process.env, shell = false } = {}) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, {
      cwd: root,
      env,
      shell,
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => resolve({ code: 1, output: `${output}${command}: ${error.message}\n` }));
    child.on("close", (code, signal) => {
      if (signal !== null) output += `${command} was ended by ${signal}.\n`;
      resolve({ code: code ?? 1, output });
    });
  });
}

/**
 * Runs a script of an installed package by this very Node: no shell, and nothing looked up in PATH.
 *
 * @param {string} script such as `typescript/bin/tsc`
 * @param {readonly string[]} args
 * @param {{ show?: boolean, env?: NodeJS.ProcessEnv }} [options]
 */
export function runInstalled(script, args, options) {
  return run(process.execPath, [join(root, "node_modules", script), ...args], options);
}

/**
 * Runs pnpm in the version that package.json names; npm fetches it.
 *
 * What pnpm keeps stays in the checkout, unless an install by other means has put its store elsewhere before.
 *
 * @param {readonly string[]} args
 * @param {{ show?: boolean }} [options]
 */
export function runPnpm(args, { show = false } = {}) {
  const own = join(root, ".pnpm");
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, npm_config_update_notifier: "false" };
  if (existsSync(own) || !existsSync(join(root, "node_modules/.modules.yaml")))
    for (const kind of ["store", "cache", "state"]) env[`npm_config_${kind}_dir`] = join(own, kind);
  const command = ["-y", manifest.packageManager, ...args];
  // npx is a script that only a shell starts on Windows; npm tells where its own JavaScript stands.
  const npx = join(dirname(process.env["npm_execpath"] ?? ""), "npx-cli.js");
  if (existsSync(npx)) return run(process.execPath, [npx, ...command], { show, env });
  return run("npx", command, { show, env, shell: process.platform === "win32" });
}

/**
 * Does one step, and says so where it takes more than a second.
 *
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function announced(what, work) {
  const start = performance.now();
  const slow = setTimeout(() => console.log(`${what} ...`), 1000);
  try {
    return await work();
  } finally {
    clearTimeout(slow);
    const seconds = (performance.now() - start) / 1000;
    if (seconds > 1) console.log(`${what}: ${seconds.toFixed(1)} s`);
  }
}

/**
 * Installs what the lock file names, unless it is there, and builds what has changed. Needs Node and npm alone.
 *
 * @returns {Promise<boolean>} false where a step failed; what it printed is then on the terminal
 */
export async function setUp() {
  if (!installed()) {
    const install = [
      "install",
      "--frozen-lockfile",
      "--ignore-scripts",
      "--config.confirm-modules-purge=false",
    ];
    const { code, output } = await announced("Installing dependencies", () => runPnpm(install));
    if (code !== 0)
      return failed("The dependencies could not be installed: is the package registry in reach?", output);
  }
  const { code, output } = await announced("Building", () =>
    runInstalled("typescript/bin/tsc", ["-b", "tsconfig.build.json"]),
  );
  return code === 0 || failed("The build failed.", output);
}

/** pnpm leaves a copy of the lock file that it has installed. */
function installed() {
  const copy = join(root, "node_modules/.pnpm/lock.yaml");
  return (
    existsSync(copy) && readFileSync(copy, "utf8") === readFileSync(join(root, "pnpm-lock.yaml"), "utf8")
  );
}

/**
 * @param {string} what
 * @param {string} output
 */
function failed(what, output) {
  process.stderr.write(output);
  console.error(what);
  return false;
}
