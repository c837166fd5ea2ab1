import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import { newPacketId } from "@multifleet/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Fleet } from "./fleet.js";
import { Node, outcome } from "./node.js";
import { Repository } from "./repository.js";

const fleet = await Fleet.of("alpha", "bravo", "charlie");
let repository: Repository;
const open: Node[] = [];

beforeEach(async () => void (repository = await Repository.make()));
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await repository.dispose();
});

async function start(name: string, more = {}): Promise<Node> {
  const options = { remote: repository.path, directory: repository.spool(), cover: fleet.cover(name) };
  const opened = await Node.open(name, { ...options, ...more });
  open.push(opened);
  return opened;
}

/** Writes an object as it is, whatever git would say of it. */
async function write(type: string, body: Buffer): Promise<string> {
  const bytes = Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]);
  const oid = createHash("sha1").update(bytes).digest("hex");
  const directory = join(repository.path, "objects", oid.slice(0, 2));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, oid.slice(2)), deflateSync(bytes));
  return oid;
}

const entry = (mode: string, name: string, oid: string) =>
  Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, "hex")]);

async function commit(tree: string, ...parents: readonly string[]): Promise<string> {
  const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`)];
  const who = "x <x@example.invalid> 0 +0000";
  return await write("commit", Buffer.from(`${lines.join("\n")}\nauthor ${who}\ncommitter ${who}\n\nx`));
}

async function covered(text: string): Promise<string> {
  const bytes = await fleet.cover("charlie").cover(Buffer.from(text), "bravo" as never);
  return await write("blob", Buffer.from(bytes ?? []));
}

/** Puts a ref where what charlie sends to bravo stands. */
const point = (oid: string) => repository.git("update-ref", "refs/multifleet/bravo/charlie", oid);

test("links, submodules, trees and names that lead out are junk, and the packet beside them arrives", async () => {
  const frame = await covered("genuine");
  const blob = await write("blob", Buffer.from("/etc/passwd"));
  const tree = await write("tree", entry("100644", "inner", blob));
  const names = ["..", ".git", "../x", "a/b", "a\nb", "CON:", "-x", "x".repeat(300)];
  const entries = [
    entry("100644", newPacketId(1), frame),
    entry("120000", newPacketId(2), blob),
    entry("160000", newPacketId(3), "1".repeat(40)),
    entry("40000", newPacketId(4), tree),
    entry("100755", newPacketId(5), blob),
    ...names.map((name) => entry("100644", name, frame)),
  ];
  await point(await commit(await write("tree", Buffer.concat(entries))));
  const bravo = await start("bravo");
  expect(await bravo.received(1)).toEqual(["genuine"]);
  await bravo.close();
  expect(bravo.host.texts).toEqual(["genuine"]);
  expect(bravo.host.counts["junk_entries"]).toBe(names.length + 4);
  expect(await repository.refs()).toEqual([]);
});

test("a file that is no frame for this node is counted and removed", async () => {
  const blob = await write("blob", Buffer.from("age-encryption.org/v1\nnonsense"));
  await point(await commit(await write("tree", entry("100644", newPacketId(1), blob))));
  const bravo = await start("bravo");
  await bravo.host.until(() => bravo.host.counts["unreadable_frames"] === 1);
  await bravo.close();
  expect(await repository.refs()).toEqual([]);
});

test.each<[string, () => Promise<string>]>([
  ["a blob", () => write("blob", Buffer.from("x"))],
  ["a tree", async () => write("tree", Buffer.alloc(0))],
  ["a broken tree", async () => commit(await write("tree", Buffer.from("100644 half")))],
  [
    "a merge",
    async () => {
      const tree = await write("tree", Buffer.alloc(0));
      return commit(tree, await commit(tree), await commit(tree));
    },
  ],
])("a ref that is %s harms nothing, and a packet beside it arrives", async (_, make) => {
  await point(await make());
  const alpha = await start("alpha");
  await alpha.send("bravo", "genuine");
  const bravo = await start("bravo");
  expect(await bravo.received(1)).toEqual(["genuine"]);
});

test("what is too large to read is removed, however well it is packed, and a packet beside it arrives", async () => {
  const huge = await write("blob", randomBytes(10_000_000));
  const bomb = await write("blob", Buffer.alloc(50_000_000));
  const [one, two] = [entry("100644", newPacketId(1), huge), entry("100644", newPacketId(2), bomb)];
  await point(await commit(await write("tree", one)));
  await repository.git("update-ref", "refs/multifleet/bravo/delta", await commit(await write("tree", two)));
  const alpha = await start("alpha");
  await alpha.send("bravo", "genuine");
  const bravo = await start("bravo", { maxInboundBytes: 8 * 1_024 * 1_024 });
  await bravo.received(1);
  await bravo.host.until(() => bravo.host.counts["unreadable_refs"] === 2);
  await bravo.close();
  expect(bravo.host.texts).toEqual(["genuine"]);
  expect(await repository.refs()).toEqual([]);
});

test("packets beneath a commit that is too large are not read, and no more than the limit is", async () => {
  const huge = await write("blob", randomBytes(10_000_000));
  const frame = await covered("beneath");
  const under = await commit(await write("tree", entry("100644", newPacketId(1), frame)));
  await point(await commit(await write("tree", entry("100644", newPacketId(2), huge)), under));
  const bravo = await start("bravo", { maxInboundBytes: 8 * 1_024 * 1_024 });
  await bravo.host.until(() => bravo.host.counts["unreadable_refs"] === 1);
  await bravo.close();
  expect(bravo.host.texts).toEqual([]);
});

test("a hundred thousand refs of strangers take bounded time and memory, and a packet among them arrives first", async () => {
  const junk = await commit(await write("tree", Buffer.alloc(0)));
  const alpha = await start("alpha");
  await alpha.send("bravo", "genuine");
  await repository.git("pack-refs", "--all");
  const packed = join(repository.path, "packed-refs");
  const lines = [
    ...(await readFile(packed, "utf8")).split("\n").filter((line) => line.includes("refs/multifleet")),
  ];
  for (let index = 0; index < 100_000; index++)
    lines.push(`${junk} refs/multifleet/bravo/j${String(index).padStart(6, "0")}`);
  for (let index = 0; index < 100; index++)
    lines.push(`${junk} refs/multifleet/bravo/NOT.${String(index).padStart(3, "0")}`);
  const sorted = lines.toSorted((a, b) => (a.slice(41) < b.slice(41) ? -1 : 1));
  await writeFile(packed, "# pack-refs with: peeled fully-peeled sorted \n");
  await appendFile(packed, `${sorted.join("\n")}\n`);
  const before = process.memoryUsage().rss;
  const bravo = await start("bravo");
  expect(await bravo.received(1)).toEqual(["genuine"]);
  expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
  expect(bravo.host.counts["junk_refs"]).toBe(100);
  await bravo.close();
});

test("refs of strangers are dealt with a few at a time, at each event some more", async () => {
  const junk = await commit(await write("tree", Buffer.alloc(0)));
  for (let index = 0; index < 20; index++)
    await repository.git("update-ref", `refs/multifleet/bravo/j${index}`, junk);
  const bravo = await start("bravo");
  await bravo.host.until(() => bravo.host.counts["postponed_refs"] === 1);
  expect(await repository.refs()).toHaveLength(4);
  bravo.link.poke?.();
  await bravo.close();
  const again = await start("bravo");
  await again.close();
  expect((await repository.refs()).length).toBeLessThanOrEqual(4);
});

test("a remote that looks like an option or a program is refused before anything is started", async () => {
  const marker = join(repository.base, "started");
  for (const remote of [
    `ext::sh -c touch% ${marker}`,
    `--upload-pack=touch ${marker}`,
    `-oProxyCommand=touch${marker}:x`,
  ])
    await expect(start("alpha", { remote })).rejects.toThrow(/must be a git remote/);
  expect(await readdir(repository.base)).not.toContain("started");
});

test("a path with quotes, spaces and what a shell would run is a path", async () => {
  const odd = await Repository.make();
  const path = join(odd.base, "a 'b' $(touch x) `touch y`; touch z.git");
  await promisify(execFile)("git", ["clone", "-q", "--bare", odd.path, path]);
  const alpha = await start("alpha", { remote: path });
  expect(outcome(await alpha.send("bravo", "text"))).toBe("stores");
  await alpha.close();
  await odd.dispose();
});
