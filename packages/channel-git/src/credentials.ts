import { spawn } from "node:child_process";
import { codeOf } from "./failure.js";
import { gitEnvironment } from "./environment.js";
import type { Login } from "./remote.js";

/** What a helper may answer, in bytes, and how long it may take, in ms. */
const maxAnswerBytes = 64 * 1_024;
const answerMs = 10_000;

/** The user's own way to keep passwords: what git's configured helpers say, without asking anybody. */
export class Credentials {
  readonly #url: URL;
  readonly #directory: string;
  #login: Login | undefined;
  #isOurs: boolean;

  /** @param directory Where git runs: a place of our own, so that no other repository's helpers are asked. */
  constructor(url: string, login: Login | undefined, directory: string) {
    this.#url = new URL(url);
    this.#login = login;
    this.#isOurs = login !== undefined;
    this.#directory = directory;
  }

  /** What was found before. */
  get known(): Login | undefined {
    return this.#login;
  }

  /** Asks the helpers; undefined where they know nothing, and where there is no git. */
  async find(): Promise<Login | undefined> {
    const answer = await this.#ask("fill", {});
    const field = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(answer ?? "")?.[1];
    const [username, password] = [field("username"), field("password")];
    if (username === undefined || password === undefined) return undefined;
    return { username, password };
  }

  /** The remote took `login`: it is kept, here and by the helpers. */
  async approve(login: Login): Promise<void> {
    this.#login = login;
    await this.#ask("approve", login);
  }

  /** The remote refused `login`: the helpers forget it, so that the next attempt finds what replaces it. */
  async reject(login: Login): Promise<void> {
    // One that stands in the address stays there: only its owner can change it.
    if (this.#isOurs) return;
    this.#login = undefined;
    await this.#ask("reject", login);
  }

  /** Runs `git credential`; undefined where it failed. */
  async #ask(what: "fill" | "approve" | "reject", login: Partial<Login>): Promise<string | undefined> {
    const { protocol, host, pathname } = this.#url;
    const fields = { protocol: protocol.slice(0, -1), host, path: pathname.slice(1), ...login };
    const lines = Object.entries(fields).map(([name, value]) => `${name}=${value}\n`);
    // A line end in a field would begin another field.
    if (lines.some((line) => /[\n\0]/.test(line.slice(0, -1)))) return undefined;
    return new Promise((resolve, reject) => {
      const child = spawn("git", ["credential", what], {
        cwd: this.#directory,
        env: gitEnvironment(),
        stdio: ["pipe", "pipe", "ignore"],
        timeout: answerMs,
        windowsHide: true,
      });
      let answer = "";
      child.once("error", (error) => (codeOf(error) === "ENOENT" ? resolve(undefined) : reject(error)));
      child.stdout.on("data", (chunk: Buffer) => {
        if (answer.length < maxAnswerBytes) answer += chunk.toString("utf8");
      });
      // It ended before it read everything: its exit code tells.
      child.stdin.on("error", () => undefined);
      child.stdin.end(`${lines.join("")}\n`);
      child.once("close", (code) => resolve(code === 0 ? answer : undefined));
    });
  }
}
