import { expect, test } from "vitest";
import { TestFleet, type TestNode } from "./fleet.js";

/** A lease short enough for a test, and long enough for a busy machine. */
const roster = { lease: 1_500 };

interface Row {
  readonly node: string;
  readonly alive: boolean;
  readonly chief: boolean;
  readonly capabilities: readonly string[];
  readonly tools: Readonly<Record<string, string>>;
  readonly channels: Readonly<Record<string, readonly string[]>>;
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
