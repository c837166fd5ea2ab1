import { resolve } from "node:path";
import { expect, test } from "vitest";
import { makeRig, problem, run } from "./rig.js";

const server = (more: object = {}) => ({
  state: "running",
  since: new Date(Date.now() - 120_000).toISOString(),
  pid: 7,
  version: "2.10.27",
  restarts: 0,
  role: "single",
  server: "nats://127.0.0.1:4222",
  listen: "127.0.0.1:4222",
  config: "/home/me/.multifleet/nats/nats-server.conf",
  ...more,
});

test("nats up asks for what was given, and for the last settings where nothing was", async () => {
  await using rig = await makeRig();
  rig.on("POST /nats", () => server());
  expect(await rig.run("nats", "up")).toMatchObject({ code: 0, err: "" });
  await rig.run(
    "nats",
    "up",
    "--listen",
    "0.0.0.0",
    "--routes",
    "mac1:6222, mac2:6222",
    "--server-port",
    "0",
    "--share",
  );
  await rig.run(
    "nats",
    "up",
    "--hub",
    "nats-leaf://mac1:7422",
    "--creds",
    "hub.creds",
    "--leaf-port",
    "7423",
  );
  expect(rig.asked.map(({ body }) => body)).toEqual([
    {},
    { listen: "0.0.0.0", routes: ["mac1:6222", "mac2:6222"], port: 0, share: true },
    { hub: "nats-leaf://mac1:7422", creds: resolve("hub.creds"), leaf_port: 7423 },
  ]);
});

test("the password for a hub comes from the environment or from standard input, never from the command line", async () => {
  await using rig = await makeRig();
  rig.on("POST /nats", () => server({ role: "leaf" }));
  const line = ["nats", "up", "--hub", "mac1", "--user", "me"];
  await run(line, { home: rig.home, env: { NATS_PASSWORD: "by the environment" } });
  await run(line, { home: rig.home, stdin: "by standard input\nand no more\n" });
  expect(rig.asked.map(({ body }) => (body as { password?: string }).password)).toEqual([
    "by the environment",
    "by standard input",
  ]);
  expect(await run(line, { home: rig.home, stdin: "" })).toMatchObject({ code: 2 });
  expect(await rig.run(...line, "--password", "x")).toMatchObject({ code: 2 });
});

test("nats status shows how the server is and where its files are; one that does not run is exit 1 with the reason", async () => {
  await using rig = await makeRig();
  rig.on("GET /nats", () => server({ hub: "nats-leaf://mac1:7422", domain: "mac2", restarts: 2 }));
  const { code, out } = await rig.run("nats");
  expect(code).toBe(0);
  expect(out).toMatch(/^nats-server +running for 2 minutes\nversion +2\.10\.27\n/);
  expect(out).toMatch(/hub +nats-leaf:\/\/mac1:7422\ndomain +mac2\nrestarts +2 times\nconfig +\/home/);
  expect(JSON.parse((await rig.run("nats", "status", "--json")).out)).toMatchObject({
    state: "running",
    pid: 7,
  });
  rig.on("GET /nats", () => server({ state: "waiting", reason: "was ended by SIGKILL" }));
  expect(await rig.run("nats", "status")).toMatchObject({
    code: 1,
    err: "multifleet: the nats-server is waiting: was ended by SIGKILL\n",
  });
  rig.on("GET /nats", () => ({ state: "off" }));
  expect(await rig.run("nats", "status")).toMatchObject({ code: 0, out: "nats-server  off\n", err: "" });
});

test("without the program nats up fails with how to get it", async () => {
  await using rig = await makeRig();
  const detail = "nats-server is not on the daemon's PATH.";
  const install = ["sudo apt-get install nats-server", "or download it"];
  rig.on("POST /nats", () => ({ ...problem(409, "nats_server_missing", detail), install }));
  expect(await rig.run("nats", "up")).toEqual({
    code: 1,
    out: "",
    err: `multifleet: ${detail}\n  sudo apt-get install nats-server\n  or download it\n`,
  });
  const { error } = JSON.parse((await rig.run("nats", "up", "--json")).out) as { error: object };
  expect(error).toMatchObject({ code: "nats_server_missing", message: detail, install });
});

test("nats down keeps what was stored, unless it is purged", async () => {
  await using rig = await makeRig();
  rig.on("DELETE /nats", () => ({ state: "off" }));
  expect(await rig.run("nats", "down")).toMatchObject({ code: 0, out: "Ended. What it stored is kept.\n" });
  expect(await rig.run("nats", "down", "--purge")).toMatchObject({ code: 0 });
  expect(rig.asked.map(({ url }) => url)).toEqual(["/nats?purge=false", "/nats?purge=true"]);
});

test("an option that does not go with the action is a misuse", async () => {
  await using rig = await makeRig();
  for (const line of [["status", "--share"], ["down", "--hub", "mac1"], ["up", "--purge"], ["start"]])
    expect(await rig.run("nats", ...line)).toMatchObject({ code: 2, out: "" });
  expect(rig.asked).toEqual([]);
});
