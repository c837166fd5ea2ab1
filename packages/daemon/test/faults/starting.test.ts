import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestNode } from "../fleet.js";

const posix = process.platform !== "win32";
let directory: string;
let node: TestNode;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "starting-"));
  node = new TestNode(join(directory, "home"), "mac1");
});

afterEach(async () => {
  await node.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** It ends with exit code 1 and one line on stderr that says all of `words`. */
async function expectRefusal(...words: readonly string[]): Promise<void> {
  expect(await node.launch()).toBe(1);
  const lines = node.log.split("\n").filter((line) => line.startsWith("multifleet-daemon: "));
  expect(lines).toHaveLength(1);
  for (const word of words) expect(lines[0]).toContain(word);
  node.log = "";
}

test("a second start on one home is refused, and names the process that has it", async () => {
  await node.start();
  const second = new TestNode(node.home, "mac1");
  expect(await second.launch()).toBe(1);
  expect(second.log).toContain(`process ${node.pid}`);
  expect((await node.get("/health")).status).toBe(200);
});

test("a home that a killed daemon left is taken over", async () => {
  await node.start();
  await node.kill("SIGKILL");
  await node.start();
  expect((await node.get("/health")).body.status).toBe("ok");
});

test.skipIf(!posix)(
  "T9: a key, a token, a fleet file or a home that others may read is refused (POSIX modes)",
  async () => {
    await node.start();
    await node.stop();
    for (const name of ["node.key", "api.token", "fleet.json"]) {
      chmodSync(join(node.home, name), 0o640);
      await expectRefusal(`chmod 600 ${join(node.home, name)}`);
      chmodSync(join(node.home, name), 0o600);
    }
    chmodSync(node.home, 0o755);
    await expectRefusal(`chmod 700 ${node.home}`);
    chmodSync(node.home, 0o700);
    await node.start();
  },
);

test.skipIf(!posix)("T16: a key that is a planted symbolic link is refused (POSIX links)", async () => {
  const planted = join(directory, "planted");
  writeFileSync(planted, "{}", { mode: 0o600 });
  symlinkSync(planted, join(node.home, "node.key"));
  await expectRefusal("node.key", "is not a file");
});

test("a port that is taken is named, with what to do", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  node.port = (other.address() as AddressInfo).port;
  await expectRefusal(`port ${node.port}`, "--port");
  other.close();
});

test("a packet listener's configured port that is taken is named", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  node.options = { config: { channels: { http: { port } } } };
  await expectRefusal("channels.http", String(port));
  other.close();
});

test("a config with a typing error is named", async () => {
  node.options = { config: { chanels: {} } };
  await expectRefusal("config.json", "chanels", "channels");
  node.options = { config: { channels: { http: { prot: 1 } } } };
  await expectRefusal("channels.http", "prot", "port");
  node.options = { config: { channels: { "@acme/channel-carrier-pigeon": {} } } };
  await expectRefusal("@acme/channel-carrier-pigeon", "is not installed");
  node.options = { config: { peers: { mac2: { shh: "mac2" } } } };
  await expectRefusal('"peers.mac2.shh" is for no channel', "ssh");
  node.options = { config: { channels: { ssh: { comand: "x" } } } };
  await expectRefusal("channels.ssh: ", "comand", "command");
  node.options = { config: { channels: { jetstream: { replicas: 3 } } } };
  await expectRefusal("channels.jetstream: it comes with nats");
});

test("a channel that nobody knows is not answered with a command that installs a stranger's package", async () => {
  node.options = { config: { channels: { nast: {} } } };
  expect(await node.launch()).toBe(1);
  expect(node.log).toMatch(
    /^multifleet-daemon: channels\.nast: there is neither a channel nor .* the channels are .*nats/m,
  );
  expect(node.log).not.toContain("npm install");
  node.log = "";
});

test("files that are damaged are named, with what to do", async () => {
  await node.start();
  await node.stop();
  writeFileSync(join(node.home, "fleet.json"), "{", { mode: 0o600 });
  await expectRefusal("fleet.json", "damaged");
  writeFileSync(join(node.home, "node.key"), "{}", { mode: 0o600 });
  await expectRefusal("node.key");
});

test("a store that is not ours is named, and left as it is", async () => {
  mkdirSync(join(node.home, "store"), { mode: 0o700 });
  const file = join(node.home, "store", "data.mdb");
  writeFileSync(file, "this is somebody's shopping list\n".repeat(1_000), { mode: 0o600 });
  await expectRefusal("store");
  expect(existsSync(file)).toBe(true);
});

test("a home that cannot be made is named", async () => {
  writeFileSync(join(directory, "file"), "");
  const beneath = join(directory, "file", "home");
  node.options = { args: ["--home", beneath] };
  await expectRefusal(beneath, "--home");
});

test("a daemon called wrongly says how to call it, with exit code 2", async () => {
  node.options = { args: ["--prot", "1"] };
  expect(await node.launch()).toBe(2);
  expect(node.log).toContain("--prot");
  expect(node.log).toContain("--help");
});
