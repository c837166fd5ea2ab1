import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { program, Server } from "../../../test/nats-server.js";
import { TestFleet, type TestNode } from "./fleet.js";

/** What of the NATS client a stranger needs who has got into the server. */
interface Stranger {
  connect(options: { servers: string }): Promise<{
    jetstream(): { views: { kv(bucket: string): Promise<Table> } };
    close(): Promise<void>;
  }>;
}

/** A change of a row in the table. */
interface Change {
  readonly operation: string;
  readonly value: Uint8Array;
  string(): string;
  json(): unknown;
}

interface Table {
  watch(options: { key: string }): Promise<AsyncIterable<Change> & { stop(): void }>;
  get(key: string): Promise<{ readonly value: Uint8Array; json(): unknown } | null>;
  put(key: string, value: string | Uint8Array): Promise<number>;
  delete(key: string): Promise<void>;
}

const { connect } = createRequire(new URL("../../channel-nats/package.json", import.meta.url))(
  "nats",
) as Stranger;

/** A lease short enough for a test, and long enough for a busy machine. */
const roster = { lease: 1_500 };

interface Row {
  readonly node: string;
  readonly alive: boolean;
  readonly chief: boolean;
  readonly capabilities: readonly string[];
  readonly tools: Readonly<Record<string, string>>;
  readonly channels: Readonly<Record<string, readonly string[]>>;
  readonly sessions: readonly string[];
}

interface View {
  readonly chief?: string;
  readonly term: number;
  readonly board?: string;
  readonly nodes: readonly Row[];
}

const see = async (node: TestNode): Promise<View> => (await node.get("/roster")).body;
const rowOf = (view: View, name: string) => view.nodes.find(({ node }) => node === name);

/** Waits, event by event of the node's own stream, until its roster is as asked. */
async function until(node: TestNode, is: (view: View) => boolean, seconds = 20): Promise<View> {
  const stream = await node.events(seconds);
  let view = await see(node);
  try {
    if (is(view)) return view;
    for await (const _ of stream) {
      view = await see(node);
      if (is(view)) return view;
    }
  } catch (cause) {
    throw new Error(`${node.name} did not see it: ${JSON.stringify(view)}`, { cause });
  } finally {
    stream.destroy();
  }
  throw new Error(`${node.name} did not see it: ${JSON.stringify(view)}`);
}

/** All of them know one chief, itself one of them. */
async function oneChief(nodes: readonly TestNode[]): Promise<{ chief: string; term: number }> {
  const names = nodes.map(({ name }) => name);
  const [first] = nodes;
  if (first === undefined) throw new Error("no nodes");
  for (;;) {
    const { chief, term } = await until(first, (view) => names.includes(view.chief ?? ""));
    const same = (view: View) => names.includes(view.chief ?? "") && view.term >= term;
    const views = await Promise.all(nodes.map((node) => until(node, same)));
    if (chief !== undefined && views.every((view) => view.chief === chief && view.term === term))
      return { chief, term };
  }
}

test("without a board: each node tells what it has, one is chief, and another when that one dies", async () => {
  const common = { roster, channels: { relay: false } };
  await using fleet = await TestFleet.start(["mac1", "mac2", "mac3"], {
    mac1: { config: { ...common } },
    mac2: { config: { ...common, capabilities: ["db", "lab-printer"] } },
    mac3: { config: { ...common, capabilities: ["db"] } },
  });
  const { nodes } = fleet;
  const { chief, term } = await oneChief(nodes);
  for (const node of nodes) {
    const view = await until(
      node,
      ({ nodes: rows }) =>
        rows.every(({ alive }) => alive) &&
        rows.find(({ node: name }) => name === "mac2")?.capabilities.includes("git") === true,
    );
    expect(view.board).toBeUndefined();
    expect(rowOf(view, "mac2")?.capabilities).toEqual(expect.arrayContaining(["db", "git", "lab-printer"]));
    expect(rowOf(view, "mac2")?.tools["git"]).toMatch(/^2\./);
  }
  await until(fleet.node("mac1"), (view) => rowOf(view, "mac2")?.channels["mac1"]?.includes("http") === true);

  await fleet.node(chief).kill("SIGKILL");
  const left = nodes.filter(({ name }) => name !== chief);
  const next = await oneChief(left);
  expect(next.chief).not.toBe(chief);
  expect(next.term).toBeGreaterThan(term);
  for (const node of left) await until(node, (view) => rowOf(view, chief)?.alive === false);

  // One that comes back is alive at once, and finds a chief in its place.
  await fleet.node(chief).start();
  await until(fleet.node(left[0]?.name ?? ""), (view) => rowOf(view, chief)?.alive === true);
  expect(await oneChief(nodes)).toEqual(next);
});

test("@capability goes to a live node that has it, the same message again to the same; else says what there is", async () => {
  await using fleet = await TestFleet.start(["mac1", "mac2", "mac3"], {
    mac1: { config: { roster } },
    mac2: { config: { roster, capabilities: ["db", "printer"] } },
    mac3: { config: { roster, capabilities: ["db"], chief: "never" } },
  });
  const mac1 = fleet.node("mac1");
  const mac2 = fleet.node("mac2");
  await until(
    mac1,
    ({ nodes }) => nodes.filter(({ capabilities }) => capabilities.includes("db")).length === 2,
  );
  const printed = await mac1.send("@printer", "a page", { id: "page-1" });
  expect(printed).toMatchObject({
    status: 202,
    body: { id: "page-1", messages: [{ id: "page-1", to: "mac2" }] },
  });
  expect(await mac1.settled("page-1")).toMatchObject({ state: "delivered", to: "mac2" });
  expect((await mac2.inbox()).map(({ id }) => id)).toEqual(["page-1"]);

  await mac2.kill("SIGKILL");
  await until(mac1, (view) => rowOf(view, "mac2")?.alive === false);
  const again = await mac1.send("@printer", "a page", { id: "page-1" });
  expect(again.body).toMatchObject({ id: "page-1", state: "delivered" });
  const query = await mac1.send("@db", "select 1");
  expect(query.body.messages).toMatchObject([{ to: "mac3" }]);
  expect(await mac1.send("@printer", "another")).toMatchObject({
    status: 404,
    body: { code: "unknown_capability", away: ["mac2"], detail: expect.stringContaining("name the node") },
  });
  const { status, body } = await mac1.send("@tpu", "train");
  expect(status).toBe(404);
  expect(body).toMatchObject({ code: "unknown_capability", away: [] });
  expect(body.known).toEqual(expect.arrayContaining(["db", "git"]));
  expect(body.known).not.toContain("printer");
  expect((await mac1.send("@TPU", "train")).status).toBe(400);
});

/** The first row of a node in the table that is one, and that `wanted` accepts. */
async function rowIn(
  table: Table,
  node: string,
  wanted: (row: Record<string, unknown>) => boolean,
): Promise<Change> {
  const changes = await table.watch({ key: node });
  try {
    for await (const entry of changes) {
      const isRow = entry.operation === "PUT" && entry.string().startsWith("{");
      if (isRow && wanted(entry.json() as Record<string, unknown>)) return entry;
    }
  } finally {
    changes.stop();
  }
  throw new Error(`the table ended before it had a row of ${node}`);
}

test.skipIf(program === undefined)(
  "with NATS: rows that nats-server's own table holds by key, and no rogue changes what is known",
  async () => {
    const server = await Server.start();
    try {
      const config = { roster, channels: { nats: { servers: [server.url] }, relay: false } };
      await using fleet = await TestFleet.start(["mac1", "mac2"], {
        mac1: { config },
        mac2: { config: { ...config, capabilities: ["db"] } },
      });
      const { nodes } = fleet;
      const mac1 = fleet.node("mac1");
      const mac2 = fleet.node("mac2");
      const full = await until(
        mac1,
        (view) => view.board === "nats" && rowOf(view, "mac2")?.capabilities.includes("db") === true,
      );
      expect(full.nodes.map(({ alive }) => alive)).toEqual([true, true]);
      await oneChief(nodes);

      const rogue = await connect({ servers: server.url });
      try {
        const table = await rogue.jetstream().views.kv("fleet_roster");
        // A hello may tell what a row says before the row is written.
        const own = await rowIn(table, "mac2", ({ capabilities }) => Array.isArray(capabilities));
        const row = own.json() as Record<string, unknown>;
        expect(row).toMatchObject({ node_id: "mac2", capabilities: expect.arrayContaining(["db"]) });
        for (const member of ["last_seen", "peers_seen", "git_head", "claude_session", "channels", "sealed"])
          expect(Object.keys(row)).toContain(member);

        const before = (await mac1.counters())["roster_rows_refused_total"] ?? 0;
        await table.put("mac2", "junk");
        await table.put("mac2", (await table.get("mac1"))?.value ?? "");
        await table.put("mac2", JSON.stringify({ ...row, capabilities: ["everything"] }));
        await table.put("mac2", own.value);
        await table.delete("mac2");
        await table.put("mac9", own.value);
        // What mac2 says after all that is believed, and puts its row back.
        await mac2.get("/inbox?session=s9");
        const view = await until(mac1, (seen) => rowOf(seen, "mac2")?.sessions.includes("s9") === true);
        expect(rowOf(view, "mac2")?.capabilities).toEqual(expect.arrayContaining(["db"]));
        expect(rowOf(view, "mac9")).toBeUndefined();
        expect((await mac1.counters())["roster_rows_refused_total"]).toBeGreaterThanOrEqual(before + 5);
        const last = await rowIn(table, "mac2", ({ claude_session: session }) => session === "s9");
        expect(last.json()).toMatchObject({ node_id: "mac2" });
      } finally {
        await rogue.close();
      }

      const { chief, term } = await oneChief(nodes);
      await fleet.node(chief).kill("SIGKILL");
      const next = await oneChief(nodes.filter(({ name }) => name !== chief));
      expect(next.term).toBeGreaterThan(term);
    } finally {
      await server.stop();
    }
  },
  60_000,
);
