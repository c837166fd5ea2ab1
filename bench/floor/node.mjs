// The floor: the product's own steps in a straight line, with the same libraries and no feature. FLOOR holds, as JSON, the role, both
// nodes' keys and the receiver's port; the first line printed is the port. The sender answers a POST once its message is delivered.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "@multifleet/core";
import { open as openStore } from "lmdb";
import { Pool } from "undici";

/** @type {{ role: "sender" | "receiver", keys: Record<string, { publicKey: string, privateKey: string }>, receiver?: number }} */
const { role, keys, receiver } = JSON.parse(process.env["FLOOR"] ?? "");
const directory = mkdtempSync(join(tmpdir(), "floor-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
process.on("SIGTERM", () => process.exit(0));

const store = openStore({ path: join(directory, "store"), encoding: "binary", eventTurnBatching: false });
const gate = core.fleetGate(new Uint8Array(32).fill(7));
const signer = core.signer(keys[role]);
const other = core.verifier(keys[role === "sender" ? "receiver" : "sender"].publicKey);
const trust = { fleet: "bench", node: role, gate: () => gate, key: () => other };
let seq = 0;

/** @param {import("node:http").IncomingMessage} request */
async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/** Durable before it resolves. @param {string} key @param {Uint8Array} value */
async function keep(key, value) {
  const put = store.put(key, Buffer.from(value));
  await store.flushed;
  await put;
}

/** @param {Partial<import("@multifleet/core").Packet>} parts */
function packet(parts) {
  const now = Date.now();
  const texts = {
    fleet: "bench",
    from: role,
    session: "",
    toSession: "",
    replyTo: "",
    key: "",
    type: "context",
  };
  const numbers = {
    stream: new Uint8Array(16),
    seq: 0,
    base: 0,
    prev: 0,
    created: now,
    expires: now + 60_000,
  };
  return core.seal({ ...texts, ...numbers, idempotent: false, encrypted: false, ...parts }, { gate, signer });
}

/** Frames with their lengths before them. @param {Uint8Array[]} frames */
function pack(frames) {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(frame.length);
      return [length, frame];
    }),
  );
}

/** @param {Buffer} bytes */
function unpack(bytes) {
  const frames = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

/** The receiver's work on one frame: verify, keep, answer with a receipt. @param {Uint8Array} frame */
async function take(frame) {
  const opened = core.open(frame, trust);
  if (!opened.ok) throw new Error(opened.code);
  await keep(opened.packet.id, frame);
  const receipt = core.encodeReceipt({ digest: opened.digest, outcome: "delivered", reason: "" });
  return packet({ kind: "receipt", type: "receipt", to: "sender", id: opened.packet.id, body: receipt })
    .bytes;
}

const pool = new Pool(`http://127.0.0.1:${receiver ?? 1}`, { connections: 2, pipelining: 1 });
/** @type {{ frame: Uint8Array, done: (receipt: Uint8Array) => void }[]} */
let waiting = [];
let sending = false;

/** What is ready in one tick goes in one request. */
async function drain() {
  sending = true;
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    const { body } = await pool.request({
      path: "/",
      method: "POST",
      body: pack(batch.map(({ frame }) => frame)),
    });
    const receipts = unpack(Buffer.from(await body.arrayBuffer()));
    batch.forEach(({ done }, i) => done(receipts[i]));
  }
  sending = false;
}

/** The sender's work on one message. @param {Buffer} request */
async function send(request) {
  const { to, payload } = JSON.parse(request.toString());
  const id = core.newPacketId(Date.now());
  const sealed = packet({ kind: "message", to, id, seq: ++seq, base: 1, body: core.encodeContent(payload) });
  await keep(id, sealed.bytes);
  const receipt = await new Promise((done) => {
    waiting.push({ frame: sealed.bytes, done });
    if (!sending) void drain();
  });
  const opened = core.open(receipt, trust);
  const said = opened.ok ? core.readReceipt(opened.packet, { id, to, digest: sealed.digest }) : undefined;
  if (said?.outcome !== "delivered") throw new Error("not delivered");
  await keep(`settled/${id}`, receipt);
  return Buffer.from(JSON.stringify({ id, state: "delivered" }));
}

const server = createServer((request, response) => {
  const answer = async () => {
    const body = await bodyOf(request);
    return role === "sender" ? send(body) : pack(await Promise.all(unpack(body).map(take)));
  };
  answer().then(
    (bytes) => response.end(bytes),
    (error) => {
      console.error(error);
      response.writeHead(500).end();
    },
  );
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
