import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { channelError, codeOf, failureOf } from "./failure.js";
import { gitEnvironment } from "./environment.js";
import { PktReader } from "./pktline.js";
import { maxAdvertisedBytes, type Connection } from "./session.js";

/** How much of what a program says on stderr is kept, in bytes. */
const maxSaidBytes = 4_096;
/** How long a program that was asked to end may take to tidy up, in ms: git removes its lock files. */
const graceMs = 2_000;

/** What to install where a program is missing. */
const installs: Readonly<Record<string, string>> = {
  git: "install git (Debian: apt install git; macOS: xcode-select --install; Windows: git-scm.com), or name an https remote",
  ssh: "install OpenSSH's client (Debian: apt install openssh-client), or name an https remote",
};

/** Git's own program at the other end of two pipes: of this machine, or of another by way of ssh. */
export class Program implements Connection {
  readonly where: string;
  readonly advertisement: PktReader;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<{ readonly thrown?: Error }>;
  #said = "";
  #isAsked = false;
  #closing: Promise<void> | undefined;

  /** @param directory Where it runs: a place of our own, so that nobody's configuration lies there. */
  constructor(program: string, argv: readonly string[], where: string, directory: string) {
    this.where = where;
    this.#child = spawn(program, argv, {
      cwd: directory,
      env: gitEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve({ thrown: missing(program, error) }));
      this.#child.once("close", () => resolve({}));
      // What ssh leaves running, such as a shared connection, holds on to stderr: the program itself has ended.
      this.#child.once("exit", () => void setTimeout(() => this.#child.stderr.destroy(), graceMs / 10));
    });
    this.#child.stderr.on("data", (chunk: Buffer) => {
      if (this.#said.length < maxSaidBytes) this.#said += chunk.toString("utf8", 0, maxSaidBytes);
    });
    // It stopped reading: what it says, or its end, tells why.
    this.#child.stdin.on("error", () => undefined);
    this.advertisement = new PktReader(this.#child.stdout, maxAdvertisedBytes, where);
  }

  async begin(): Promise<void> {
    // It speaks first, unasked.
  }

  async request(body: readonly Uint8Array[]): Promise<PktReader> {
    this.#isAsked = true;
    for (const part of body) this.#child.stdin.write(part);
    this.#child.stdin.end();
    return this.advertisement;
  }

  async fault(): Promise<Error> {
    const { thrown } = await this.#ended;
    return thrown ?? failureOf(this.#said, this.where);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const child = this.#child;
    // Nothing is wanted: a flush says so, and it ends by itself.
    if (this.#isAsked) child.stdin.destroy();
    else child.stdin.end("0000");
    child.stdout.destroy();
    let late = setTimeout(() => {
      child.kill("SIGTERM");
      late = setTimeout(() => child.kill("SIGKILL"), graceMs);
    }, graceMs / 4);
    await this.#ended;
    clearTimeout(late);
  }
}

function missing(program: string, error: Error): Error {
  if (codeOf(error) !== "ENOENT") return channelError("INTERNAL", `${program}: ${error.message}`, error);
  const hint = installs[program] ?? 'name another in the option "ssh"';
  return channelError("UNREACHABLE", `there is no program ${program}: ${hint}`, error);
}
