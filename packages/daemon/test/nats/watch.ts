import { createPrivateKey, sign, type KeyObject } from "node:crypto";
import { on, once } from "node:events";
import { existsSync, readdirSync, readFileSync, watch } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { serverKeys } from "../../src/nats/keys.js";
import type { TestNode } from "../fleet.js";

/** Resolves once a channel of the node is open: it is, or its events say so; at most `seconds`. */
export function channelOpen(node: TestNode, name: string, seconds = 20): Promise<void> {
  return channelIs(node, name, (state) => state === "open", seconds);
}

/** Resolves once a node has no such channel any more. */
export function channelGone(node: TestNode, name: string, seconds = 20): Promise<void> {
  return channelIs(
    node,
    name,
    (state, reason) => state === undefined || reason === "the node closed it",
    seconds,
  );
}

async function channelIs(
  node: TestNode,
  name: string,
  fits: (state: string | undefined, reason: string | undefined) => boolean,
  seconds: number,
): Promise<void> {
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${node.token}` };
    const sent = request({ host: "127.0.0.1", port: node.port, path: "/events", headers }, resolve);
    sent.on("error", reject);
    sent.end();
  });
  const deadline = setTimeout(() => stream.destroy(), seconds * 1_000);
  try {
    const now = (await node.get("/health")).body.channels[name];
    if (fits(now?.state, now?.reason)) return;
    for await (const line of createInterface({ input: stream })) {
      if (!line.startsWith("data: ")) continue;
      const told = JSON.parse(line.slice(6)) as { channel?: string; state?: string; reason?: string };
      if (told.channel === name && fits(told.state, told.reason)) return;
    }
  } finally {
    clearTimeout(deadline);
    stream.destroy();
  }
  throw new Error(`${name} of ${node.name} did not become so within ${seconds} s: ${node.log}`);
}

/** Resolves with a path within a directory once it is there, step by step. */
export async function appears(directory: string, ...steps: readonly string[]): Promise<string> {
  let path = directory;
  for (const step of steps) {
    const watcher = watch(path);
    const deadline = setTimeout(() => watcher.close(), 20_000);
    path = join(path, step);
    const closed = once(watcher, "close");
    while (!existsSync(path)) {
      const changed = once(watcher, "change").then(() => true);
      if (!(await Promise.race([changed, closed.then(() => false)])))
        throw new Error(`${path} did not appear`);
    }
    clearTimeout(deadline);
    watcher.close();
  }
  return path;
}

/** A client of a node's server, let in: its connection ends with the server's process, whoever's child that is. */
export async function attach(
  node: TestNode,
): Promise<{ readonly gone: Promise<unknown>; readonly socket: Socket }> {
  const { hostname, port } = new URL((await node.get("/nats")).body.server as string);
  const { secret } = JSON.parse(readFileSync(join(node.home, "fleet.json"), "utf8")) as { secret: string };
  const { publicKey, seed } = serverKeys(secret).client;
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => undefined);
  const [first] = (await once(socket, "data")) as [Buffer];
  const { nonce } = JSON.parse(first.toString().slice("INFO ".length)) as { nonce: string };
  const sig = sign(null, Buffer.from(nonce), privateKey(seed)).toString("base64url");
  socket.write(`CONNECT ${JSON.stringify({ nkey: publicKey, sig, verbose: false })}\r\nPING\r\n`);
  for await (const [said] of on(socket, "data") as AsyncIterable<[Buffer]>) {
    if (said.includes("-ERR")) throw new Error(said.toString());
    if (said.includes("PONG")) break;
  }
  socket.resume();
  return { socket, gone: once(socket, "close") };
}

/** An nkey's seed as a key: base32 of two bytes for its kind, 32 of its own, two of a checksum. */
function privateKey(seed: string): KeyObject {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = Array.from(seed, (letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), bytes.subarray(2, 34)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** Processes of a group, but for its leader: proc(5), fields 3 and 5 of `stat`. Linux only. */
export function companions(leader: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== leader)
    .filter((pid) => groupOf(pid) === leader)
    .map(Number);
}

function groupOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(group);
  } catch {
    // It has ended since the directory was read
    return undefined;
  }
}
