import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Keyring } from "../../../test/keyring.js";
import { sshd, SshServer } from "../../../test/sshd.js";
import { Fleet } from "./fleet.js";
import { Node, outcome } from "./node.js";
import { Repository } from "./repository.js";

const fleet = await Fleet.of("alpha", "bravo");

describe.skipIf(sshd === undefined)("through a real sshd", () => {
  let repository: Repository;
  let keyring: Keyring;
  let server: SshServer;
  /** What is called in ssh's place: it reads the keyring's configuration instead of the user's. */
  let ssh: string;
  const open: Node[] = [];

  beforeEach(async () => {
    repository = await Repository.make();
    keyring = new Keyring(repository.base);
    server = await SshServer.start(keyring, "mail");
    keyring.host("mail", server);
    keyring.trust(server);
    ssh = join(repository.base, "ssh");
    await writeFile(ssh, `#!/bin/sh\nexec ssh -F "${keyring.config}" "$@"\n`, { mode: 0o755 });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((node) => node.close()));
    await server.end();
    await repository.dispose();
  });

  async function start(name: string, remote: string): Promise<Node> {
    const options = { remote, directory: repository.spool(), cover: fleet.cover(name), ssh };
    const opened = await Node.open(name, options);
    open.push(opened);
    return opened;
  }

  test("packets go by the user's own ssh, its aliases and keys, to a path with anything in it", async () => {
    const path = join(repository.base, "a 'b' $(touch x)!.git");
    await promisify(execFile)("git", ["clone", "-q", "--bare", repository.path, path]);
    const alpha = await start("alpha", `mail:${path}`);
    expect(outcome(await alpha.send("bravo", "x".repeat(300_000)))).toBe("stores");
    const bravo = await start("bravo", `ssh://mail${encodeURI(path)}`);
    expect(await bravo.received(1)).toEqual(["x".repeat(300_000)]);
  });

  test("a host key that is not known is refused, with what to do", async () => {
    await writeFile(keyring.knownHosts, "");
    const alpha = await start("alpha", `mail:${repository.path}`);
    expect(outcome(await alpha.send("bravo", "text"))).toMatch(
      /^DENIED: .*host key is not known to ssh or has changed: connect to it once by hand/,
    );
  });

  test("a key that the host does not take is refused, with what to do, and nobody is asked for a password", async () => {
    await writeFile(join(keyring.directory, "authorized_keys"), "");
    const alpha = await start("alpha", `mail:${repository.path}`);
    expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^DENIED: .*ssh found no key that it takes/);
  });

  test("a host that is gone is unreachable, and so is a repository that is not there", async () => {
    const alpha = await start("alpha", `mail:${repository.path}.not`);
    expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^UNREACHABLE: .*no repository is there/);
    await server.stop();
    expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^UNREACHABLE: .*[Cc]onnection refused/);
    expect(alpha.host.states).toContain("down");
  });
});

test("without an ssh program it says what to install", async () => {
  const repository = await Repository.make();
  const alpha = await Node.open("alpha", {
    remote: "git@host.invalid:mail.git",
    directory: repository.spool(),
    cover: fleet.cover("alpha"),
    ssh: "/nowhere/ssh",
  });
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(
    /^UNREACHABLE: git: there is no program \/nowhere\/ssh/,
  );
  await alpha.close();
  await repository.dispose();
});
