import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  fleetGate,
  newKeyPair,
  newPacketId,
  seal,
  signer,
  encodeContent,
  type KeyPair,
  type Packet,
} from "@multifleet/core";
import { expect, test } from "vitest";
import { TestFleet, type TestNode } from "../fleet.js";
import { runSeed, seeded } from "../../../../test/random.js";

/** What a thief of one node's home has. */
function stolen(node: TestNode): { readonly fleet: string; readonly secret: Buffer; readonly keys: KeyPair } {
  const { fleet, secret } = JSON.parse(readFileSync(join(node.home, "fleet.json"), "utf8"));
  const { publicKey, privateKey } = JSON.parse(readFileSync(join(node.home, "node.key"), "utf8"));
  return { fleet, secret: Buffer.from(secret, "base64url"), keys: { publicKey, privateKey } };
}

/** A packet from `from` to `to`, sealed with whatever the thief has. */
function packet(
  fleet: string,
  from: string,
  to: string,
  secret: Buffer,
  keys: KeyPair,
  more: Partial<Packet> = {},
): Uint8Array {
  const now = Date.now();
  const texts = { type: "context", session: "", toSession: "", replyTo: "", key: "" } as const;
  const numbers = {
    seq: 1,
    base: 1,
    prev: 0,
    created: now,
    expires: now + 60_000,
    stream: Buffer.alloc(16, 9),
  };
  const body = encodeContent({ subject: "hostile", body: "x".repeat(800) });
  const whole = {
    kind: "message",
    fleet,
    from,
    to,
    id: newPacketId(now),
    ...texts,
    ...numbers,
    body,
    idempotent: false,
    encrypted: false,
    ...more,
  };
  return seal(whole as Packet, { gate: fleetGate(secret), signer: signer(keys) }).bytes;
}

/** The port of the packet listener. */
function packetPort(node: TestNode): number {
  const line = node.log
    .split("\n")
    .findLast((each) => each.includes('"channel_open"') && each.includes('"http"'));
  return Number(new URL((JSON.parse(line ?? "{}") as { addresses: string[] }).addresses[0] ?? "").port);
}

/** Posts frames to the packet listener in one request; gives each one's code: 0 taken, 1 refused, 2 later. */
async function post(port: number, frames: readonly Uint8Array[]): Promise<number[]> {
  const parts = frames.flatMap((frame) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    return [length, frame];
  });
  const socket = connect(port, "127.0.0.1");
  const body = Buffer.concat(parts);
  socket.write(
    `POST /v1/packets HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\nContent-Type: application/vnd.multifleet.packets\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  const answer = Buffer.concat(chunks);
  const head = answer.indexOf("\r\n\r\n");
  expect(answer.subarray(0, 12).toString()).toBe("HTTP/1.1 200");
  const said = unchunk(
    answer.subarray(head + 4),
    answer.subarray(0, head).toString().toLowerCase().includes("chunked"),
  );
  const codes: number[] = [];
  for (let at = 0; at < said.length; at += 5 + said.readUInt32BE(at + 1)) codes.push(said[at] ?? -1);
  return codes;
}

function unchunk(body: Buffer, chunked: boolean): Buffer {
  if (!chunked) return body;
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.subarray(at, end).toString(), 16);
    if (!(size > 0)) break;
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

test("T1, T2, T4, T6: nothing that is forged, changed, redirected or signed by another gets in; one genuine packet does, once", async () => {
  const random = seeded(runSeed("hostile"));
  await using fleet = await TestFleet.start(["mac1", "mac2", "mac3"]);
  const [mac1, mac2, mac3] = [fleet.node("mac1"), fleet.node("mac2"), fleet.node("mac3")];
  // Until mac2 has heard of mac3's admission it refuses mac3's hello, rightly; that is not what is counted here.
  expect((await mac3.settled((await mac3.send("mac2", "we know each other")).body.id)).state).toBe(
    "delivered",
  );
  const known = await mac2.inbox();
  const refused = (await mac2.counters())["packets_refused_total"] ?? 0;
  const one = stolen(mac1);
  const three = stolen(mac3);
  const outsider = newKeyPair();
  const genuine = packet(one.fleet, "mac1", "mac2", one.secret, one.keys);
  const hostile = [
    packet(one.fleet, "mac1", "mac2", one.secret, outsider),
    packet(one.fleet, "mac1", "mac2", one.secret, three.keys),
    packet(one.fleet, "nobody", "mac2", one.secret, outsider),
    packet(one.fleet, "mac1", "mac3", one.secret, one.keys),
    packet("f0000000000", "mac1", "mac2", one.secret, one.keys),
    packet(one.fleet, "mac1", "mac2", Buffer.alloc(32, 1), one.keys),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    new Uint8Array(),
  ];
  for (let bit = 0; bit < genuine.length * 8; bit += 1 + Math.floor(random() * 8)) {
    const flipped = Buffer.from(genuine);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    hostile.push(flipped);
  }
  const port = packetPort(mac2);
  for (let at = 0; at < hostile.length; at += 200) {
    const codes = await post(port, hostile.slice(at, at + 200));
    expect(new Set(codes)).toEqual(new Set([1]));
  }
  expect(await mac2.inbox()).toEqual(known);
  expect((await mac2.counters())["packets_refused_total"]).toBe(refused + hostile.length);
  expect(await post(port, [genuine, genuine])).toEqual([0, 0]);
  expect(await post(port, [genuine])).toEqual([0]);
  await mac2.kill("SIGKILL");
  await mac2.start();
  expect(await post(packetPort(mac2), [genuine])).toEqual([0]);
  const fresh = (await mac2.inbox()).slice(known.length);
  expect(fresh.map((item) => [item.from, item.subject])).toEqual([["mac1", "hostile"]]);
});

test("F51: a packet of an unknown type, kind or version is refused by name, and nothing crashes", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  const { fleet: name, secret, keys } = stolen(mac1);
  const strange = packet(name, "mac1", "mac2", secret, keys, { type: "telepathy" });
  const newer = Buffer.from(packet(name, "mac1", "mac2", secret, keys));
  newer[4] = 9;
  expect(await post(packetPort(mac2), [strange, newer])).toEqual([0, 1]);
  expect((await mac2.counters())["packets_rejected_total"]).toBe(1);
  expect(await mac2.inbox()).toEqual([]);
  expect(mac2.log).toContain("unknown_type");
  expect(mac2.running).toBe(true);
});

test("T20: junk in the seed directory and on the packet listener keeps no genuine message out", async () => {
  const channels = { ipc: false };
  await using fleet = await TestFleet.start(["mac1", "mac2"], {
    mac1: { config: { channels } },
    mac2: { config: { channels } },
  });
  const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
  await mac1.stop();
  mac1.options = { config: { channels, peers: { mac2: { http: "http://127.0.0.1:1" } } } };
  await mac1.start();
  await mac2.stop();
  const junk = join(mac2.home, "seed", "new");
  mkdirSync(junk, { recursive: true });
  for (let i = 0; i < 5_000; i++) writeFileSync(join(junk, `${i}.mf`), "junk", { mode: 0o600 });
  const { body } = await mac1.send("mac2", "genuine");
  await mac1.until(body.id, "sent");
  await mac2.start();
  expect((await mac1.settled(body.id, 25)).state).toBe("delivered");
  const port = packetPort(mac2);
  // A gigabyte that is only announced, and a request that never goes on, while a genuine one goes through.
  const liar = connect(port, "127.0.0.1");
  const slow = connect(port, "127.0.0.1");
  for (const socket of [liar, slow]) socket.on("error", () => socket.destroy());
  liar.write(
    `POST /v1/packets HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.multifleet.packets\r\nContent-Length: 1073741824\r\n\r\n`,
  );
  slow.write("POST /v1/packets HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  const [answer] = (await once(liar, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413/);
  const { fleet: name, secret, keys } = stolen(mac1);
  expect(
    await post(port, [packet(name, "mac1", "mac2", secret, keys, { stream: Buffer.alloc(16, 8) })]),
  ).toEqual([0]);
  liar.destroy();
  slow.destroy();
  expect(mac2.running).toBe(true);
}, 60_000);
