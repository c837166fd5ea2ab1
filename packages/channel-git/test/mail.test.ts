import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Host } from "../../../test/host.js";
import { Fleet } from "./fleet.js";
import { Node, outcome } from "./node.js";
import { environment, Repository } from "./repository.js";

const senders = Array.from({ length: 8 }, (_, index) => `s${index}`);
const fleet = await Fleet.of("alpha", "bravo", "charlie", ...senders);
let repository: Repository;
const open: Node[] = [];

beforeEach(async () => void (repository = await Repository.make()));
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await repository.dispose();
});

async function start(name: string | Host, more = {}): Promise<Node> {
  const cover = fleet.cover(typeof name === "string" ? name : name.node);
  const opened = await Node.open(name, {
    remote: repository.path,
    directory: repository.spool(),
    cover,
    ...more,
  });
  open.push(opened);
  return opened;
}

test("a packet is one file of a commit on one ref, by nobody's name and for its receiver's eyes only", async () => {
  const alpha = await start("alpha");
  expect(outcome(await alpha.send("bravo", "the secret text"))).toBe("stores");
  expect(await repository.refs()).toEqual(["refs/multifleet/bravo/alpha"]);
  const commit = await repository.git("cat-file", "commit", "refs/multifleet/bravo/alpha");
  expect(commit).toMatch(/^author multifleet <alpha@multifleet\.invalid> \d+ \+0000$/m);
  expect(commit).toMatch(/^committer multifleet <alpha@multifleet\.invalid> \d+ \+0000$/m);
  expect(commit).toMatch(/\nnode: alpha\nnonce: [0-9a-f]{32}$/);
  const [entry = "", ...others] = (await repository.git("ls-tree", "refs/multifleet/bravo/alpha")).split(
    "\n",
  );
  expect(others).toEqual([]);
  expect(entry).toMatch(/^100644 blob [0-9a-f]{40}\t[0-9a-z]{26}$/);
  const blob = await repository.git("cat-file", "blob", entry.split(/\s/)[2] ?? "");
  expect(blob).toMatch(/^age-encryption\.org\/v1\n/);
  expect(blob).not.toContain("secret");
});

test("what was taken is removed, and nothing of either node is left on the remote or at home", async () => {
  const alpha = await start("alpha");
  const bravo = await start("bravo");
  await Promise.all([alpha.send("bravo", "one"), bravo.send("alpha", "two")]);
  expect([await bravo.received(1), await alpha.received(1)]).toEqual([["one"], ["two"]]);
  await Promise.all([alpha.close(), bravo.close()]);
  expect(await repository.refs()).toEqual([]);
  const left = await readdir(join(repository.base, "spool-1", "objects"), { recursive: true });
  expect(left.filter((name) => name.length > "pack".length)).toEqual([]);
});

test("packets wait together on one ref for a receiver that is away, and are all handed over, once", async () => {
  const alpha = await start("alpha");
  const texts = Array.from({ length: 20 }, (_, index) => `number ${index}`);
  // More pushes than are read at a time.
  for (const text of texts) await alpha.send("bravo", text);
  expect(await repository.refs()).toEqual(["refs/multifleet/bravo/alpha"]);
  const bravo = await start("bravo");
  expect((await bravo.received(20)).toSorted()).toEqual(texts.toSorted());
  await bravo.close();
  expect(await repository.refs()).toEqual([]);
  expect(bravo.host.texts.length).toBe(20);
});

test("where the remote lets no ref be set back, a long queue is read in one piece", async () => {
  const isForward = 'git merge-base --is-ancestor "$2" "$3" 2>/dev/null';
  const script = `#!/bin/sh\ncase "$2$3" in *00000000000000000000*) exit 0;; esac\n${isForward}\n`;
  await writeFile(join(repository.path, "hooks", "update"), script, { mode: 0o755 });
  const alpha = await start("alpha");
  for (let index = 0; index < 20; index++) await alpha.send("bravo", `number ${index}`);
  const bravo = await start("bravo");
  await bravo.received(20);
  await bravo.close();
  expect(await repository.refs()).toEqual([]);
  expect(bravo.host.texts.length).toBe(20);
});

test("with git alone, eight nodes that send at once to one all reach it, once each", async () => {
  const chief = await start("charlie");
  const all = await Promise.all(senders.map((name) => start(name)));
  const texts = all.flatMap(({ host }) => [1, 2, 3].map((number) => `${host.node} ${number}`));
  const results = await Promise.all(
    all.flatMap((sender) =>
      [1, 2, 3].map((number) => sender.send("charlie", `${sender.host.node} ${number}`)),
    ),
  );
  expect(results.map(outcome)).toEqual(texts.map(() => "stores"));
  await chief.received(texts.length);
  await chief.close();
  expect(chief.host.texts.toSorted()).toEqual(texts.toSorted());
  expect(await repository.refs()).toEqual([]);
});

test("what is sent while a push is running goes together in the next, to whatever nodes it is for", async () => {
  const hook = join(repository.path, "hooks", "post-receive");
  await writeFile(hook, `#!/bin/sh\necho push >> "${repository.base}/pushes"\n`, { mode: 0o755 });
  const alpha = await start("alpha");
  const first = alpha.send("bravo", "0");
  await Promise.resolve();
  await Promise.resolve();
  const targets = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? "bravo" : "charlie"));
  const rest = targets.map((to, index) => alpha.send(to, `${index + 1}`));
  expect((await Promise.all([first, ...rest])).map(outcome)).toEqual(Array(41).fill("stores"));
  const { stdout } = await promisify(execFile)("wc", ["-l", join(repository.base, "pushes")], {
    env: environment,
  });
  expect(Number.parseInt(stdout, 10)).toBe(2);
});

test("giving one send up touches no other of the same push", async () => {
  const alpha = await start("alpha");
  const abort = new AbortController();
  const given = alpha.send("bravo", "given up", abort.signal);
  const kept = alpha.send("bravo", "kept");
  abort.abort();
  expect(outcome(await given)).toMatch(/^ABORTED/);
  expect(outcome(await kept)).toBe("stores");
});

test("what the daemon cannot store now stays on the remote, and comes again when it is poked", async () => {
  const host = new Host("bravo");
  host.judge = () => ({ code: "later", reason: "the disk is full" });
  const alpha = await start("alpha");
  const bravo = await start(host);
  await alpha.send("bravo", "one");
  await host.until(() => host.counts["postponed_frames"] === 1);
  expect(await repository.refs()).toEqual(["refs/multifleet/bravo/alpha"]);
  host.judge = () => ({ code: "taken" });
  bravo.link.poke?.();
  await bravo.received(2);
  await bravo.close();
  expect(await repository.refs()).toEqual([]);
});

test("a node whose key is not known gets nothing, and the sender is told", async () => {
  const cover = fleet.cover("alpha", "bravo");
  const alpha = await start("alpha", { cover });
  expect(outcome(await alpha.send("bravo", "text"))).toBe(
    "UNREACHABLE: git: no key of bravo is known: nothing goes to a remote uncovered",
  );
  expect(alpha.host.counts["unknown_recipients"]).toBe(1);
  expect(await repository.refs()).toEqual([]);
});

test("a peer with a remote of its own is reached by that, and no peer's word leads anywhere else", async () => {
  const other = await Repository.make();
  const host = new Host("alpha");
  host.toldOf.set("bravo", [other.path]);
  host.toldOf.set("charlie", ["/etc"]);
  const alpha = await start(host, { remotes: [other.path] });
  await alpha.send("bravo", "text");
  await alpha.send("charlie", "text");
  expect(await other.refs()).toEqual(["refs/multifleet/bravo/alpha"]);
  expect(await repository.refs()).toEqual(["refs/multifleet/charlie/alpha"]);
  expect(host.counts["unlisted_remotes"]).toBe(1);
  expect(alpha.link.addresses).toEqual([]);
  await alpha.close();
  await other.dispose();
});

test("a repository in daily use keeps its branches, and its owner's directory is never taken for ours", async () => {
  const commit = await repository.git(
    "commit-tree",
    "-m",
    "mine",
    await repository.git("hash-object", "-w", "-t", "tree", "/dev/null"),
  );
  await repository.git("update-ref", "refs/heads/main", commit);
  const before = await repository.git("for-each-ref");
  const alpha = await start("alpha");
  const bravo = await start("bravo");
  await alpha.send("bravo", "text");
  await bravo.received(1);
  await bravo.close();
  expect(await repository.git("for-each-ref")).toBe(before);
  await expect(start("alpha", { directory: repository.path })).rejects.toThrow(/holds something else/);
});
