import { readdirSync } from "node:fs";
import { findProgram, runProgram } from "./run-program.js";

/** What a machine turned out to have: capabilities, and the version of those that tell one. */
export interface Detected {
  readonly capabilities: readonly string[];
  readonly tools: Readonly<Record<string, string>>;
}

/** Where to look; everything has a default. */
export interface DetectOptions {
  readonly signal: AbortSignal;
  /** Whose PATH is searched; default this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** How long one program may take to say its version, in milliseconds; default 5,000. */
  readonly patience?: number;
  /** The directory in which devices stand; default `/dev`. */
  readonly devices?: string;
}

/** Programs by the capability they are: what they are called, and how they are asked for their version. */
const programs: readonly (readonly [capability: string, program: string, ...args: string[]])[] = [
  ["git", "git", "--version"],
  ["ssh", "ssh", "-V"],
  ["docker", "docker", "--version"],
  ["claude", "claude", "--version"],
  ["codex", "codex", "--version"],
  ["gemini", "gemini", "--version"],
  ["cursor-agent", "cursor-agent", "--version"],
  ["code", "code", "--version"],
];

/**
 * Looks for what other machines may want of this one: git, ssh, docker, a GPU, agents' command lines. One program after the other, so that
 * it takes little of the machine however long it lasts. What is found but says no version is a capability without one. Never rejects.
 */
export async function detect(options: DetectOptions): Promise<Detected> {
  const { signal, env = process.env, patience = 5_000 } = options;
  const capabilities: string[] = [];
  const tools: Record<string, string> = {};
  for (const [capability, program, ...args] of programs) {
    const path = findProgram(program, env);
    if (path === undefined || signal.aborted) continue;
    capabilities.push(capability);
    const version = versionIn(await runProgram(path, args, { patience, signal }));
    if (version !== undefined) tools[capability] = version;
  }
  if (hasGpu(options)) capabilities.push("gpu");
  return { capabilities: capabilities.toSorted(), tools };
}

/** An NVIDIA device or its tool; every Mac with Apple's own processor has one. */
function hasGpu({ env = process.env, devices = "/dev" }: DetectOptions): boolean {
  if (process.platform === "darwin" && process.arch === "arm64") return true;
  return hasDevice(devices) || findProgram("nvidia-smi", env) !== undefined;
}

function hasDevice(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => /^nvidia\d+$/.test(name));
  } catch {
    // Windows has no such directory.
    return false;
  }
}

/** The first thing that looks like a version: digits with dots, and what hangs on to them. */
function versionIn(said: string | undefined): string | undefined {
  return /\d+(?:\.\d+)+[\w.+-]{0,24}/.exec(said ?? "")?.[0].slice(0, 32);
}
