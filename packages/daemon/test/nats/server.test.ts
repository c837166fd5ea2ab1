import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { TestFleet, type TestNode } from "../fleet.js";
import { attach, channelOpen, companions } from "./watch.js";

const server = findProgram("nats-server");
const none = server === undefined;

/** Sets up a server on a free port, and tells how it is. */
async function up(node: TestNode, more: object = {}) {
  const answer = await node.post("/nats", { port: 0, ...more });
  expect(answer).toMatchObject({ status: 200, body: { state: "running" } });
  return answer.body;
}

/** The configuration of a node that uses another's server. */
const client = (node: TestNode, url: string) => ({
  channels: { nats: { servers: [url], nkeyFile: join(node.home, "nats", "client.nk") } },
});

test.skipIf(none)(
  "nats up answers once the server runs, and opens the channels to it; a peer is reached by nats",
  async () => {
    await using fleet = await TestFleet.start(["mac1"]);
    const mac1 = fleet.node("mac1");
    const shown = await up(mac1);
    const { channels, nats_server, status } = (await mac1.get("/health")).body;
    expect({ status, nats: channels.nats.state }).toEqual({ status: "ok", nats: "open" });
    expect(nats_server).toEqual(shown);
    expect((await mac1.get("/nats")).body).toMatchObject({
      version: expect.any(String),
      restarts: 0,
      role: "single",
    });
    for (const file of ["nats-server.conf", "client.nk", "server.json"])
      expect(statSync(join(mac1.home, "nats", file)).mode & 0o777).toBe(0o600);
    expect(statSync(join(mac1.home, "nats")).mode & 0o777).toBe(0o700);
    const mac2 = await fleet.add("mac2", { config: client(mac1, shown.server) });
    const { body } = await mac2.send("mac1", "by nats", { via: "nats" });
    expect(await mac2.settled(body.id)).toMatchObject({
      state: "delivered",
      attempts: [{ channel: "nats" }],
    });
  },
);

test.skipIf(none)(
  "nothing secret is in a single server's configuration, its process's arguments, its log or any answer",
  async () => {
    await using fleet = await TestFleet.start(["mac1"]);
    const mac1 = fleet.node("mac1");
    const shown = await up(mac1, { leaf_port: 0 });
    const read = (name: string) => readFileSync(join(mac1.home, name), "utf8");
    const seed = read("nats/client.nk").trim();
    expect(seed).toMatch(/^SU[A-Z2-7]{56}$/);
    const password = /"password": "([^"]+)"/.exec(read("nats/nats-server.conf"))?.[1] ?? "";
    expect(password).toHaveLength(43);
    const { secret } = JSON.parse(read("fleet.json")) as { secret: string };
    const told = [
      execFileSync("ps", ["-ww", "-o", "args=", "-p", String(shown.pid)], { encoding: "utf8" }),
      ...[read("logs/nats-server.log"), mac1.log, JSON.stringify(shown)],
      JSON.stringify((await mac1.get("/health")).body),
    ].join("\n");
    expect(told).toContain("nats-server.conf");
    for (const word of [seed, password, secret]) expect(told).not.toContain(word);
    expect(read("nats/nats-server.conf")).not.toContain(seed);
  },
);

test.skipIf(none)("a server that is killed is started again, counted, and used again", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  const shown = await up(mac1);
  const mac2 = await fleet.add("mac2", { config: client(mac1, shown.server) });
  process.kill(shown.pid, "SIGKILL");
  const { body } = await mac2.send("mac1", "after it died", { via: "nats" });
  expect(await mac2.settled(body.id, 30)).toMatchObject({ state: "delivered" });
  const after = (await mac1.get("/nats")).body;
  expect(after).toMatchObject({ state: "running", restarts: 1, server: shown.server });
  expect(after.pid).not.toBe(shown.pid);
  expect(await mac1.counters()).toMatchObject({ nats_server_starts_total: 2, nats_server_exits_total: 1 });
});

test.skipIf(none)("a stopped daemon ends its server, and starts it again with the next start", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  const { server: url, pid } = await up(mac1);
  await mac1.stop();
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  if (process.platform === "linux") expect(companions(pid)).toEqual([]);
  await mac1.start();
  await channelOpen(mac1, "nats");
  expect((await mac1.get("/nats")).body).toMatchObject({ state: "running", server: url });
  expect(await mac1.counters()).toMatchObject({ nats_server_orphans_total: 0 });
});

test.skipIf(none)("the server of a daemon that is killed ends by itself", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  await up(mac1);
  const { socket, gone } = await attach(mac1);
  await mac1.kill("SIGKILL");
  await gone;
  expect(socket.destroyed).toBe(true);
});

test.skipIf(none || process.platform !== "linux")(
  "a server that outlived its daemon and its watcher is ended by the next daemon",
  async () => {
    await using fleet = await TestFleet.start(["mac1"]);
    const mac1 = fleet.node("mac1");
    const { pid } = await up(mac1);
    const { socket, gone } = await attach(mac1);
    const watchers = companions(pid);
    expect(watchers).not.toEqual([]);
    for (const watcher of watchers) process.kill(watcher, "SIGKILL");
    await mac1.kill("SIGKILL");
    expect(socket.closed).toBe(false);
    await mac1.start();
    await gone;
    expect(await mac1.counters()).toMatchObject({ nats_server_orphans_total: 1 });
  },
);

test.skipIf(none)("a process that merely has the number of a former server is left alone", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  await up(mac1);
  await mac1.kill("SIGKILL");
  // This very process: were it ended, so would be the test.
  writeFileSync(
    join(mac1.home, "nats", "process.json"),
    JSON.stringify({ pid: process.pid, mark: "boot 1" }),
  );
  await mac1.start();
  expect(await mac1.counters()).toMatchObject({ nats_server_orphans_total: 0 });
});

test.skipIf(none)("a port that another program has is told, and what ran before goes on", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  const before = await up(mac1);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  try {
    const { status, body } = await mac1.post("/nats", { port });
    expect({ status, code: body.code }).toEqual({ status: 409, code: "port_taken" });
    expect(body.detail).toMatch(
      `port ${port} on 127.0.0.1 is taken by another program. Choose another with --server-port`,
    );
    const after = (await mac1.get("/nats")).body;
    expect(after).toMatchObject({ state: "running", server: before.server });
  } finally {
    other.close();
  }
});

test("without the program, nats up says how to get it, and leaves the configuration ready", async () => {
  await using fleet = await TestFleet.start(["mac1"], { mac1: { env: { PATH: "" } } });
  const mac1 = fleet.node("mac1");
  const { status, body } = await mac1.post("/nats", { port: 0 });
  expect({ status, code: body.code }).toEqual({ status: 409, code: "nats_server_missing" });
  expect(body.detail).toMatch(/not on the daemon's PATH.*Install the program, then run: multifleet nats up$/);
  expect(body.install.join("\n")).toContain("https://github.com/nats-io/nats-server/releases");
  const configuration = join(mac1.home, "nats", "nats-server.conf");
  if (server === undefined) expect(existsSync(configuration)).toBe(true);
  else execFileSync(server, ["-t", "-c", configuration], { stdio: "ignore" });
  expect((await mac1.get("/health")).body).toMatchObject({ status: "ok", nats_server: { state: "off" } });
});

test.skipIf(none)(
  "nats down ends the server and the channel for good and keeps the streams; purge removes them",
  async () => {
    await using fleet = await TestFleet.start(["mac1"]);
    const mac1 = fleet.node("mac1");
    const { server: url, pid } = await up(mac1);
    expect((await mac1.call("DELETE", "/nats")).body).toMatchObject({ state: "off" });
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    const { channels, status } = (await mac1.get("/health")).body;
    expect({ status, nats: channels.nats }).toEqual({ status: "ok", nats: undefined });
    expect(existsSync(join(mac1.home, "nats", "store", "jetstream"))).toBe(true);
    await mac1.stop();
    await mac1.start();
    expect((await mac1.get("/nats")).body).toMatchObject({ state: "off" });
    // As it was set up the last time.
    expect((await mac1.post("/nats")).body).toMatchObject({ state: "running", server: url });
    expect((await mac1.call("DELETE", "/nats?purge=true")).body).toEqual({ state: "off" });
    expect(existsSync(join(mac1.home, "nats"))).toBe(false);
  },
);

test.skipIf(none)("a node that joins another fleet lets that fleet's members into its server", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const mac1 = fleet.node("mac1");
  await using others = await TestFleet.start(["mac2"]);
  const mac2 = others.node("mac2");
  const { server: url } = await up(mac2);
  const key = () => readFileSync(join(mac2.home, "nats", "client.nk"), "utf8");
  const before = key();
  const { body } = await mac1.post("/invite", { uses: 1, expires: "1h" });
  expect((await mac2.post("/join", { code: body.code })).status).toBe(200);
  expect(key()).not.toBe(before);
  expect((await mac2.get("/nats")).body).toMatchObject({ state: "running", server: url });
  await channelOpen(mac2, "nats");
  // With the new fleet's key: one of the old fleet's would be refused.
  expect((await attach(mac2)).socket.destroy().destroyed).toBe(true);
});
