import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import type { Keyring } from "./keyring.js";
import { findProgram } from "./needs.js";

export const sshd = findProgram("sshd");
/** As the superuser it asks for a directory below /run, and is given a /run of its own. */
export const isRoot = process.getuid?.() === 0;

/** What a server is to be like. */
export interface ServerOptions {
  /** Lines of sshd_config that go before the usual ones: the first word of a setting counts. */
  readonly config?: readonly string[];
  /** What a shell does in the server's own mount namespace first, such as to mount a small disk. Needs the superuser. */
  readonly before?: string;
  /** What its processes are started by, with arguments of its own. */
  readonly under?: readonly string[];
}

/**
 * A real sshd on loopback that touches nothing of the system: keys and configuration of its own, and one process for each connection, as
 * inetd starts them, so that a test knows which to stop or to kill.
 */
export class SshServer {
  readonly hostKey: string;
  readonly #file: string;
  readonly #before: string;
  readonly #under: readonly string[];
  readonly #children = new Set<ChildProcess>();
  #server: Server | undefined;
  #room: ChildProcess | undefined;
  #port = 0;
  /** What its processes said, for a test that fails. */
  log = "";
  /** How many connections it has had. */
  connections = 0;

  private constructor(
    keyring: Keyring,
    name: string,
    { config = [], before = "", under = [] }: ServerOptions,
  ) {
    this.hostKey = keyring.key(`${name}_host_key`);
    this.#file = join(keyring.directory, `${name}_sshd_config`);
    this.#before = before;
    this.#under = under;
    const lines = [
      ...config,
      `HostKey ${this.hostKey}`,
      `AuthorizedKeysFile ${join(keyring.directory, "authorized_keys")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      // A shell that is not the first reads none of this user's own start-up files, whatever stands in them.
      "SetEnv SHLVL=2",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      ...(config.some((line) => line.startsWith("Subsystem")) ? [] : ["Subsystem sftp internal-sftp"]),
      "LogLevel VERBOSE",
    ];
    writeFileSync(this.#file, lines.join("\n") + "\n");
  }

  static async start(keyring: Keyring, name: string, options: ServerOptions = {}): Promise<SshServer> {
    const server = new SshServer(keyring, name, options);
    await server.listen();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** The processes that serve connections, with all their children. */
  get processes(): number[] {
    return [...this.#children].flatMap(({ pid }) => (pid === undefined ? [] : [pid, ...descendants(pid)]));
  }

  /** Listens, where it did before if it did. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    if (isRoot) this.#room ??= await this.#makeRoom();
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      const [command = "", ...args] = this.#command();
      this.connections += 1;
      const child = spawn(command, args, { stdio: [socket, socket, "pipe"], detached: true });
      this.#children.add(child);
      child.stderr?.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
      child.on("error", (error) => (this.log += String(error)));
      child.on("exit", () => this.#children.delete(child));
      // Ours is one of two names of the same connection now.
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Resolves when no connection is left. */
  async empty(): Promise<void> {
    await Promise.all([...this.#children].map((child) => once(child, "exit")));
  }

  /** Sends a signal to every process that serves a connection. */
  signal(name: NodeJS.Signals): void {
    for (const pid of this.processes) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  }

  /** Where a path of the server's own mount namespace is to be seen. */
  inside(path: string): string {
    return this.#room === undefined ? path : `/proc/${this.#room.pid}/root${path}`;
  }

  /** Ends listening and every connection; `listen` takes it up again. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const listening = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once("exit", resolve)));
    this.signal("SIGKILL");
    await Promise.all([listening, ...ended]);
  }

  /** Takes it down for good. */
  async end(): Promise<void> {
    await this.stop();
    this.#room?.stdin?.end();
    if (this.#room?.exitCode === null) await once(this.#room, "exit");
  }

  /** A mount namespace for its processes, kept by one that ends with this one's input. */
  async #makeRoom(): Promise<ChildProcess> {
    const script = [
      "set -e",
      "mount -t tmpfs none /run",
      "mkdir -m 0755 /run/sshd",
      // A system that never ran one may lack the user that it becomes.
      `if ! grep -q ^sshd: /etc/passwd; then cp /etc/passwd /run/passwd; echo "sshd:x:65533:65534::/run/sshd:/bin/false" >> /run/passwd; mount --bind /run/passwd /etc/passwd; fi`,
      `{ ${this.#before || "true"}; } || exit 1`,
      "echo",
      "exec cat",
    ].join("\n");
    const room = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    await once(room.stdout, "data");
    return room;
  }

  #command(): readonly string[] {
    const run = [...this.#under, sshd ?? "", "-i", "-e", "-f", this.#file];
    return this.#room === undefined ? run : ["nsenter", "--mount", "-t", String(this.#room.pid), ...run];
  }
}

function descendants(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap((child) => descendants(child))];
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
