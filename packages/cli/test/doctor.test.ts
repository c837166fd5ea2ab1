import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkHealth, checkPending } from "../src/doctor/fleet.js";
import type { Finding } from "../src/doctor/finding.js";
import { checkHome } from "../src/doctor/home.js";
import { checkClock, checkDisk, checkNode } from "../src/doctor/machine.js";
import type { HealthView, MessageView } from "../src/views.js";
import { makeRig, message, problem, run, type Rig } from "./rig.js";

const posix = process.platform !== "win32";

function makeHome() {
  const home = join(mkdtempSync(join(tmpdir(), "multifleet-doctor-")), "home");
  return { home, [Symbol.dispose]: () => rmSync(join(home, ".."), { recursive: true, force: true }) };
}

const health = (more: object = {}): HealthView => ({
  status: "ok",
  node: "mac1",
  fleet: "f1",
  version: "0.0.0",
  uptime_s: 5,
  reasons: [],
  counters: {},
  error_counters: {},
  channels: { http: { state: "open", rank: "P2", effect: "delivers" } },
  peers: { mac2: { pending: 0, channels: { http: { state: "up", rank: "P2", effect: "delivers" } } } },
  messages: {},
  store: {},
  ...more,
});

/** Every finding that is not well says what, why, and what to type where something can be typed. */
function expectFinding(
  found: readonly Finding[],
  state: Finding["state"],
  what: RegExp,
  fix?: string | RegExp,
) {
  const one = found.find((finding) => finding.state === state && what.test(finding.what));
  expect(one, JSON.stringify(found)).toBeDefined();
  if (one === undefined || one.state === "ok") return;
  expect(one.why).not.toBe("");
  if (fix !== undefined) expect(one.fix).toMatch(fix);
}

function serveWell(rig: Rig, more: object = {}): void {
  rig.on("GET /health", () => health(more));
  rig.on("GET /messages", () => ({ messages: [] }));
  rig.on("GET /dead-letters", () => ({ messages: [] }));
  rig.on("POST /check", () => ({ results: [] }));
}

test("a node in order has no findings but good ones, and exit 0", async () => {
  await using rig = await makeRig();
  serveWell(rig);
  const ran = await rig.run("doctor");
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).not.toMatch(/^(wrong|note) /m);
  expect(ran.out).toMatch(/ok +daemon +mac1 answers on port/);
  const json = JSON.parse((await rig.run("doctor", "--json")).out) as { ok: boolean; findings: Finding[] };
  expect(json.ok).toBe(true);
  expect(new Set(json.findings.map(({ check }) => check))).toEqual(
    new Set([
      "node",
      "clock",
      "home",
      "disk",
      "daemon",
      "channel",
      "peer",
      "health",
      "waiting",
      "dead letters",
    ]),
  );
});

test("a home that does not exist yet is a note, not a fault", () => {
  using place = makeHome();
  expectFinding(checkHome(place.home), "note", /does not exist yet/, /^npx multifleet-daemon --home /);
});

test("a file in place of the home is a fault", () => {
  using place = makeHome();
  writeFileSync(place.home, "");
  expectFinding(checkHome(place.home), "wrong", /is not a directory/, /^mv /);
});

test.runIf(posix)(
  "a home, a key or a token that others can read is a fault with the chmod that mends it",
  () => {
    using place = makeHome();
    const { home } = place;
    mkdirSync(join(home, "store"), { recursive: true });
    for (const name of ["node.key", "api.token"]) writeFileSync(join(home, name), "x", { mode: 0o600 });
    chmodSync(home, 0o755);
    chmodSync(join(home, "store"), 0o770);
    chmodSync(join(home, "node.key"), 0o644);
    const found = checkHome(home);
    expectFinding(found, "wrong", /home is open to others \(mode 0755\)/, `chmod 700 ${home}`);
    expectFinding(
      found,
      "wrong",
      /store is open to others \(mode 0770\)/,
      `chmod 700 ${join(home, "store")}`,
    );
    expectFinding(
      found,
      "wrong",
      /node\.key is open to others \(mode 0644\)/,
      `chmod 600 ${join(home, "node.key")}`,
    );
    expect(found.filter(({ what }) => what.includes("api.token"))).toEqual([]);
    chmodSync(home, 0o700);
    chmodSync(join(home, "store"), 0o700);
    chmodSync(join(home, "node.key"), 0o600);
    expect(checkHome(home)).toEqual([{ check: "home", state: "ok", what: `${home}, closed to others` }]);
  },
);

test("a config.json that is no JSON is a fault", () => {
  using place = makeHome();
  mkdirSync(place.home, { mode: 0o700 });
  writeFileSync(join(place.home, "config.json"), "{", { mode: 0o600 });
  expectFinding(checkHome(place.home), "wrong", /config\.json cannot be used/, /--print-config/);
});

test("a path with spaces or quotes is typed so that a shell takes it whole", () => {
  using place = makeHome();
  const home = `${place.home} it's mine`;
  const [found] = checkHome(home);
  expect(found).toMatchObject({ fix: `npx multifleet-daemon --home '${place.home} it'\\''s mine'` });
});

test("without a daemon, the port it would take is looked at", async () => {
  using place = makeHome();
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const argv = ["doctor", "--json", "--home", place.home];
  const env = { MULTIFLEET_PORT: String(port) };
  mkdirSync(place.home, { mode: 0o700 });
  const { code, out } = await run(argv, { env });
  expect(code).toBe(1);
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  expectFinding(findings, "wrong", new RegExp(`port ${port} is taken by another program`), /lsof|netstat/);
  await new Promise((resolve) => server.close(resolve));
  const free = JSON.parse((await run(argv, { env })).out) as { findings: Finding[] };
  expectFinding(free.findings, "ok", new RegExp(`port ${port} is free`));
  expectFinding(free.findings, "wrong", /no daemon is running/, /^npx multifleet-daemon --home /);
});

test("a daemon that does not know our token, and one of another home, are told apart", async () => {
  await using rig = await makeRig();
  rig.on("GET /health", () => problem(401, "unauthorized", "The token is wrong"));
  expect((await rig.run("doctor")).out).toMatch(/wrong +daemon +The token is wrong/);
  rig.on("GET /health", () => health({ node: "mac9" }));
  const other = await rig.run("doctor");
  expect(other.code).toBe(1);
  expect(other.out).toContain("mac9 answers");
});

test("a channel that is not open, and why, is a fault, told once", () => {
  const found = checkHealth(
    health({
      status: "degraded",
      reasons: ["channel ipc is misconfigured: the path is too long", "channel @acme/mqtt is not installed"],
      channels: {
        ipc: { state: "misconfigured", reason: "the path is too long", rank: "P8", effect: "delivers" },
      },
    }),
    Date.now(),
    "",
  );
  expectFinding(found, "wrong", /^P8 ipc is misconfigured: the path is too long$/, /--print-config/);
  expect(found.filter(({ what }) => what.includes("too long"))).toHaveLength(1);
  expectFinding(found, "wrong", /@acme\/mqtt is not installed/);
});

test("a peer that no channel reaches is a fault with every reason; one not tried yet is a note", () => {
  const down = { state: "down", reason: "ECONNREFUSED", rank: "P2", effect: "delivers" };
  const found = checkHealth(
    health({
      peers: {
        mac2: {
          pending: 3,
          channels: { http: down, ipc: { state: "unreachable", rank: "P8", effect: "delivers" } },
        },
        mac3: { pending: 0, channels: { http: { ...down, state: "unknown" } } },
        mac4: { pending: 0, channels: {} },
      },
    }),
    Date.now(),
    "",
  );
  expectFinding(
    found,
    "wrong",
    /^mac2 is not reached, never heard: http down \(ECONNREFUSED\)$/,
    "npx multifleet check mac2",
  );
  expectFinding(found, "note", /^mac3: not tried yet/, "npx multifleet check mac3");
  expectFinding(found, "wrong", /^mac4 is not reached, never heard: no channel leads there$/);
});

test("a lone node is told how to get a peer", () => {
  expectFinding(
    checkHealth(health({ peers: {} }), Date.now(), " --home /h"),
    "note",
    /no peers/,
    "npx multifleet invite --home /h",
  );
});

test("a clock that cannot be right is a fault: before the program was installed, or behind a peer's", () => {
  expectFinding([checkClock(0)], "wrong", /1970-01-01/, /timedatectl|sntp/);
  expectFinding([checkClock(Date.now())], "ok", /Z$/);
  const last_seen = new Date(Date.now() + 3_600_000).toISOString();
  const found = checkHealth(
    health({ peers: { mac2: { pending: 0, last_seen, channels: {} } } }),
    Date.now(),
    "",
  );
  expectFinding(found, "wrong", /mac2 was last seen 60 minutes in the future/);
});

test("a clock that differs from a peer's by its hellos is a fault, whichever of the two is wrong", () => {
  const peers = (clock_offset_ms: number) => ({ mac2: { pending: 0, clock_offset_ms, channels: {} } });
  const at = (offset: number) => checkHealth(health({ peers: peers(offset) }), Date.now(), "");
  expectFinding(
    at(600_000),
    "wrong",
    /^the clock of mac2 is 10 minutes ahead of this machine's$/,
    /timedatectl|sntp/,
  );
  expectFinding(at(-600_000), "wrong", /^the clock of mac2 is 10 minutes behind this machine's$/);
  expect(at(2_000).filter(({ check }) => check === "clock")).toEqual([]);
});

test("a peer without a MAC address is told of where it could be woken, with what to write", () => {
  const wol = { state: "open", rank: "P6", effect: "wakes" };
  const peer = (state: string) => ({
    mac2: {
      pending: 0,
      channels: { http: { state: "up", rank: "P2", effect: "delivers" }, wol: { ...wol, state } },
    },
  });
  const channels = { wol, http: { state: "open", rank: "P2", effect: "delivers" } };
  const of = (state: string) => checkHealth(health({ channels, peers: peer(state) }), Date.now(), "");
  expectFinding(
    of("unreachable"),
    "note",
    /^mac2 cannot be woken: no address is known/,
    /"wol": "aa:bb:cc:dd:ee:ff"/,
  );
  expect(of("unknown").filter(({ check }) => check === "wake-up")).toEqual([]);
  const { mac2 } = peer("unreachable");
  const ipc = { state: "up", rank: "P8", effect: "delivers" };
  const near = { mac2: { ...mac2, channels: { ...mac2.channels, ipc } } };
  const beside = checkHealth(health({ channels, peers: near }), Date.now(), "");
  expect(beside.filter(({ check }) => check === "wake-up")).toEqual([]);
});

test("a nats-server that is too old is a fault, one that flushes seldom is worth knowing", () => {
  const served = (version: string) =>
    checkHealth(
      health({ channels: { nats: { state: "open", rank: "P1", effect: "delivers", medium: { version } } } }),
      Date.now(),
      "",
    );
  expectFinding(served("2.8.4"), "wrong", /2\.8\.4 is too old/, /nats-io\/nats-server\/releases/);
  expectFinding(served("2.9.10"), "note", /2\.9\.10 flushes to disk every two minutes/);
  expectFinding(served("2.10.27"), "ok", /2\.10\.27/);
  expectFinding(served("3.0.0"), "ok", /3\.0\.0/);
  const nats = { state: "open", rank: "P1", effect: "delivers", medium: { version: "2.9.10" } };
  const jetstream = { state: "open", rank: "P1", effect: "stores", medium: { available: false } };
  expectFinding(
    checkHealth(health({ channels: { nats, jetstream } }), 0, ""),
    "ok",
    /2\.9\.10, without JetStream/,
  );
});

test("ways that were tried and failed are told with their remedy, those that nobody set up are not", async () => {
  await using rig = await makeRig();
  serveWell(rig);
  const row = { peer: "mac2", rank: "P5", effect: "delivers", works: false, outcome: "failed" };
  rig.on("POST /check", () => ({
    results: [
      { ...row, channel: "http", rank: "P2", works: true, outcome: "answered", state: "up" },
      {
        ...row,
        channel: "ssh",
        state: "down",
        reason: "DENIED: no ssh key",
        remedy: "ssh-keygen -t ed25519",
      },
      { ...row, channel: "seed", state: "unreachable", reason: "no address", remedy: "name its host" },
    ],
  }));
  const { code, out } = await rig.run("doctor");
  expect(code).toBe(0);
  expect(out).toMatch(/P5 ssh does not reach mac2: DENIED: no ssh key[^]*ssh-keygen -t ed25519/);
  expect(out).toContain("1 way to 1 peer tried and found to work");
  expect(out).not.toContain("seed");
});

test("a store that fails is a fault, told once", () => {
  const found = checkHealth(
    health({ status: "failed", store: { failing: "FULL" }, reasons: ["the disk is full: free some space"] }),
    Date.now(),
    "",
  );
  expectFinding(found, "wrong", /^the store fails: FULL$/, "df -h");
  expect(found.filter(({ what }) => /disk|store/.test(what))).toHaveLength(1);
});

test("an old Node is a fault, and the disk's room is known", async () => {
  expectFinding([checkNode("20.19.9")], "wrong", /Node 20\.19\.9 is too old/, /npx/);
  expectFinding([checkNode("18.0.0")], "wrong", /too old/);
  expectFinding([checkNode("24.1.0")], "ok", /Node 24/);
  const disk = await checkDisk(join(tmpdir(), "not", "there", "yet"));
  expect(disk.what).toMatch(/\d B|iB free for the store/);
});

test("what waits and what is dead is shown with its reason and is no fault", async () => {
  await using rig = await makeRig();
  serveWell(rig);
  const created = new Date(Date.now() - 300_000).toISOString();
  rig.on("GET /messages", ({ url }) => ({
    messages: url.includes("state=sent")
      ? [message({ id: "m1", state: "sent", created, reason: "http: ECONNREFUSED" })]
      : [],
  }));
  rig.on("GET /dead-letters", () => ({ messages: [message({ state: "expired", reason: "no_path" })] }));
  const { code, out } = await rig.run("doctor");
  expect(code).toBe(0);
  expect(out).toMatch(
    /note +waiting +sent for 5 minutes, to mac2: http: ECONNREFUSED\n.*\n +npx multifleet status m1/,
  );
  expect(out).toMatch(
    /note +dead letters +1, the newest to mac2: expired, no_path\n.*\n +npx multifleet dead-letters/,
  );
  const waiting = message({ state: "accepted", created, attempts: [] }) as MessageView;
  expectFinding(checkPending([waiting], Date.now(), ""), "note", /not tried yet/);
});
