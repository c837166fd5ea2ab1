import { expect, test } from "vitest";
import { makeRig, problem, run } from "./rig.js";

const path = (channel: string, more: object = {}) => ({
  channel,
  rank: { http: "P2", ipc: "P8" }[channel],
  effect: "delivers",
  state: "up",
  ...more,
});

const health = (more: object = {}) => ({
  status: "ok",
  node: "mac1",
  fleet: "f1",
  version: "0.0.0",
  uptime_s: 5,
  reasons: [],
  counters: {},
  error_counters: {},
  channels: {},
  peers: { mac2: { pending: 0, channels: { http: path("http") } }, mac3: { pending: 1, channels: {} } },
  messages: { accepted: 4, pending: 1 },
  store: {},
  ...more,
});

test("peers shows when each was heard, what waits, the ways to it, what it has and who is chief", async () => {
  await using rig = await makeRig();
  const last_seen = new Date(Date.now() - 120_000).toISOString();
  const peers = [
    {
      node: "mac2",
      last_seen,
      pending: 3,
      channels: [path("http", { latency_ms: 1.25 }), path("ipc", { state: "down", reason: "ENOENT" })],
    },
    { node: "mac3", pending: 0, channels: [path("http", { state: "unreachable" })] },
  ];
  const said = { alive: true, chief: true, capabilities: ["git", "gpu"], tools: { git: "2.39.5" } };
  const none = { alive: false, chief: false, capabilities: [], tools: {} };
  rig.on("GET /peers", () => ({ peers }));
  rig.on("GET /roster", () => ({
    chief: "mac2",
    term: 3,
    nodes: [
      { node: "mac1", self: true, ...none, alive: true },
      { node: "mac2", ...said },
      { node: "mac3", ...none },
    ],
  }));
  const { code, out } = await rig.run("peers");
  expect(code).toBe(0);
  expect(out).toMatch(/mac2 +2 minutes ago +3 +P2 http +up +1\.3 ms\n +P8 ipc +down +ENOENT\n/);
  expect(out).toMatch(/mac3 +never +0 +no channel leads there/);
  expect(out).toMatch(/mac1 +this node *\nmac2 +alive, chief +git 2\.39\.5, gpu\nmac3 +gone *\n/);
  const [mac2, mac3] = peers;
  expect(JSON.parse((await rig.run("peers", "--json")).out)).toEqual([
    { ...mac2, ...said },
    { ...mac3, ...none },
  ]);
  expect((await rig.run("peers", "--names")).out).toBe("mac2\nmac3\n");
  expect((await rig.run("peers", "--names", "--json")).out).toBe('["mac2","mac3"]\n');
});

test("peers of a lone node says how to get one", async () => {
  await using rig = await makeRig();
  rig.on("GET /peers", () => ({ peers: [] }));
  expect(await rig.run("peers")).toMatchObject({
    code: 0,
    out: expect.stringContaining("multifleet invite"),
  });
});

test("check shows which channels work, and why the others do not with what to do", async () => {
  await using rig = await makeRig();
  const results = [
    { peer: "mac2", works: true, outcome: "answered", ms: 3.2, ...path("ipc") },
    {
      peer: "mac2",
      works: false,
      outcome: "failed",
      ...path("http", { reason: "ECONNREFUSED", remedy: "open the port" }),
    },
  ];
  rig.on("POST /check", () => ({ results }));
  const { code, out, err } = await rig.run("check", "mac2", "--channel", "http");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(rig.asked[0]?.body).toEqual({ peer: "mac2", channel: "http" });
  expect(out).toMatch(/mac2 +P8 ipc +delivers +yes +3\.2 ms\n/);
  expect(out).toMatch(/mac2 +P2 http +delivers +no +ECONNREFUSED\n/);
  expect(out).toContain("mac2 http: open the port");
  expect(JSON.parse((await rig.run("check", "--json")).out)).toEqual(results);
  expect(rig.asked[1]?.body).toEqual({});
});

test("a probe that a store holds is neither a yes nor a no, and one that would wake the machine is not sent", async () => {
  await using rig = await makeRig();
  const row = { peer: "mac2", works: false };
  rig.on("POST /check", () => ({
    results: [
      {
        ...row,
        outcome: "stored",
        ms: 900,
        ...path("git", { reason: "stored", remedy: "it is read at its next event" }),
      },
      { ...row, outcome: "not_tried", ...path("wol", { reason: "not tried" }) },
    ],
  }));
  const { code, out } = await rig.run("check");
  expect(code).toBe(1);
  expect(out).toMatch(/mac2 +P\d git +\w+ +stored +900 ms/);
  expect(out).toMatch(/mac2 +P\d wol +\w+ +not tried/);
  expect(out).toContain("mac2 git: it is read at its next event");
});

test("check fails where a node is reached by no channel, where there is nothing to try, and for a stranger", async () => {
  await using rig = await makeRig();
  const results = [
    { peer: "mac2", works: true, outcome: "answered", ...path("http") },
    { peer: "mac3", works: false, outcome: "failed", ...path("http", { reason: "ETIMEDOUT" }) },
  ];
  rig.on("POST /check", () => ({ results }));
  expect(await rig.run("check")).toMatchObject({ code: 1, err: "multifleet: no channel reaches mac3\n" });
  rig.on("POST /check", () => ({ results: [] }));
  expect((await rig.run("check")).err).toContain("there is nothing to try");
  rig.on("POST /check", () => problem(404, "unknown_peer", "No member of this fleet has this name"));
  const stranger = await rig.run("check", "mac9");
  expect(stranger.code).toBe(1);
  expect(stranger.err).toContain("multifleet peers");
});

test("summary is one line: the node, how it is, its peers, what waits, what is new", async () => {
  await using rig = await makeRig();
  rig.on("GET /health", () => health());
  rig.on("GET /inbox", () => ({ items: [{}, {}, {}] }));
  expect(await rig.run("summary")).toEqual({
    code: 0,
    out: "mac1 ok, 1 of 2 peers, 1 waiting, 3 new\n",
    err: "",
  });
  expect(rig.asked.map(({ url }) => url).toSorted()).toEqual(["/health", "/inbox?unsurfaced=true&limit=100"]);
  expect(JSON.parse((await rig.run("summary", "--json")).out)).toEqual({
    node: "mac1",
    status: "ok",
    peers: 2,
    reachable: 1,
    waiting: 1,
    new: 3,
    reasons: [],
  });
});

test("summary of a node that failed, or that is not there, is a line, a reason and exit 1", async () => {
  await using rig = await makeRig();
  rig.on("GET /health", (_asked, response) => {
    response.writeHead(503, { "content-type": "application/json" });
    response.end(JSON.stringify(health({ status: "failed", reasons: ["the store failed: EIO"] })));
  });
  rig.on("GET /inbox", () => ({ items: [] }));
  expect(await rig.run("summary")).toEqual({
    code: 1,
    out: "mac1 failed, 1 of 2 peers, 1 waiting, 0 new\n",
    err: "multifleet: the store failed: EIO\n",
  });
  await rig.stop();
  const gone = await rig.run("summary");
  expect(gone).toMatchObject({ code: 1, out: "multifleet: not running\n" });
  expect(gone.err).toContain("npx multifleet-daemon");
});

test("invite prints the code alone on stdout, and what to do with it beside it", async () => {
  await using rig = await makeRig();
  const answer = {
    code: "mf1-abc",
    expires: new Date(Date.now() + 3_600_000).toISOString(),
    uses: 2,
    addresses: ["http://127.0.0.1:1"],
    note: "works on this machine only",
  };
  rig.on("POST /invite", () => answer);
  const ran = await rig.run("invite", "--uses", "2", "--expires", "2h", "--lan");
  expect(ran).toMatchObject({ code: 0, out: "mf1-abc\n" });
  expect(ran.err).toContain("npx multifleet join CODE --node NAME");
  expect(ran.err).toContain("Good for 2 machines, ends in 60 minutes");
  expect(ran.err).toContain("works on this machine only");
  expect(rig.asked[0]?.body).toEqual({ uses: 2, expires: "2h", lan: true });
  expect(JSON.parse((await rig.run("invite", "--json")).out)).toEqual(answer);
  expect(rig.asked[1]?.body).toEqual({ uses: 1, expires: "1h", lan: false });
  rig.on("POST /invite", () =>
    problem(409, "not_authority", "Invitations are made where the fleet was created"),
  );
  expect((await rig.run("invite")).code).toBe(1);
});

test("join names the fleet and the peers, and tells a bad code from a taken name", async () => {
  await using rig = await makeRig();
  rig.on("POST /join", () => ({ node: "mac2", fleet: "f1", peers: ["mac1"] }));
  const ran = await rig.run("join", "mf1-abc", "--node", "mac2");
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).toBe("This is mac2 of fleet f1 now.\nPeers: mac1\nTry: multifleet check mac1\n");
  expect(rig.asked[0]?.body).toEqual({ code: "mf1-abc", node: "mac2" });
  expect(JSON.parse((await rig.run("join", "mf1-abc", "--json")).out)).toMatchObject({ fleet: "f1" });
  rig.on("POST /join", () => problem(409, "node_name_taken", "Another node of the fleet has this name"));
  expect(await rig.run("join", "mf1-abc")).toMatchObject({
    code: 1,
    out: "",
    err: "multifleet: Another node of the fleet has this name\n",
  });
});

test("what takes longer than a second says so on a terminal, and takes it away again", async () => {
  await using rig = await makeRig();
  let answer = (_value: unknown) => {};
  rig.on("POST /join", () => new Promise((give) => (answer = give)));
  // It is answered only when the terminal was told to wait.
  const told = () => answer({ node: "mac2", fleet: "f1", peers: [] });
  const env = { NO_COLOR: "1" };
  const ran = await run(["join", "mf1-abc"], { home: rig.home, terminal: true, env, told });
  expect(ran).toMatchObject({ code: 0, err: "joining ...\r\u001b[K" });
});
