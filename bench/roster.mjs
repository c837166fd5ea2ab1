// `node bench/roster.mjs [--seconds 120] [--json]`: what knowing who is there costs each node, by the size of the fleet. Real rosters in one
// process, on a clock of their own; every hello and row is really sealed, opened and parsed. Counted once the fleet is at rest.
import { parseArgs } from "node:util";
import * as core from "@multifleet/core";
import { createRoster, readRow, readWord, writeRow } from "@multifleet/roster";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "120" }, json: { type: "boolean", default: false } },
});
const measured = Number(values.seconds) * 1_000;
/** Until all have said hello to all, and have a chief. */
const settling = 30_000;
const epoch = Date.UTC(2026, 0, 1);
const encoder = new TextEncoder();
const addresses = { http: ["http://192.168.1.17:8856"], ipc: ["0123456789abcdef:/run/user/1000/mf.sock"] };

/** A fleet in which nothing happens. Rows go to all nodes, hellos from one to another. */
class Fleet {
  now = 0;
  nodes = [];
  /** What is to happen, by the millisecond it is due in. */
  due = new Map();
  count = { messages: 0, bytes: 0, rows: 0, most: new Map() };
  board = new Map();
  /** Whether hellos are sealed and opened. */
  real = false;

  constructor(size, hasBoard) {
    const fleet = core.fleetId("bench");
    const gate = core.fleetGate(new Uint8Array(32).fill(7));
    const verifiers = new Map();
    const trust = { fleet, gate: () => gate, key: ({ from }) => verifiers.get(from) };
    this.hasBoard = hasBoard;
    const names = Array.from({ length: size }, (_, i) => core.nodeId(`node${i}`));
    for (const name of names) {
      const keys = core.newKeyPair();
      verifiers.set(name, core.verifier(keys.publicKey));
      const node = { name, peers: names.filter((each) => each !== name), trust: { ...trust, node: name } };
      node.keys = { fleet, gate, signer: core.signer(keys), stream: new Uint8Array(16) };
      this.nodes.push(node);
    }
    this.byName = new Map(this.nodes.map((node) => [node.name, node]));
    for (const node of this.nodes) this.later(Math.random() * 2_000, () => this.start(node));
  }

  later(ms, act) {
    const at = Math.ceil(this.now + Math.max(ms, 0));
    const acts = this.due.get(at);
    if (acts === undefined) this.due.set(at, [act]);
    else acts.push(act);
  }

  run(ms) {
    for (const end = this.now + ms; this.now < end; this.now++) {
      // What is added for this very millisecond still comes.
      for (const act of this.due.get(this.now) ?? []) act();
      this.due.delete(this.now);
    }
  }

  start(node) {
    node.roster = createRoster({
      node: node.name,
      role: "may",
      term: 0,
      random: Math.random,
      now: this.now,
      wall: () => epoch + this.now,
      facts: (kept) => ({
        version: "1.0.0",
        capabilities: ["claude", "docker", "git", "gpu", "ssh"],
        tools: { claude: "2.1.7", docker: "27.3.1", git: "2.39.5", ssh: "9.2p1" },
        git_head: "0123456789abcdef0123456789abcdef01234567",
        sessions: ["5f0c2b0e-6d0f-4c55-9e4f-2f6d0b7f7a10"],
        channels: Object.fromEntries(kept.map((peer) => [peer, ["nats", "http"]])),
      }),
    });
    this.tell(node, { kind: "members", nodes: node.peers });
    if (this.hasBoard) {
      for (const [key, row] of this.board) this.read(node, key, row);
      this.tell(node, { kind: "board", name: "nats" });
    }
    for (const peer of node.peers) this.hello(node, peer);
  }

  tell(node, input) {
    for (const command of node.roster.handle(input, this.now)) {
      if (command.kind === "keep-alive") this.hello(node, command.to);
      if (command.kind === "publish") {
        if (command.board) this.put(node, command.entry);
        for (const to of command.to) this.hello(node, to);
      }
      if (command.kind === "arm") {
        const timer = (node.timer = {});
        if (command.at !== undefined)
          this.later(command.at - this.now, () => node.timer === timer && this.tell(node, { kind: "timer" }));
      }
    }
  }

  /** A message that a node sends or is given. */
  counted(node, bytes) {
    this.count.messages++;
    this.count.bytes += bytes;
    this.count.most.set(node.name, (this.count.most.get(node.name) ?? 0) + 1);
  }

  hello(node, name) {
    const far = this.byName.get(name);
    this.carry(node, far, () => this.carry(far, node, () => {}));
  }

  /** A hello's bytes; while the fleet starts, only what is in it. */
  seal(node, to) {
    const word = node.roster.word(to, this.now);
    if (!this.real) return { word, bytes: new Uint8Array() };
    const hello = { version: "1.0.0", membership: 7, addresses, roster: word };
    const { fleet, gate, signer, stream } = node.keys;
    const now = epoch + this.now;
    const packet = {
      ...{ kind: "hello", fleet, from: node.name, to, id: core.newPacketId(now), type: "alive" },
      ...{ session: "", toSession: "", replyTo: "", key: "", stream, seq: 0, base: 0, prev: 0 },
      ...{ created: now, expires: now + 60_000, idempotent: false, encrypted: false },
      body: encoder.encode(JSON.stringify(hello)),
    };
    return { word: undefined, bytes: core.seal(packet, { gate, signer }).bytes };
  }

  carry(from, to, then) {
    const { word, bytes } = this.seal(from, to.name);
    this.counted(from, bytes.length);
    this.later(1, () => {
      if (to.roster === undefined) return;
      this.counted(to, bytes.length);
      this.tell(to, { kind: "word", node: from.name, word: word ?? open(bytes, to.trust) });
      then();
    });
  }

  put(node, entry) {
    const row = writeRow(entry, node.keys);
    this.counted(node, row.length);
    this.count.rows++;
    this.board.set(node.name, row);
    this.later(1, () => {
      for (const other of this.nodes) {
        if (other === node || other.roster === undefined) continue;
        this.counted(other, row.length);
        this.read(other, node.name, row);
      }
    });
  }

  read(node, key, row) {
    const { ok, entry } = readRow(key, row, node.trust, epoch + this.now);
    if (ok && node.roster.compare(entry) === "NEWER") this.tell(node, { kind: "row", entry });
  }
}

function open(bytes, trust) {
  const opened = core.open(bytes, trust);
  if (!opened.ok) throw new Error(opened.code);
  return readWord(JSON.parse(Buffer.from(opened.packet.body).toString()).roster);
}

const results = [];
if (!values.json) {
  console.log(
    "| told by | nodes | messages/s per node | busiest node | bytes/s per node | rows/s in all | CPU per node |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
}

for (const board of [true, false]) {
  for (const size of [10, 100, 300]) {
    const fleet = new Fleet(size, board);
    fleet.run(settling);
    fleet.real = true;
    fleet.count = { messages: 0, bytes: 0, rows: 0, most: new Map() };
    const cpu = process.cpuUsage();
    fleet.run(measured);
    const { user, system } = process.cpuUsage(cpu);
    const { messages, bytes, rows, most } = fleet.count;
    const chiefs = new Set(fleet.nodes.map(({ roster }) => roster.chief?.node));
    if (chiefs.size !== 1) throw new Error(`${size} nodes have ${chiefs.size} chiefs`);
    const perNode = (sum) => sum / size / (measured / 1_000);
    const result = {
      board,
      nodes: size,
      messages_s: perNode(messages),
      busiest_s: Math.max(...most.values()) / (measured / 1_000),
      bytes_s: perNode(bytes),
      rows_s: rows / (measured / 1_000),
      cpu_percent: perNode((user + system) / 1_000_000) * 100,
    };
    results.push(result);
    if (!values.json) print(result);
  }
}
if (values.json) console.log(JSON.stringify(results));

function print({ board, nodes, messages_s, busiest_s, bytes_s, rows_s, cpu_percent }) {
  const cells = [messages_s.toFixed(2), busiest_s.toFixed(2), Math.round(bytes_s), rows_s.toFixed(2)];
  console.log(
    `| ${board ? "board" : "hellos"} | ${nodes} | ${cells.join(" | ")} | ${cpu_percent.toFixed(3)} % |`,
  );
}
