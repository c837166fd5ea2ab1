import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findProgram } from "./kernel.mjs";

const inside = fileURLToPath(new URL("inside.mjs", import.meta.url));

/**
 * What makes a machine of a few namespaces: a host name and users of its own, a loopback, its own network cards in
 * /sys, an empty /run, and the rest of this one's files.
 * With its first process all others of it end.
 */
const birth = `
set -e
hostname "$NAME"
ip link set lo up
mount -t sysfs none /sys
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/sshd
mount --bind "$DIRECTORY/passwd" /etc/passwd
exec "$NODE" "$INSIDE"
`;

/** A host of the lab: a process in namespaces of its own that does what it is told. */
export class Host {
  /** @type {import("node:child_process").ChildProcess} */
  #child;
  #orders = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #open = new Map();
  /** @type {Set<(event: any) => void>} */
  #listeners = new Set();

  /**
   * @param {string} name
   * @param {string} directory its files, its users' homes among them
   * @param {string} address
   */
  constructor(name, directory, address) {
    this.name = name;
    this.directory = directory;
    this.address = address;
    mkdirSync(join(directory, "root", ".ssh"), { recursive: true, mode: 0o700 });
    writeFileSync(
      join(directory, "passwd"),
      `root:x:0:0:root:${join(directory, "root")}:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\nnobody:x:65534:65534::/:/bin/false\n`,
    );
    const namespaces = [
      "--net",
      "--mount",
      "--uts",
      "--ipc",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
    ];
    this.#child = spawn(findProgram("unshare") ?? "unshare", [...namespaces, "sh", "-c", birth], {
      env: {
        PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
        HOME: join(directory, "root"),
        NAME: name,
        DIRECTORY: directory,
        NODE: process.execPath,
        INSIDE: inside,
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdin?.on("error", () => undefined);
    this.#child.on("exit", () => {
      for (const { reject } of this.#open.values()) reject(new Error(`the host ${name} is gone`));
    });
    if (this.#child.stdout === null) throw new Error("no pipe");
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(JSON.parse(line)));
  }

  /** The process whose network namespace is the host's; known once the host has answered. */
  async pid() {
    await this.run("true");
    const first = this.#first();
    if (first === undefined) throw new Error(`the host ${this.name} is gone`);
    return first;
  }

  /** The host's first process, as this machine numbers it. */
  #first() {
    const { pid } = this.#child;
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
      return children === "" ? undefined : Number(children);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /**
   * Gives an order and resolves with what came of it.
   *
   * @param {string} order
   * @param {object} [rest]
   * @returns {Promise<any>}
   */
  call(order, rest = {}) {
    const id = this.#orders++;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, order, ...rest })}\n`);
    });
  }

  /**
   * Runs a program to its end. @throws Error with what it said where it failed
   *
   * @param {string} command
   * @param {readonly string[]} args
   */
  async run(command, ...args) {
    const { code, stdout, stderr } = await this.call("run", { command, args });
    if (code !== 0) throw new Error(`${this.name}: ${command} ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }

  /**
   * Resolves with the next event for which `wanted` holds, or with undefined once `signal` fires. @throws Error when there is none in time
   *
   * @param {(event: any) => boolean} wanted
   * @param {{ seconds?: number, signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  event(wanted, { seconds = 30, signal } = {}) {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        signal?.removeEventListener("abort", stop);
      };
      const stop = () => {
        end();
        resolve(undefined);
      };
      signal?.addEventListener("abort", stop);
      const timer = setTimeout(() => {
        end();
        reject(new Error(`${this.name}: what was waited for did not happen within ${seconds} s`));
      }, seconds * 1_000);
      /** @param {any} event */
      const listener = (event) => {
        if (!wanted(event)) return;
        end();
        resolve(event);
      };
      this.#listeners.add(listener);
    });
  }

  /** Tells of each event from now on. @param {(event: any) => void} listener */
  listen(listener) {
    this.#listeners.add(listener);
  }

  async end() {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    // Its first process ends with its orders; with that all others, and only then the one outside that waits for it.
    this.#child.stdin?.end();
    const timer = setTimeout(() => {
      const first = this.#first();
      if (first === undefined) this.#child.kill("SIGKILL");
      else process.kill(first, "SIGKILL");
    }, 5_000);
    await ended;
    clearTimeout(timer);
  }

  /** @param {any} said */
  #take(said) {
    if (said.event !== undefined) {
      for (const listener of this.#listeners) listener(said);
      return;
    }
    const open = this.#open.get(said.id);
    this.#open.delete(said.id);
    if (said.error === undefined) open?.resolve(said.value);
    else open?.reject(new Error(`${this.name}: ${said.error}`));
  }
}
