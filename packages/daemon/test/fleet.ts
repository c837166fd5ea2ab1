import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../../test/needs.js";

const bin = fileURLToPath(new URL("../bin/multifleet-daemon.js", import.meta.url));

/** An answer of the local API. */
export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface NodeOptions {
  readonly config?: object;
  /** Put before the command, such as `strace ...`. */
  readonly wrapper?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Further arguments of the daemon. */
  readonly args?: readonly string[];
}

/** What has the kernel end a daemon whose test's process is killed outright, where the system has it (util-linux). */
const setpriv = process.platform === "linux" ? findProgram("setpriv") : undefined;
const guard = setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL"];

/** Process groups that are running: a test that runs out of time never gets to end its own. */
const groups = new Set<number>();
process.on("exit", () => {
  for (const pid of groups) process.kill(-pid, "SIGKILL");
});

/** A real daemon in a process of its own, with a home of its own. */
export class TestNode {
  readonly name: string;
  readonly home: string;
  port = 0;
  token = "";
  /** Everything it wrote to stderr. */
  log = "";
  options: NodeOptions;
  #child: ChildProcess | undefined;
  #agent = new Agent({ keepAlive: true });

  constructor(home: string, name: string, options: NodeOptions = {}) {
    this.name = name;
    this.home = home;
    this.options = options;
    mkdirSync(home, { recursive: true, mode: 0o700 });
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.name} is not running`);
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and resolves once it is ready. @throws Error with what it said when it ends instead. */
  async start(): Promise<void> {
    const code = await this.launch();
    if (code !== undefined) throw new Error(`${this.name} ended with ${code}: ${this.log}`);
  }

  /** Starts it; resolves with undefined once it is ready, or with its exit code. */
  async launch(): Promise<number | string | undefined> {
    const { config, wrapper = [], env = {}, args = [] } = this.options;
    if (config !== undefined)
      writeFileSync(join(this.home, "config.json"), JSON.stringify(config), { mode: 0o600 });
    const command = [
      ...guard,
      ...wrapper,
      process.execPath,
      bin,
      "--home",
      this.home,
      "--port",
      String(this.port),
      "--log",
      "info",
      ...args,
    ];
    if (!args.includes("--node")) command.push("--node", this.name);
    const child = spawn(command[0] ?? "", command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) {
      groups.add(pid);
      child.on("exit", () => groups.delete(pid));
    }
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    const lines = createInterface({ input: child.stdout });
    const ready = once(lines, "line").then(() => undefined);
    const ended = once(child, "close").then(
      ([code, signal]) => (code as number | null) ?? (signal as string),
    );
    const outcome = await Promise.race([ready, ended]);
    if (outcome !== undefined) return outcome;
    this.port = (JSON.parse(readFileSync(join(this.home, "daemon.json"), "utf8")) as { port: number }).port;
    this.token = readFileSync(join(this.home, "api.token"), "utf8").trim();
    return undefined;
  }

  /** Sends a signal to it and all it started; resolves once it has ended, if the signal ends it. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const ended = once(child, "close");
    this.signal(signal);
    await ended;
  }

  /** Sends a signal and goes on. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** Ends it as a user would. */
  async stop(): Promise<void> {
    await this.kill("SIGTERM");
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true });
  }

  /** Calls the local API. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.port,
          method,
          path,
          agent: this.#agent,
          headers: {
            authorization: `Bearer ${this.token}`,
            ...(text === undefined
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
            ...headers,
          },
        },
        (answer) => {
          let said = "";
          answer.setEncoding("utf8").on("data", (part: string) => (said += part));
          answer.on("error", reject);
          answer.on("end", () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              body: said === "" ? undefined : JSON.parse(said),
            }),
          );
        },
      );
      sent.on("error", reject);
      sent.end(text);
    });
  }

  get(path: string): Promise<Answer> {
    return this.call("GET", path);
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.call("POST", path, body);
  }

  /** Posts a message of type context. */
  send(to: string, text: string, more: object = {}): Promise<Answer> {
    return this.post("/message", { type: "context", to, payload: { subject: "test", body: text }, ...more });
  }

  /** Waits, on the API's own event, until a message is in a state or has ended; at most `seconds`. */
  async settled(id: string, seconds = 20): Promise<Answer["body"]> {
    return (await this.get(`/message/${id}?wait=settled&timeout=${seconds}s`)).body;
  }

  /** Waits, on the API's event stream, until a message was told to be in `state`; at most `seconds`. */
  async until(id: string, state: string, seconds = 20): Promise<void> {
    const stream = await this.events(seconds);
    try {
      if ((await this.get(`/message/${id}`)).body.state === state) return;
      for await (const line of createInterface({ input: stream })) {
        if (!line.startsWith("data: ")) continue;
        const told = JSON.parse(line.slice(6)) as { id?: string; state?: string };
        if (told.id === id && told.state === state) return;
      }
    } finally {
      stream.destroy();
    }
    throw new Error(`message ${id} was not ${state} within ${seconds} s`);
  }

  /** The API's event stream; it ends with an error when nothing came for so many seconds. */
  events(seconds: number): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.token}` };
      const sent = request(
        { host: "127.0.0.1", port: this.port, path: "/events", headers, timeout: seconds * 1_000 },
        resolve,
      );
      sent.on("timeout", () => sent.destroy());
      sent.on("error", reject);
      sent.end();
    });
  }

  /** The whole inbox, page by page. */
  async inbox(): Promise<Answer["body"][]> {
    const all: Answer["body"][] = [];
    for (let after = 0; ;) {
      const { body } = await this.get(`/inbox?limit=500&after=${after}`);
      if (body.items.length === 0) return all;
      all.push(...body.items);
      after = body.items.at(-1).position;
    }
  }

  async counters(): Promise<Record<string, number>> {
    return (await this.get("/health")).body.counters;
  }
}

/** Real daemons that are peers of each other, in a temporary directory. */
export class TestFleet implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "mf-"));
  readonly nodes: TestNode[] = [];

  /** Starts the nodes; the first one invites the others. */
  static async start(
    names: readonly string[],
    options: Readonly<Record<string, NodeOptions>> = {},
  ): Promise<TestFleet> {
    const fleet = new TestFleet();
    try {
      for (const name of names) await fleet.add(name, options[name]);
    } catch (thrown) {
      await fleet[Symbol.asyncDispose]();
      throw thrown;
    }
    return fleet;
  }

  /** Starts one more node and joins it to the first. */
  async add(name: string, options: NodeOptions = {}): Promise<TestNode> {
    const node = new TestNode(join(this.directory, name), name, options);
    this.nodes.push(node);
    await node.start();
    const [first] = this.nodes;
    if (first !== undefined && first !== node) {
      const { body } = await first.post("/invite", { uses: 1, expires: "1h" });
      const joined = await node.post("/join", { code: body.code });
      if (joined.status !== 200) throw new Error(JSON.stringify(joined.body));
    }
    return node;
  }

  node(name: string): TestNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}
