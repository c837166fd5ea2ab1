import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { configuration } from "../../src/nats/configuration.js";
import { serverKeys } from "../../src/nats/keys.js";
import { LogFile } from "../../src/nats/log-file.js";
import { findServer, installText } from "../../src/nats/program.js";
import { settle, type NatsRequest } from "../../src/nats/settings.js";

const program = findProgram("nats-server");
const secret = createHash("sha256").update("a fleet").digest("base64url");

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "nats-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function written(asked: NatsRequest, version: [number, number, number] | undefined, store = directory) {
  const facts = { node: "mac1", keys: serverKeys(secret), store, version };
  return configuration(await settle(asked, "home"), facts);
}

const roles: Record<string, NatsRequest> = {
  single: {},
  hub: { listen: "0.0.0.0", leaf_port: 7422 },
  leaf: { hub: "mac2" },
  "leaf with a login": { hub: "tls://hub.example:7422", user: "me@work", password: 'p"a:s/s#w$o{r}d' },
  "leaf with IPv6": { listen: "::1", hub: "nats-leaf://[fd00::1]:7422" },
  cluster: {
    listen: "::",
    routes: ["mac1", "nats-route://mac2:6223", "[fd00::3]:6222"],
    cluster_name: "my.c-1",
  },
};

test.skipIf(program === undefined).each(Object.keys(roles))(
  "nats-server reads the configuration of a %s, whatever the path of the home holds",
  async (role) => {
    const store = join(directory, 'sp ace "quoted" {$HOME} # \\ ä');
    mkdirSync(store);
    const path = join(directory, "nats-server.conf");
    writeFileSync(path, await written(roles[role] ?? {}, undefined, store));
    const { stderr } = await promisify(execFile)(program ?? "", ["-t", "-c", path]);
    expect(stderr).toContain("is valid");
  },
);

test("each acknowledged write is flushed where the server can do that, and only there", async () => {
  expect(await written({}, [2, 10, 0])).toContain('"sync_interval": "always"');
  expect(await written({}, [3, 0, 1])).toContain('"sync_interval": "always"');
  expect(await written({}, [2, 9, 25])).not.toContain("sync_interval");
  expect(await written({}, undefined)).not.toContain("sync_interval");
});

test("the keys of a fleet are the same on every member, and one for each purpose", () => {
  const keys = serverKeys(secret);
  expect(serverKeys(secret)).toEqual(keys);
  const other = serverKeys(randomBytes(32).toString("base64url"));
  const all = [keys, other].flatMap(({ client, route, leaf }) => [
    client.seed,
    client.publicKey,
    route,
    leaf,
  ]);
  expect(new Set(all).size).toBe(8);
});

test("routes and hubs are read as people write them", async () => {
  expect((await settle({ routes: ["127.0.0.1"] }, "home")).cluster).toEqual({
    ...{ name: "home", port: 6222, routes: ["127.0.0.1:6222"] },
  });
  expect((await settle({ hub: "mac1:80" }, "home")).hub).toEqual({ url: "nats-leaf://mac1:80" });
  const { port } = await settle({ port: 0 }, "home");
  expect(port).toBeGreaterThan(0);
});

test.each<[NatsRequest, string]>([
  [{ listen: "lan" }, 'listen is "lan"'],
  [{ role: "leaf" }, "a leaf needs hub"],
  [{ role: "cluster" }, "a cluster needs routes"],
  [{ role: "single", hub: "mac1" }, "hub is for the role leaf"],
  [{ hub: "mac1", routes: ["mac1"] }, "routes is for the role cluster"],
  [{ routes: ["mac1", "mac2"] }, "needs listen"],
  [{ share: true }, "share needs listen"],
  [{ hub: "nats-leaf://me:pw@mac1" }, "hub has a login in its URL"],
  [{ hub: "http://mac1" }, "use a URL such as"],
  [{ hub: "mac1", user: "me" }, "user and password go together"],
  [{ hub: "mac1", creds: "/nowhere/c.creds" }, "cannot be read"],
  [{ hub: "mac1", creds: "/c", user: "me", password: "p" }, "one too many"],
  [{ routes: ["me:pw@127.0.0.1:1"] }, "need no login"],
  [{ routes: ["127.0.0.1"], cluster_name: "a b" }, "cluster_name"],
])("%j is refused", async (asked, reason) => {
  const refused = settle(asked, "home");
  await expect(refused).rejects.toMatchObject({ code: "bad_request" });
  await expect(refused).rejects.toThrow(reason);
  await expect(refused).rejects.not.toThrow("pw@");
});

test("a program is looked for in absolute directories alone", () => {
  writeFileSync(join(directory, "nats-server"), "#!/bin/sh\n", { mode: 0o755 });
  expect(findServer(`.::${directory}`)).toBe(join(directory, "nats-server"));
  const here = process.cwd();
  process.chdir(directory);
  try {
    expect(findServer(".:")).toBeUndefined();
    expect(findServer(undefined)).toBeUndefined();
  } finally {
    process.chdir(here);
  }
});

test("how to get the program is said for the system at hand", () => {
  const text = (...given: Parameters<typeof installText>) => installText(...given).join("\n");
  expect(text("linux", ["ubuntu", "debian"])).toContain("sudo apt-get install nats-server");
  expect(text("linux", ["arch"])).toContain("pacman");
  expect(text("linux", [])).toContain("go install github.com/nats-io/nats-server/v2@latest");
  expect(text("darwin", [])).toContain("brew install nats-server");
  expect(text("win32", [])).toMatch(/windows-\w+\.zip/);
});

test("the log keeps the newest lines in two files of bounded size", () => {
  const path = join(directory, "nats-server.log");
  let log = new LogFile(path, 1_000);
  for (let line = 0; line < 100; line++) {
    if (line === 50) log = new LogFile(path, 1_000);
    log.write(`line ${line} ${"x".repeat(40)}`);
  }
  const both = [`${path}.1`, path].map((each) => readFileSync(each, "utf8"));
  for (const text of both) expect(text.length).toBeLessThanOrEqual(1_000);
  expect(both.join("")).toMatch(/^line \d+ x+\n(?:line \d+ x+\n)+$/);
  expect(both[1]).toContain("line 99 ");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
