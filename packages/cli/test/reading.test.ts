import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { item, makeRig, problem, run, writeRunning, type Rig } from "./rig.js";

/** Everything that moves a terminal, but the end of a line. */
const controls = /(?!\n)\p{Cc}|\u202e/u;
const withoutColour = (text: string): string => text.replaceAll(/\p{Cc}\[\d+m/gu, "");

/** Answers `GET /inbox` from a list, as the API does. */
function serveInbox(rig: Rig, items: () => readonly Record<string, unknown>[]): void {
  rig.on("GET /inbox", ({ url }) => {
    const query = new URL(url, "http://x").searchParams;
    const after = Number(query.get("after") ?? 0);
    const limit = Number(query.get("limit") ?? 100);
    const session = query.get("session");
    const found = items()
      .filter((one) => Number(one["position"]) > after)
      .filter((one) => session === null || one["to_session"] === session)
      .filter((one) => query.get("unsurfaced") !== "true" || one["surfaced"] === undefined)
      .slice(0, limit);
    const more = found.length === limit;
    return { items: found, ...(more ? { next: found.at(-1)?.["position"] } : {}) };
  });
}

test("inbox shows who sent what to whom, by which channel, and whether it is new", async () => {
  await using rig = await makeRig();
  serveInbox(rig, () => [
    item(1),
    item(2, { surfaced: "2026-01-01T10:00:00.000Z", reply_to: "m7", type: "reply" }),
  ]);
  const { code, out } = await rig.run("inbox");
  expect(code).toBe(0);
  expect(out).toContain("item1  new\nfrom mac2/claude-2 for claude-1, context, by P2 http");
  expect(out).toContain("item2  surfaced\n");
  expect(out).toContain("reply to m7");
  expect(out).toContain("  results\n  all green\n");
});

test("no message can send an escape to the terminal, by body, subject, session or problem", async () => {
  await using rig = await makeRig();
  const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e";
  serveInbox(rig, () => [item(1, { body: `${evil}\n${evil}`, subject: evil, session: evil, channel: evil })]);
  const shown = await run(["inbox"], { home: rig.home, terminal: true });
  // Colours are ours; beyond them there is no escape.
  expect(withoutColour(shown.out)).not.toMatch(controls);
  expect(shown.out).toContain("\\x1b]0;owned\\x07");
  const json = await rig.run("inbox", "--json");
  expect(json.out).not.toMatch(controls);
  expect(JSON.parse(json.out)).toMatchObject([{ subject: evil }]);
  rig.on("GET /peers", () => problem(500, "internal", evil));
  expect((await rig.run("peers")).err).not.toMatch(controls);
});

test("inbox asks for what is new, for one session, and keeps the newest", async () => {
  await using rig = await makeRig();
  serveInbox(rig, () =>
    Array.from({ length: 2500 }, (_, at) => item(at + 1, { to_session: at % 2 === 0 ? "a" : "b", body: "" })),
  );
  const { out } = await rig.run("inbox", "--session", "a", "--unsurfaced", "--limit", "2", "--json");
  expect((JSON.parse(out) as { id: string }[]).map(({ id }) => id)).toEqual(["item2497", "item2499"]);
  expect(rig.asked[0]?.url).toContain("session=a&unsurfaced=true");
});

test("a long body is cut short in the list, with the command that shows it whole", async () => {
  await using rig = await makeRig();
  const body = Array.from({ length: 40 }, (_, at) => `line ${at}`).join("\n");
  serveInbox(rig, () => [item(1, { body })]);
  rig.on("GET /inbox/item1", () => item(1, { body }));
  rig.on("POST /inbox/item1/surfaced", () => ({ id: "item1", state: "surfaced" }));
  const { out } = await rig.run("inbox");
  expect(out).toContain("... 29 more lines: multifleet inbox --take item1");
  expect((await rig.run("inbox", "--take", "item1")).out).toContain("  line 39\n");
});

test("inbox --take prints the item first and says that it was surfaced after that", async () => {
  await using rig = await makeRig();
  rig.on("GET /inbox/item1", () => item(1));
  rig.on("POST /inbox/item1/surfaced", () => ({ id: "item1", state: "surfaced" }));
  const ran = await rig.run("inbox", "--take", "item1", "--json");
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(ran.out)).toMatchObject({ id: "item1", body: "all green" });
  expect(rig.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "GET /inbox/item1",
    "POST /inbox/item1/surfaced",
  ]);
});

test("inbox --take of what is not there marks nothing, and goes with no filter", async () => {
  await using rig = await makeRig();
  rig.on("GET /inbox/nope", () => problem(404, "unknown_item", "No inbox item has this id"));
  expect((await rig.run("inbox", "--take", "nope")).code).toBe(1);
  expect(rig.asked).toHaveLength(1);
  expect((await rig.run("inbox", "--take", "x", "--unsurfaced")).code).toBe(2);
});

test("an empty inbox says so", async () => {
  await using rig = await makeRig();
  serveInbox(rig, () => []);
  expect((await rig.run("inbox")).out).toBe("The inbox is empty.\n");
  expect((await rig.run("inbox", "--unsurfaced")).out).toBe("Nothing new.\n");
  expect((await rig.run("inbox", "--json")).out).toBe("[]\n");
});

test("inbox --follow gives each item once, over a daemon that ends and comes back elsewhere", async () => {
  await using first = await makeRig();
  await using second = await makeRig();
  const items = [item(1)];
  const streams: ServerResponse[] = [];
  const resumed: unknown[] = [];
  for (const rig of [first, second]) {
    serveInbox(rig, () => items);
    rig.on("GET /events", ({ headers }, response) => {
      resumed.push(headers["last-event-id"]);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": hello\n\n");
      streams.push(response);
    });
  }
  const bin = fileURLToPath(new URL("../bin/multifleet.js", import.meta.url));
  const child = spawn(process.execPath, [bin, "inbox", "--follow", "--json", "--home", first.home]);
  try {
    const out = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const err = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    const next = async () => (JSON.parse(String((await out.next()).value)) as { id: string }).id;
    expect(await next()).toBe("item1");
    items.push(item(2));
    // An event that comes in two pieces, and one of another type.
    streams[0]?.write("id: 7\nevent: inb");
    streams[0]?.write('ox\ndata: {"id":"item2"}\n\nevent: channel\ndata: {}\n\n');
    expect(await next()).toBe("item2");

    items.push(item(3));
    await first.stop();
    expect(String((await err.next()).value)).toContain("the daemon ended; this goes on when it is back");
    writeRunning(first.home, { pid: process.pid, port: second.port, node: "mac1", started: 2 });
    expect(await next()).toBe("item3");
    expect(resumed).toEqual([undefined, "7"]);
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
});

test("inbox --follow of a home where no daemon runs fails at once", async () => {
  await using rig = await makeRig();
  writeRunning(rig.home, { pid: process.pid, port: 1, node: "mac1", started: 1 });
  const ran = await rig.run("inbox", "--follow");
  expect(ran).toMatchObject({ code: 1, out: "" });
  expect(ran.err).toContain("no daemon is running");
});
