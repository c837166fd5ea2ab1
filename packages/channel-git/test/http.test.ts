import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { globalAgent } from "node:https";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findProgram } from "../../../test/needs.js";
import type { Host } from "../../../test/host.js";
import { Fleet } from "./fleet.js";
import { Node, outcome } from "./node.js";
import { Repository } from "./repository.js";
import { GitServer } from "./server.js";

const fleet = await Fleet.of("alpha", "bravo");
let repository: Repository;
let server: GitServer;
const open: Node[] = [];

beforeEach(async () => {
  repository = await Repository.make();
  await repository.git("config", "http.receivepack", "true");
  server = await GitServer.start(repository.base);
  // Credentials are asked of the configured helpers: of none, unless a test has one.
  vi.stubEnv("GIT_CONFIG_GLOBAL", join(repository.base, "gitconfig"));
  vi.stubEnv("GIT_CONFIG_NOSYSTEM", "1");
  await writeFile(join(repository.base, "gitconfig"), "");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await server.close();
  await repository.dispose();
  vi.unstubAllEnvs();
});

async function start(name: string | Host, remote = `${server.origin}/mail.git`): Promise<Node> {
  const cover = fleet.cover(typeof name === "string" ? name : name.node);
  const opened = await Node.open(name, { remote, directory: repository.spool(), cover });
  open.push(opened);
  return opened;
}

/** A credential helper that answers with `password`, and writes down what it is told. */
async function helper(password: string): Promise<string> {
  const log = join(repository.base, "helper.log");
  const program = join(repository.base, "helper");
  await writeFile(
    program,
    `#!/bin/sh\necho "$1" >> "${log}"\ncat >> "${log}"\n[ "$1" = get ] && printf 'username=me\\npassword=${password}\\n'\nexit 0\n`,
  );
  await chmod(program, 0o755);
  await writeFile(join(repository.base, "gitconfig"), `[credential]\n\thelper = ${program}\n`);
  return log;
}

test("packets go through a host that is reached by http, and are read when the node is poked", async () => {
  const alpha = await start("alpha");
  const bravo = await start("bravo");
  expect(outcome(await alpha.send("bravo", "x".repeat(500_000)))).toBe("stores");
  bravo.link.poke?.();
  await bravo.received(1);
  await bravo.close();
  expect(await repository.refs()).toEqual([]);
});

test("a host is not asked again and again: only at the start, and when something tells to look", async () => {
  await start("bravo");
  const alpha = await start("alpha");
  await alpha.send("bravo", "text");
  const asked = server.requests.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(server.requests.length).toBe(asked);
  expect(server.requests.filter((line) => line.includes("git-upload-pack"))).toHaveLength(2);
});

test("credentials come from git's own helpers, which learn that they were right", async () => {
  server.login = "me:s3cret";
  const log = await helper("s3cret");
  const alpha = await start("alpha");
  expect(outcome(await alpha.send("bravo", "text"))).toBe("stores");
  const asked = await readFile(log, "utf8");
  expect(asked).toMatch(/^get\n(.*\n)*protocol=http\n/);
  expect(asked).toMatch(/store\n(.*\n)*password=s3cret\n/);
});

test("credentials in the remote's address are used, and shown nowhere", async () => {
  server.login = "me:s3cret";
  const alpha = await start("alpha", `${server.origin.replace("//", "//me:s3cret@")}/mail.git`);
  expect(outcome(await alpha.send("bravo", "text"))).toBe("stores");
  server.login = "me:another";
  const said = outcome(await alpha.send("bravo", "text"));
  expect(said).toMatch(/^DENIED: .* answered 401: it refuses the credentials/);
  expect(JSON.stringify([said, alpha.link.status?.(), alpha.host.events])).not.toContain("s3cret");
});

test("wrong credentials are forgotten by the helpers, and whoever sent is told what to do", async () => {
  server.login = "me:right";
  const log = await helper("wrong");
  const alpha = await start("alpha");
  const said = outcome(await alpha.send("bravo", "text"));
  expect(said).toBe(
    `DENIED: git: ${server.origin}/mail.git answered 401: it refuses the credentials; give git new ones: git credential approve`,
  );
  expect(await readFile(log, "utf8")).toMatch(/erase\n(.*\n)*password=wrong\n/);
});

test("without any credentials it says how to give some, and nobody is asked for a password", async () => {
  server.login = "me:right";
  const alpha = await start("alpha");
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(
    /^DENIED: .*no credentials are known; run "git ls-remote/,
  );
});

test("helpers of a repository in which the daemon was started are not asked", async () => {
  server.login = "me:right";
  const evil = join(repository.base, "evil");
  await mkdir(evil);
  vi.stubEnv("GIT_DIR", repository.path);
  await repository.git(
    "config",
    "credential.helper",
    `!touch ${evil}/asked; echo password=x; echo username=x`,
  );
  const alpha = await start("alpha");
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/no credentials are known/);
});

test("without a git program on the machine http works all the same", async () => {
  const alpha = await start("alpha");
  vi.stubEnv("PATH", "/nowhere");
  expect(outcome(await alpha.send("bravo", "text"))).toBe("stores");
  const local = await Node.open("bravo", {
    remote: repository.path,
    directory: repository.spool(),
    cover: fleet.cover("bravo"),
  });
  open.push(local);
  expect(outcome(await local.send("alpha", "text"))).toMatch(
    /^UNREACHABLE: git: there is no program git: install git/,
  );
});

test("a host that hangs up in the middle of a fetch costs no packet: it is read at the next event", async () => {
  const alpha = await start("alpha");
  await alpha.send("bravo", "text");
  server.instead = (request, response) => {
    if (request.method !== "POST") return false;
    response.writeHead(200, { "Content-Type": "application/x-git-upload-pack-result" });
    response.write("0008NAK\n00061P", () => response.destroy());
    return true;
  };
  const bravo = await start("bravo");
  await bravo.host.until(() => Object.keys(bravo.host.counts).length > 0);
  expect(await repository.refs()).toEqual(["refs/multifleet/bravo/alpha"]);
  server.instead = () => false;
  bravo.link.poke?.();
  expect(await bravo.received(1)).toEqual(["text"]);
});

test("a host that sends another pack than git's costs no packet either", async () => {
  const alpha = await start("alpha");
  await alpha.send("bravo", "text");
  server.instead = (request, response) => {
    if (request.method !== "POST") return false;
    response.writeHead(200, { "Content-Type": "application/x-git-upload-pack-result" });
    response.end("0008NAK\n000a\u0001PACK?0000");
    return true;
  };
  const bravo = await start("bravo");
  await bravo.host.until(() => bravo.host.counts["kept_refs"] === 1);
  expect(await repository.refs()).toEqual(["refs/multifleet/bravo/alpha"]);
  server.instead = () => false;
  bravo.link.poke?.();
  expect(await bravo.received(1)).toEqual(["text"]);
});

test.skipIf(findProgram("openssl") === undefined)(
  "https goes to a host whose certificate is vouched for, and to no other",
  async () => {
    const [key, cert] = [join(repository.base, "key.pem"), join(repository.base, "cert.pem")];
    const request = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync("openssl", [...request, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const certificate = { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
    const secure = await GitServer.start(repository.base, certificate);
    const alpha = await start("alpha", `${secure.origin}/mail.git`);
    try {
      expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^UNREACHABLE: .*self-signed certificate/);
      globalAgent.options.ca = certificate.cert;
      expect(outcome(await alpha.send("bravo", "text"))).toBe("stores");
    } finally {
      delete globalAgent.options.ca;
      await alpha.close();
      await secure.close();
    }
  },
);

test.each([
  [403, /^DENIED: .*give them the right to write/],
  [404, /^UNREACHABLE: .*no repository is there, or these credentials do not see it/],
  [413, /^TOO_LARGE/],
  [429, /^BUSY/],
  [503, /^BUSY/],
  [502, /^UNREACHABLE/],
  [500, /^INTERNAL/],
])("a host that answers %i is told apart", async (status, said) => {
  server.instead = (_, response) => {
    response.writeHead(status).end();
    return true;
  };
  expect(outcome(await (await start("alpha")).send("bravo", "text"))).toMatch(said);
});

test("a redirection is named and not followed: credentials stay where they were sent", async () => {
  server.instead = (_, response) => {
    response.writeHead(301, { Location: "http://u:p@elsewhere.invalid/new.git/info/refs?service=x" }).end();
    return true;
  };
  const said = outcome(await (await start("alpha")).send("bravo", "text"));
  expect(said).toMatch(
    /^UNREACHABLE: .*it has moved to http:\/\/elsewhere\.invalid\/new\.git; name that one$/,
  );
});

test("what is no git host, and one that hangs up in the middle, is said to be that", async () => {
  server.instead = (_, response) => {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<html>");
    return true;
  };
  const alpha = await start("alpha");
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/answers, but not as a git remote$/);
  server.instead = (_, response) => {
    response.writeHead(200, { "Content-Type": "application/x-git-receive-pack-advertisement" });
    response.write("001f# service=git-receive-pack\n0000", () => response.destroy());
    return true;
  };
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^CLOSED/);
});

test("a host that sends without end is read to a limit", async () => {
  server.instead = (_, response) => {
    response.writeHead(200, { "Content-Type": "application/x-git-receive-pack-advertisement" });
    response.write("001f# service=git-receive-pack\n0000");
    const line = `003d${"a".repeat(40)} refs/heads/aaaa\n`;
    const more = () => void (response.destroyed || response.write(line.repeat(10_000), more));
    more();
    return true;
  };
  const alpha = await start("alpha");
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^INTERNAL: .*sends more than is read of it$/);
});

test("a host that says nothing has until the deadline", async () => {
  server.instead = () => true;
  const alpha = await Node.open("alpha", {
    remote: `${server.origin}/mail.git`,
    directory: repository.spool(),
    cover: fleet.cover("alpha"),
    timeoutMs: 1_000,
  });
  open.push(alpha);
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^TIMEOUT: .* took more than 1000 ms$/);
});
