import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { explain } from "../failure.js";
import type { ConfigurationFacts } from "./configuration.js";

/** Milliseconds that the program may take to say its version or to read a configuration. */
const patience = 10_000;

/** The `nats-server` of a search path; undefined where it has none. Only absolute directories count: a checkout cannot bring one along. */
export function findServer(path: string | undefined): string | undefined {
  const name = process.platform === "win32" ? "nats-server.exe" : "nats-server";
  return (path ?? "")
    .split(delimiter)
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, name))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // What cannot be run is not the program
    return false;
  }
}

/** @throws Error when it does not say one. */
export async function versionOf(program: string): Promise<NonNullable<ConfigurationFacts["version"]>> {
  const { output } = await run(program, ["--version"]);
  const [, major, minor, patch] = /v(\d+)\.(\d+)\.(\d+)/.exec(output) ?? [];
  if (patch === undefined) throw new Error(`${program} does not say its version: ${output.slice(0, 200)}`);
  return [Number(major), Number(minor), Number(patch)];
}

/** Lets the program itself read a configuration. @returns What is wrong with it. */
export async function faultOf(program: string, configuration: string): Promise<string | undefined> {
  const { code, output } = await run(program, ["-t", "-c", configuration]);
  return code === 0 ? undefined : output.trim().split("\n").join("; ").slice(0, 500);
}

function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: patience, env: { PATH: process.env["PATH"] } }, (error, out, err) => {
      const { code = 0 } = error ?? {};
      const output = `${out}${err}` || (error === null ? "" : explain(error));
      resolve({ code: typeof code === "number" ? code : 1, output });
    });
  });
}

const releases = "https://github.com/nats-io/nats-server/releases";

/** How people get the program on this system, one way a line. */
export function installText(
  platform: NodeJS.Platform = process.platform,
  system = osRelease(),
): readonly string[] {
  const download = `or download nats-server-vX.Y.Z-${assetOf(platform)} from ${releases} and put nats-server on the PATH`;
  if (platform === "darwin") return ["brew install nats-server", download];
  if (platform === "win32") return ["scoop install nats-server", download];
  const like = (...names: readonly string[]) => names.some((name) => system.includes(name));
  const go = "or with Go: go install github.com/nats-io/nats-server/v2@latest";
  if (platform === "linux" && like("debian", "ubuntu"))
    return [
      "sudo apt-get install nats-server",
      "sudo systemctl disable --now nats-server   # the package may start a server of its own on port 4222",
      go,
      download,
    ];
  if (platform === "linux" && like("arch")) return ["sudo pacman -S nats-server", download];
  if (platform === "linux" && like("alpine")) return ["sudo apk add nats-server", download];
  return [go.replace("or with Go: ", ""), download];
}

function assetOf(platform: NodeJS.Platform): string {
  const machine =
    { x64: "amd64", arm64: "arm64", arm: "arm7", ia32: "386" }[process.arch as string] ?? process.arch;
  if (platform === "win32") return `windows-${machine}.zip`;
  return `${platform}-${machine}.tar.gz`;
}

/** os-release(5): the system's own name and those that it is like. */
function osRelease(): readonly string[] {
  try {
    const text = readFileSync("/etc/os-release", "utf8");
    return [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(([, names = ""]) => names.split(" "));
  } catch {
    // MacOS and bare containers have none: the ways that work everywhere are told
    return [];
  }
}
