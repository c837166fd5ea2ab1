import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { TestNode } from "../fleet.js";

type Facts = Readonly<Record<string, unknown>>;

/** Starts to read a node's events, then does `work`, and resolves with the first event of `type` that fits; at most `seconds`. */
export async function eventAfter(
  node: TestNode,
  work: () => unknown,
  fits: (facts: Facts) => boolean,
  seconds = 20,
): Promise<Facts> {
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${node.token}` };
    const sent = request({ host: "127.0.0.1", port: node.port, path: "/events", headers }, resolve);
    sent.on("error", reject);
    sent.end();
  });
  const deadline = setTimeout(() => stream.destroy(), seconds * 1_000);
  try {
    const lines = createInterface({ input: stream });
    await work();
    for await (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const facts = JSON.parse(line.slice(6)) as Facts;
      if (fits(facts)) return facts;
    }
  } finally {
    clearTimeout(deadline);
    stream.destroy();
  }
  throw new Error(`${node.name} told of no such event within ${seconds} s: ${node.log}`);
}

/** The channel `name` of the node is open. */
export const opened =
  (name: string) =>
  ({ channel, state }: Facts): boolean =>
    channel === name && state === "open";

/** A connection to a server: it ends with the server's process, whoever's child that is. */
export async function attach(
  url: string,
): Promise<{ readonly gone: Promise<unknown>; readonly socket: Socket }> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.resume();
  return { socket, gone: once(socket, "close") };
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
