import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./kernel.mjs";

/**
 * Starts a real sshd on a host of the lab, into which root of the other hosts may log in by key; each of them knows its host key.
 *
 * @param {import("./host.mjs").Host} host
 * @param {readonly import("./host.mjs").Host[]} clients
 * @param {readonly string[]} [settings] more lines of sshd_config(5)
 */
export async function startSshd(host, clients, settings = []) {
  const key = join(host.directory, "ssh_host_key");
  makeKey(key);
  const authorized = join(host.directory, "authorized_keys");
  writeFileSync(authorized, "", { mode: 0o600 });
  const config = join(host.directory, "sshd_config");
  writeFileSync(
    config,
    [
      ...settings,
      `ListenAddress ${host.address}:22`,
      `HostKey ${key}`,
      `AuthorizedKeysFile ${authorized}`,
      "PermitRootLogin prohibit-password",
      // The lab's files lie in a temporary directory that anybody may write.
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  const [kind, blob] = readFileSync(`${key}.pub`, "utf8").split(" ");
  for (const client of clients) {
    const own = join(client.directory, "root", ".ssh", "id_ed25519");
    makeKey(own);
    appendFileSync(authorized, readFileSync(`${own}.pub`, "utf8"));
    appendFileSync(
      join(client.directory, "root", ".ssh", "known_hosts"),
      `${host.address} ${kind} ${blob}\n`,
    );
  }
  await host.call("start", {
    ...{ name: "sshd", command: findProgram("sshd"), args: ["-D", "-e", "-f", config] },
    ...{ log: join(host.directory, "sshd.log"), ready: "Server listening" },
  });
}

/**
 * Lets root of any host log in to any other.
 *
 * @param {readonly import("./host.mjs").Host[]} hosts
 */
export async function startAllSshd(hosts) {
  for (const host of hosts)
    await startSshd(
      host,
      hosts.filter((other) => other !== host),
    );
}

/** @param {string} path */
function makeKey(path) {
  try {
    readFileSync(path);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
    execFileSync(findProgram("ssh-keygen") ?? "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  }
}
