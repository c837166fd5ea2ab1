import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./needs.js";

export const program = findProgram("nats-server");

/** A port of this machine that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A real nats-server with a directory of its own. It ends with the test process, whatever becomes of that. */
export class Server {
  readonly directory = mkdtempSync(join(tmpdir(), "multifleet-nats-"));
  port: number;
  log = "";
  readonly #config: (port: number, store: string) => string;
  #process: ChildProcess | undefined;
  #pid = 0;

  private constructor(port: number, config: (port: number, store: string) => string) {
    this.port = port;
    this.#config = config;
  }

  /** @param config what stands in its file, beside the port and the store */
  static async start(
    config: string | ((port: number, store: string) => string) = "jetstream: {max_file_store: 4G}",
    port?: number,
  ): Promise<Server> {
    const make = typeof config === "string" ? () => config : config;
    const server = new Server(port ?? (await freePort()), make);
    await server.run();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get store(): string {
    return join(this.directory, "store");
  }

  /** Starts it, at first or again, and waits until it takes connections. */
  async run(): Promise<void> {
    const file = join(this.directory, "nats.conf");
    const jetstream = this.#config(this.port, this.store).replace(
      /jetstream: \{/,
      `jetstream: {store_dir: ${JSON.stringify(this.store)}, `,
    );
    writeFileSync(file, `listen: "127.0.0.1:${this.port}"\n${jetstream}\n`);
    // A shell that waits for this process to go, and then ends the server: also where the runner was killed.
    const script = '"$0" -c "$1" & echo $!; read -r _; kill -9 $!; wait';
    const child = spawn("sh", ["-c", script, program ?? "", file], { stdio: "pipe" });
    this.#process = child;
    child.stdout.once("data", (chunk: Buffer) => (this.#pid = Number(chunk.toString().trim())));
    await new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.stderr.on("data", (chunk: Buffer) => {
        this.log += chunk.toString();
        if (this.log.includes("Server is ready")) resolve();
        if (this.log.startsWith("nats-server: ")) reject(new Error(this.log));
      });
    });
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGHUP"): void {
    process.kill(this.#pid, name);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    // Also where it is stopped.
    process.kill(this.#pid, "SIGKILL");
    child.stdin?.end();
    await exit;
    this.log = "";
  }

  wipe(): void {
    rmSync(this.store, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
