// `node bench/run.mjs [--rounds 5] [--json]`: the product against its floor, in one interleaved run on this machine.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as core from "@multifleet/core";
import { canary } from "./canary.mjs";
import { median, post } from "./load.mjs";
import { start } from "./processes.mjs";
import { sealAndOpen } from "./seal.mjs";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, json: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
const daemonBin = fileURLToPath(import.meta.resolve("multifleet-daemon/package.json")).replace(
  "package.json",
  "bin/multifleet-daemon.js",
);
const directory = mkdtempSync(join(tmpdir(), "bench-"));
const message = JSON.stringify({
  type: "context",
  to: "mac2",
  payload: { subject: "deploy", body: "x".repeat(1000) },
});
const floorMessage = message.replace("mac2", "receiver");
const loads = [
  { name: "one at a time", inFlight: 1, count: 300 },
  { name: "64 in flight", inFlight: 64, count: 4_000 },
];

/** A daemon with HTTP alone, as two machines would have it. @param {string} node */
async function daemon(node) {
  const home = join(directory, node);
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(join(home, "config.json"), JSON.stringify({ channels: { ipc: false, seed: false } }), {
    mode: 0o600,
  });
  const args = [daemonBin, "--home", home, "--node", node, "--port", "0", "--log", "error"];
  const started = await start(args);
  const { port } = JSON.parse(readFileSync(join(home, "daemon.json"), "utf8"));
  const token = readFileSync(join(home, "api.token"), "utf8").trim();
  return { ...started, port, token, args };
}

/** @param {{ port: number, token: string }} api @param {string} path @param {object} body */
async function call({ port, token }, path, body) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

/** Seconds of processor time that a process has used. @param {number} pid */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const keys = { sender: core.newKeyPair(), receiver: core.newKeyPair() };
const floorNode = join(import.meta.dirname, "floor/node.mjs");
const stops = [];
try {
  const receiver = await start([floorNode], { FLOOR: JSON.stringify({ role: "receiver", keys }) });
  stops.push(receiver.stop);
  const sender = await start([floorNode], {
    FLOOR: JSON.stringify({ role: "sender", keys, receiver: Number(receiver.firstLine) }),
  });
  stops.push(sender.stop);
  const mac1 = await daemon("mac1");
  stops.push(mac1.stop);
  const mac2 = await daemon("mac2");
  stops.push(mac2.stop);
  const { code } = await call(mac1, "/invite", { uses: 1, expires: "1h", lan: false });
  await call(mac2, "/join", { code });

  const floor = { port: Number(sender.firstLine), path: "/", body: floorMessage };
  const ours = { port: mac1.port, path: "/message?wait=delivered", token: mac1.token, body: message };
  const warm = { inFlight: 16, count: 500 };
  await post(floor, warm);
  await post(ours, warm);

  /** @type {Record<string, { floor: import("./load.mjs").Figures[], ours: import("./load.mjs").Figures[] }>} */
  const results = Object.fromEntries(loads.map(({ name }) => [name, { floor: [], ours: [] }]));
  const canaries = [];
  const seals = [];
  for (let round = 0; round < rounds; round++) {
    canaries.push(canary());
    seals.push(sealAndOpen());
    for (const load of loads) {
      results[load.name].floor.push(await post(floor, load));
      results[load.name].ours.push(await post(ours, load));
    }
  }

  const idleSeconds = 20;
  const before = cpuSeconds(mac2.pid);
  await new Promise((done) => setTimeout(done, idleSeconds * 1000));
  const idlePercent = ((cpuSeconds(mac2.pid) - before) / idleSeconds) * 100;

  const starts = { bare: [], daemon: [] };
  await mac2.stop();
  // A home of its own: what a store holds is checked at each start, and this one is to be like a new user's.
  const mac3 = await daemon("mac3");
  await mac3.stop();
  for (let round = 0; round < rounds; round++) {
    const bare = await start(["-e", "console.log(1)"]);
    starts.bare.push(bare.startMs);
    await bare.stop();
    const again = await start(mac3.args);
    starts.daemon.push(again.startMs);
    await again.stop();
  }

  const table = loads.map(({ name }) => {
    const of = (who, figure) => median(results[name][who].map((each) => each[figure]));
    const p50 = { floor: of("floor", "p50"), ours: of("ours", "p50") };
    const p99 = { floor: of("floor", "p99"), ours: of("ours", "p99") };
    const rate = { floor: of("floor", "perSecond"), ours: of("ours", "perSecond") };
    const ratios = results[name].ours.map((each, i) => ({
      p50: each.p50 / results[name].floor[i].p50,
      perSecond: each.perSecond / results[name].floor[i].perSecond,
    }));
    return {
      name,
      p50,
      p99,
      rate,
      p50Ratio: median(ratios.map((r) => r.p50)),
      rateRatio: median(ratios.map((r) => r.perSecond)),
    };
  });
  const startMore = median(starts.daemon) - median(starts.bare);
  const figures = {
    canary: {
      hmacUs: median(canaries.map((c) => c.hmacUs)),
      flushMs: median(canaries.map((c) => c.flushMs)),
    },
    table,
    sealAndOpenUs: median(seals),
    start: { bareMs: median(starts.bare), daemonMs: median(starts.daemon), moreMs: startMore },
    idlePercent,
  };
  console.log(values.json ? JSON.stringify(figures, undefined, 2) : text(figures));
} finally {
  for (const stop of stops.toReversed()) await stop();
  rmSync(directory, { recursive: true, force: true });
}

/** @param {any} figures */
function text({ canary: c, table, sealAndOpenUs, start: s, idlePercent }) {
  const cell = (/** @type {number} */ value, digits = 2) => value.toFixed(digits).padStart(9);
  const lines = table.map(
    (/** @type {any} */ row) =>
      `${row.name.padEnd(15)}${cell(row.p50.floor)}${cell(row.p50.ours)}${cell(row.p50Ratio)}${cell(row.p99.ours)}${cell(row.rate.floor, 0)}${cell(row.rate.ours, 0)}${cell(row.rateRatio)}`,
  );
  return [
    `canary: HMAC of 1 KB ${c.hmacUs.toFixed(1)} us, flush of 1 KB ${c.flushMs.toFixed(2)} ms; medians of ${rounds} interleaved rounds`,
    "HTTP, 1 KB, two nodes: from the post to the signed receipt, durable on both sides",
    `${"".padEnd(15)}${["p50 floor", "p50 ours", "ratio", "p99 ours", "/s floor", "/s ours", "ratio"].map((head) => head.padStart(9)).join("")}`,
    ...lines,
    `seal and open 1 KB, both sides together: ${sealAndOpenUs.toFixed(0)} us (mark: at most 250)`,
    `start to ready: ${s.daemonMs.toFixed(0)} ms, bare Node ${s.bareMs.toFixed(0)} ms: ${s.moreMs.toFixed(0)} ms more (mark: at most 400)`,
    `idle: ${idlePercent.toFixed(2)} % of a core over 20 s (mark: 0)`,
    "marks for the ratios: p50 at most 1.5 one at a time, throughput at least 0.67 at 64 in flight",
  ].join("\n");
}
