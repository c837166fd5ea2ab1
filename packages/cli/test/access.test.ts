import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { item, makeRig, problem, run, writeRunning } from "./rig.js";

const bin = fileURLToPath(new URL("../bin/multifleet.js", import.meta.url));

/** A program that is no daemon: it says `words` to whoever connects. */
async function makeStranger(words: string) {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      heard.push(data.toString());
      socket.write(words);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    heard,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("without a daemon every command that needs one says how to start it", async () => {
  await using rig = await makeRig();
  rmSync(join(rig.home, "daemon.json"));
  for (const argv of [
    ["peers"],
    ["send", "mac2", "s", "b"],
    ["inbox"],
    ["status", "x"],
    ["join", "mf1-x"],
    ["invite"],
  ])
    expect(await rig.run(...argv)).toEqual({
      code: 1,
      out: "",
      err: `multifleet: no daemon is running for ${rig.home}\nStart one with: npx multifleet-daemon --home ${rig.home}\n`,
    });
  const json = await rig.run("peers", "--json");
  expect(JSON.parse(json.out)).toMatchObject({ error: { code: "not_running" } });
});

test("what a killed daemon left behind is not trusted: whoever has its port now never sees the token", async () => {
  await using rig = await makeRig();
  await using stranger = await makeStranger("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  writeRunning(rig.home, { pid, port: stranger.port, node: "mac1", started: 1 });
  expect((await rig.run("peers")).err).toContain("no daemon is running");
  expect(stranger.heard).toEqual([]);
});

test("a daemon.json that is torn, or is not one, is as good as none", async () => {
  await using rig = await makeRig();
  for (const text of ["", '{"pid":1,', "null", "[]", '{"pid":"x","port":1}']) {
    writeFileSync(join(rig.home, "daemon.json"), text);
    expect((await rig.run("peers")).err).toContain("no daemon is running");
  }
});

test("the port comes from --port, then MULTIFLEET_PORT, then the home; 0 names none", async () => {
  await using rig = await makeRig();
  rig.on("GET /peers", () => ({ peers: [] }));
  writeRunning(rig.home, { pid: process.pid, port: 1, node: "mac1", started: 1 });
  const { home, port } = rig;
  expect((await run(["peers", "--port", String(port)], { home })).code).toBe(0);
  expect((await run(["peers"], { home, env: { MULTIFLEET_PORT: String(port) } })).code).toBe(0);
  expect((await run(["peers"], { home, env: { MULTIFLEET_PORT: "0" } })).err).toContain(
    "no daemon is running",
  );
  expect((await run(["peers"], { home, env: { MULTIFLEET_PORT: "http" } })).err).toContain(
    '"http" is not a port',
  );
  expect(await run(["peers", "--port", "70000"], { home })).toMatchObject({
    code: 2,
    err: 'multifleet: "70000" is not a port: use a number from 1 to 65535\nSee: multifleet --help\n',
  });
});

test("--home wins over MULTIFLEET_HOME, and a home without a token says so", async () => {
  await using rig = await makeRig();
  await using other = await makeRig();
  rig.on("GET /peers", () => ({ peers: [] }));
  expect((await run(["peers", "--home", rig.home], { home: other.home })).code).toBe(0);
  expect(other.asked).toEqual([]);
  rmSync(join(rig.home, "api.token"));
  expect((await rig.run("peers")).err).toContain("the token of the local API cannot be read");
});

for (const [what, words, said] of [
  ["another HTTP server", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "is not a Multi-Fleet daemon"],
  ["a server of JSON that is no problem", "HTTP/1.1 404 X\r\ncontent-length: 2\r\n\r\n{}", "it answered 404"],
  ["a program that speaks no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP"],
] as const)
  test(`${what} behind the port is told from a daemon`, async () => {
    await using rig = await makeRig();
    await using stranger = await makeStranger(words);
    const ran = await rig.run("peers", "--port", String(stranger.port));
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(said);
    expect(ran.err).toContain("multifleet doctor");
  });

test("a wrong token is told with what to do", async () => {
  await using rig = await makeRig();
  rig.on("GET /peers", () => problem(401, "unauthorized", "The token is wrong"));
  expect((await rig.run("peers")).err).toMatch(
    /The token is wrong\nThe token in .* name its home with --home/,
  );
});

test("a daemon that dies in the middle of an answer is a failure, not half an answer", async () => {
  await using rig = await makeRig();
  rig.on("GET /peers", (_asked, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write('{"peers":[]}');
    response.destroy();
  });
  const ran = await rig.run("peers");
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("the daemon ended the connection");
});

test("the program itself: exit codes and streams", () => {
  const node = (...argv: string[]) =>
    spawnSync(process.execPath, [bin, ...argv], {
      encoding: "utf8",
      env: { ...process.env, MULTIFLEET_HOME: "/nowhere" },
    });
  expect(node("--version").stdout).toMatch(/^\d+\.\d+\.\d+/);
  expect(JSON.parse(node("--version", "--json").stdout)).toHaveProperty("version");
  expect(node("help")).toMatchObject({ status: 0, stderr: "" });
  expect(node()).toMatchObject({ status: 2, stdout: "" });
  expect(node().stderr).toContain("Usage: multifleet COMMAND");
  expect(node("sned")).toMatchObject({ status: 2, stdout: "" });
  expect(node("sned").stderr).toBe(
    'multifleet: there is no command "sned": is send meant?\nSee: multifleet --help\n',
  );
  expect(node("send").stderr).toContain("See: multifleet send --help");
  expect(node("peers")).toMatchObject({ status: 1, stdout: "" });
});

test("a reader that has seen enough, such as head, is no failure", async () => {
  await using rig = await makeRig();
  const items = Array.from({ length: 200 }, (_, at) => item(at + 1, { body: "x".repeat(20_000) }));
  rig.on("GET /inbox", () => ({ items }));
  const child = spawn(process.execPath, [bin, "inbox", "--limit", "200", "--home", rig.home]);
  let said = "";
  child.stderr.on("data", (data) => (said += String(data)));
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = await once(child, "close");
  expect({ code, said }).toEqual({ code: 0, said: "" });
});
