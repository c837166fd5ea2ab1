import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { SshServer } from "./sshd.js";

/** Keys, a known_hosts file and an ssh configuration of their own, in a directory that the test removes. */
export class Keyring {
  readonly directory: string;
  /** The configuration that the channel is given. */
  readonly config: string;
  readonly knownHosts: string;
  readonly identity: string;
  #blocks = "";

  constructor(directory: string) {
    this.directory = directory;
    this.config = join(directory, "config");
    this.knownHosts = join(directory, "known_hosts");
    this.identity = this.key("id");
    writeFileSync(this.knownHosts, "");
    writeFileSync(join(directory, "authorized_keys"), this.publicKey(this.identity), { mode: 0o600 });
  }

  /** Makes a key. @returns Its path */
  key(name: string, ...more: readonly string[]): string {
    const path = join(this.directory, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-f", path, "-N", "", "-C", name, ...more]);
    return path;
  }

  publicKey(path: string): string {
    return readFileSync(`${path}.pub`, "utf8");
  }

  /** Adds a host to the configuration. */
  host(alias: string, server: SshServer, ...lines: readonly string[]): void {
    this.#blocks += [
      `Host ${alias}`,
      ...lines,
      "HostName 127.0.0.1",
      `Port ${server.port}`,
      `User ${userInfo().username}`,
      `UserKnownHostsFile ${this.knownHosts}`,
      "GlobalKnownHostsFile none",
      `IdentityFile ${this.identity}`,
      "IdentityAgent none",
      "",
    ].join("\n");
    writeFileSync(this.config, this.#blocks);
  }

  /** Makes a server's key known. */
  trust(server: SshServer, text = `[127.0.0.1]:${server.port}`): void {
    const key = this.publicKey(server.hostKey).split(" ").slice(0, 2).join(" ");
    writeFileSync(this.knownHosts, `${text} ${key}\n`, { flag: "a" });
  }
}
