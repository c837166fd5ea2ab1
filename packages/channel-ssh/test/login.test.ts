import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Keyring } from "../../../test/keyring.js";
import { SshServer, sshd } from "../../../test/sshd.js";
import { seed, type SshOptions } from "../src/index.js";
import { fault, open } from "./host.js";

const base = mkdtempSync(join(tmpdir(), "mf-login-"));
/** A seed directory that is not there: a send that gets so far has logged in. */
const nowhere = "seed:0123456789abcdef:/nonexistent/seed";
let server: SshServer;
let bastion: SshServer;
let servers: Keyring;
let keyring: Keyring;

beforeAll(async () => {
  if (sshd === undefined) return;
  servers = new Keyring(mkdtempSync(join(base, "servers-")));
  server = await SshServer.start(servers, "peer", {
    config: [`HostKey ${servers.key("first", "-t", "ecdsa")}`],
  });
  bastion = await SshServer.start(servers, "bastion");
});

beforeEach(() => {
  if (sshd === undefined) return;
  keyring = new Keyring(mkdtempSync(join(base, "user-")));
  writeFileSync(join(servers.directory, "authorized_keys"), keyring.publicKey(keyring.identity));
});

afterEach(() => {
  vi.unstubAllEnvs();
});

afterAll(async () => {
  await server?.end();
  await bastion?.end();
  rmSync(base, { recursive: true, force: true });
});

/** Tries to log in. @returns What the send said; `IN` where it got as far as the seed directory */
async function login(alias = "peer", options: SshOptions = {}): Promise<string> {
  const channel = seed({ config: keyring.config, ...options });
  await using mac1 = await open(channel, { ssh: [alias], seed: [nowhere] });
  const { code, message } = fault(await mac1.send());
  if (message.includes("no seed directory at /nonexistent/seed")) return "IN";
  expect(mac1.host.counts).toEqual(["connect_errors"]);
  return `${code} ${message}`;
}

describe.skipIf(sshd === undefined)("a host's key", () => {
  test("that is known is good, whichever of the server's keys it is", async () => {
    keyring.host("peer", server);
    keyring.trust(server);
    expect(await login()).toBe("IN");
  });

  test("is found in a hashed known_hosts file, and beside others", async () => {
    keyring.host("peer", server);
    writeFileSync(keyring.knownHosts, `elsewhere ${keyring.publicKey(keyring.key("other"))}`);
    keyring.trust(server);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", keyring.knownHosts], { stdio: "ignore" });
    expect(readFileSync(keyring.knownHosts, "utf8")).not.toContain("127.0.0.1");
    expect(await login()).toBe("IN");
  });

  test("that is known without the port is good, as it is to ssh", async () => {
    keyring.host("peer", server);
    keyring.trust(server, "127.0.0.1");
    expect(await login()).toBe("IN");
  });

  test("is looked up under HostKeyAlias", async () => {
    keyring.host("peer", server, "HostKeyAlias the-peer");
    keyring.trust(server);
    expect(await login()).toMatch(/^DENIED .*key of the-peer is not known/);
    keyring.trust(server, "the-peer");
    expect(await login()).toBe("IN");
  });

  test("that is not known is refused before anything is told, with the command that accepts it", async () => {
    keyring.host("peer", server);
    const before = server.log.length;
    expect(await login()).toMatch(
      /^DENIED ssh: the \S+ key of \[127\.0\.0\.1\]:\d+ is not known.*: ssh peer exit$/,
    );
    expect(server.log.slice(before)).not.toMatch(/publickey/);
  });

  test("that is not known is accepted by what was typed: the user and the port, where they were", async () => {
    keyring.host("peer", server);
    const port = String(server.port);
    expect(await login(`ada@peer:${port}`)).toMatch(new RegExp(`: ssh -p ${port} ada@peer exit$`));
  });

  test("that is not known is not accepted because ssh's own configuration would", async () => {
    keyring.host("peer", server, "StrictHostKeyChecking no");
    expect(await login()).toMatch(/^DENIED .* is not known/);
    expect(readFileSync(keyring.knownHosts, "utf8")).toBe("");
  });

  test("that has changed is refused, with the file that has the other", async () => {
    keyring.host("peer", server);
    keyring.trust(bastion, `[127.0.0.1]:${server.port}`);
    expect(await login()).toMatch(
      new RegExp(`^DENIED .* is another .* in ${keyring.knownHosts}: .*ssh-keygen -R .* ssh peer exit$`),
    );
  });

  test("that is revoked is refused, in known_hosts or in the list of RevokedHostKeys", async () => {
    keyring.host("peer", server);
    keyring.trust(server);
    keyring.trust(server, `@revoked *`);
    expect(await login()).toMatch(/^DENIED .* is revoked/);
    const list = join(keyring.directory, "revoked");
    writeFileSync(keyring.knownHosts, "");
    keyring.trust(server);
    writeFileSync(list, keyring.publicKey(server.hostKey));
    keyring.host("other", server, `RevokedHostKeys ${list}`);
    expect(await login("other")).toMatch(/^DENIED .* is revoked/);
    rmSync(list);
    expect(await login("other")).toMatch(/^DENIED .* cannot be read, and is not passed over/);
  });
});

describe.skipIf(sshd === undefined)("our key", () => {
  test("may be in an agent, and with a passphrase nowhere else", async () => {
    const locked = join(keyring.directory, "locked");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-f", locked, "-N", "secret words"]);
    writeFileSync(join(servers.directory, "authorized_keys"), keyring.publicKey(locked));
    const socket = join(keyring.directory, "agent.sock");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(agent.stdout, "data");
      keyring.host("with", server, `IdentityFile ${locked}`, `IdentityAgent ${socket}`, "IdentitiesOnly yes");
      keyring.host("without", server, `IdentityFile ${locked}`);
      keyring.trust(server);
      expect(await login("without")).toMatch(/^DENIED .*lets nobody in: .*locked needs a passphrase/);
      expect(await login("with")).toMatch(/the agent has no key for it/);
      const askpass = join(keyring.directory, "askpass");
      writeFileSync(askpass, "#!/bin/sh\necho secret words\n", { mode: 0o700 });
      execFileSync("ssh-add", ["-q", locked], {
        env: { ...process.env, SSH_AUTH_SOCK: socket, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" },
        stdio: "ignore",
      });
      expect(await login("with")).toBe("IN");
      vi.stubEnv("SSH_AUTH_SOCK", socket);
      keyring.host("usual", server, "IdentityAgent SSH_AUTH_SOCK");
      expect(await login("usual")).toBe("IN");
    } finally {
      agent.kill();
      await once(agent, "exit");
    }
  });

  test("is not used where others can read it, as ssh does not", async () => {
    keyring.host("peer", server);
    keyring.trust(server);
    chmodSync(keyring.identity, 0o644);
    expect(await login()).toMatch(/^DENIED .*no key to log in with; .*id can be read by others/);
  });

  test("that the server does not know is refused, and said so", async () => {
    writeFileSync(join(servers.directory, "authorized_keys"), "");
    keyring.host("peer", server);
    keyring.trust(server);
    expect(await login()).toMatch(/^DENIED .*none of our keys is accepted.* Try: ssh -v peer$/);
  });
});

describe.skipIf(sshd === undefined)("the way to a host", () => {
  test("goes through jump hosts, each of them verified", async () => {
    keyring.host("bastion", bastion);
    keyring.host("second", bastion, "HostKeyAlias second");
    keyring.host("peer", server, "ProxyJump bastion,second");
    keyring.trust(server);
    expect(await login()).toMatch(/^DENIED .*key of \[127\.0\.0\.1\]:\d+ is not known.*ssh bastion exit$/);
    keyring.trust(bastion);
    expect(await login()).toMatch(/^DENIED .*key of second is not known.*ssh second exit$/);
    keyring.trust(bastion, "second");
    const before = bastion.connections;
    expect(await login()).toBe("IN");
    expect(bastion.connections - before).toBe(2);
  });

  test("does not go around in circles", async () => {
    keyring.host("here", bastion, "ProxyJump there");
    keyring.host("there", bastion, "HostKeyAlias there", "ProxyJump here");
    expect(await login("here")).toMatch(/^DENIED .*more than 8 jump hosts, or they lead in a circle/);
  });

  test("ends where a jump host forwards nothing", async () => {
    const strict = await SshServer.start(keyring, "strict", { config: ["AllowTcpForwarding no"] });
    keyring.host("strict", strict);
    keyring.host("peer", server, "ProxyJump strict");
    keyring.trust(strict);
    keyring.trust(server);
    expect(await login()).toMatch(/^UNREACHABLE .*a jump host cannot reach peer/);
    await strict.end();
  });

  test("is the user's ProxyCommand where that is configured, and the command ends with the link", async () => {
    const script = join(keyring.directory, "proxy.mjs");
    const noted = join(keyring.directory, "pid");
    writeFileSync(
      script,
      `import { connect } from "node:net"; import { writeFileSync } from "node:fs";
       const [, , host, port, note] = process.argv;
       writeFileSync(note, String(process.pid));
       const socket = connect(Number(port), host); process.stdin.pipe(socket).pipe(process.stdout);`,
    );
    keyring.host("peer", server, `ProxyCommand ${process.execPath} ${script} %h %p ${noted}`);
    keyring.trust(server);
    expect(await login()).toBe("IN");
    expect(() => process.kill(Number(readFileSync(noted, "utf8")), 0)).toThrow("ESRCH");
  });

  test("is given up where the server never speaks", async () => {
    const silent = createServer((socket) => socket.on("error", () => socket.destroy()).resume());
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    writeFileSync(keyring.config, `Host peer\nHostName 127.0.0.1\nPort ${port}\n`);
    expect(await login("peer", { connectTimeoutMs: 300 })).toBe(
      "TIMEOUT ssh: peer was not reached within 300 ms",
    );
    await new Promise((resolve) => silent.close(resolve));
  });

  test("needs ssh itself, which says what to install where it is missing", async () => {
    keyring.host("peer", server);
    vi.stubEnv("PATH", "/nonexistent");
    expect(await login()).toMatch(/^UNREACHABLE .*ssh is not on the PATH.* install/);
  });
});
