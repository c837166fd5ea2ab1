import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real sshd on a port of its own, and an ssh program with a user's configuration that leads to it by the alias `mail`. */
export class Sshd {
  /** What to call in ssh's place. */
  readonly ssh: string;
  readonly #directory: string;
  readonly #port: number;
  readonly #process: ChildProcess;

  private constructor(directory: string, port: number, process: ChildProcess) {
    this.#directory = directory;
    this.#port = port;
    this.#process = process;
    this.ssh = join(directory, "ssh");
  }

  /** @param program The path of sshd. */
  static async start(program: string, directory: string): Promise<Sshd> {
    const port = await freePort();
    for (const name of ["host", "user"])
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, name)]);
    const config = join(directory, "sshd_config");
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(directory, "host")}`,
      `AuthorizedKeysFile ${join(directory, "user.pub")}`,
      "PermitRootLogin prohibit-password",
      // The keys lie in a temporary directory that anybody may write.
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
    ];
    await writeFile(config, `${lines.join("\n")}\n`);
    // In a mount namespace of its own it finds what it wants of a system on which it was never set up.
    const script = [
      "set -e",
      `if ! grep -q ^sshd: /etc/passwd; then cp /etc/passwd "$1/passwd"; echo "sshd:x:65533:65534::/run/sshd:/bin/false" >> "$1/passwd"; mount --bind "$1/passwd" /etc/passwd; fi`,
      "mount -t tmpfs tmpfs /run",
      "mkdir /run/sshd",
      'exec "$2" -D -e -f "$1/sshd_config"',
    ].join("\n");
    // It ends with this process, also when that is killed.
    const child = spawn(
      "setpriv",
      ["--pdeathsig", "TERM", "unshare", "-m", "sh", "-c", script, "sh", directory, program],
      {
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    const sshd = new Sshd(directory, port, child);
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("Server listening")) resolve();
      });
      child.once("close", () => reject(new Error(`sshd ended: ${said}`)));
    });
    await sshd.#configure();
    return sshd;
  }

  /** Makes the client know the host by another key than its own, or by none. */
  async forget(): Promise<void> {
    await writeFile(join(this.#directory, "known_hosts"), "");
  }

  /** Makes the client come with another key. */
  async changeKey(): Promise<void> {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(this.#directory, "other")]);
    const config = await readFile(join(this.#directory, "config"), "utf8");
    await writeFile(join(this.#directory, "config"), config.replace("/user\n", "/other\n"));
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill();
    await ended;
  }

  async #configure(): Promise<void> {
    const [kind, key] = (await readFile(join(this.#directory, "host.pub"), "utf8")).split(" ");
    await writeFile(join(this.#directory, "known_hosts"), `[127.0.0.1]:${this.#port} ${kind} ${key}\n`);
    const lines = [
      "Host mail",
      "HostName 127.0.0.1",
      `Port ${this.#port}`,
      `User ${userInfo().username}`,
      `IdentityFile ${join(this.#directory, "user")}`,
      "IdentitiesOnly yes",
      `UserKnownHostsFile ${join(this.#directory, "known_hosts")}`,
      "GlobalKnownHostsFile /dev/null",
    ];
    await writeFile(join(this.#directory, "config"), `${lines.join("\n")}\n`);
    await writeFile(this.ssh, `#!/bin/sh\nexec ssh -F "${join(this.#directory, "config")}" "$@"\n`);
    await chmod(this.ssh, 0o755);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
