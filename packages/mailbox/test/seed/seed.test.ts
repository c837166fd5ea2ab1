import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { maxPacketBytes } from "@multifleet/core";
import { machineId } from "@multifleet/core/machine";
import { expect, test } from "vitest";
import { Host, send } from "../../../../test/host.js";
import { SeedDirectory, seed, seedName } from "../../src/seed/index.js";
import { emptied, frame, openLink, openSeed, root } from "./support.js";

const sortedSizes = (frames: readonly Uint8Array[]) =>
  frames.map(({ length }) => length).toSorted((a, b) => a - b);

test("a frame is one file however often it is stored, flushed, and for its user alone", async () => {
  const path = join(root(), "seed");
  const directory = await SeedDirectory.make(path);
  const bytes = frame();
  await Promise.all([directory.store(bytes), directory.store(bytes), directory.store(bytes)]);
  await directory.store(bytes);
  const digest = createHash("sha256").update(bytes).digest("hex");
  expect(readdirSync(join(path, "new"))).toEqual([`${digest}.mf`]);
  expect(readdirSync(join(path, "tmp"))).toEqual([]);
  expect(readFileSync(join(path, "new", seedName(bytes)))).toEqual(Buffer.from(bytes));
  for (const place of [path, ...["tmp", "new", "cur"].map((room) => join(path, room))])
    expect(lstatSync(place).mode & 0o777).toBe(0o700);
  expect(lstatSync(join(path, "new", seedName(bytes))).mode & 0o777).toBe(0o600);
});

test("frames stored while nobody was there are read at the opening, and their files are gone", async () => {
  const path = join(root(), "seed");
  const directory = await SeedDirectory.make(path);
  for (let size = 1; size <= 50; size++) await directory.store(frame(size));
  const { host } = await openSeed("bravo", path);
  await emptied(join(path, "new"));
  expect(sortedSizes(host.received)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
});

test("only a directory of this machine is reached", async () => {
  const base = root();
  const { host, link, directory } = await openSeed("alpha", join(base, "alpha"));
  const bravo = await openSeed("bravo", join(base, "bravo"));
  expect(bravo.link.addresses).toEqual([`seed:${machineId()}:${bravo.directory}`]);
  const to = bravo.host.node;
  const elsewhere = machineId().replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  for (const address of [
    `seed:${elsewhere}:${bravo.directory}`,
    `seed:${machineId()}:relative/path`,
    `seed:${machineId()}:${directory}/../bravo`,
    `seed:${machineId()}:${bravo.directory}\0`,
    `ipc:${machineId()}:${bravo.directory}`,
    bravo.directory,
  ]) {
    host.toldOf.set(to, [address]);
    expect(link.reaches(to)).toBe(false);
    expect(await send(link, frame())).toMatchObject({ ok: false, error: { code: "UNREACHABLE" } });
  }
  host.toldOf.set(to, ["seed:nonsense", ...bravo.link.addresses]);
  expect(link.reaches(to)).toBe(true);
  expect(await send(link, frame())).toEqual({ ok: true, effect: "stores" });
  await bravo.host.until(() => bravo.host.received.length === 1);
});

test("a path that is no seed directory of ours gets nothing written into it", async () => {
  const base = root();
  const { host, link } = await openSeed("alpha", join(base, "alpha"));
  const to = new Host("bravo").node;
  const sendTo = (path: string) => {
    host.toldOf.set(to, [`seed:${machineId()}:${path}`]);
    return send(link, frame());
  };
  const target = join(base, "target");
  mkdirSync(target, { mode: 0o700 });
  expect(await sendTo(target)).toMatchObject({ error: { code: "UNREACHABLE" } });
  expect(await sendTo(join(base, "nowhere"))).toMatchObject({ error: { code: "UNREACHABLE" } });
  const real = await SeedDirectory.make(join(base, "real"));
  symlinkSync(real.path, join(base, "link"));
  expect(await sendTo(join(base, "link"))).toMatchObject({ error: { code: "UNREACHABLE" } });
  rmSync(join(real.path, "new"), { recursive: true });
  symlinkSync(target, join(real.path, "new"));
  expect(await sendTo(real.path)).toMatchObject({ error: { code: "DENIED" } });
  const wide = await SeedDirectory.make(join(base, "wide"));
  chmodSync(wide.path, 0o755);
  expect(await sendTo(wide.path)).toMatchObject({ error: { code: "DENIED" } });
  expect(readdirSync(target)).toEqual([]);
  expect(host.counts["write_errors"]).toBe(5);
});

test("a directory that others may write to is not opened", async () => {
  const path = join(root(), "seed");
  mkdirSync(path, { mode: 0o700 });
  chmodSync(path, 0o775);
  const opening = openLink(seed({ directory: path }), new Host("alpha"));
  await expect(opening).rejects.toMatchObject({ name: "ChannelError", code: "DENIED", message: /chmod 700/ });
});

test.each([
  [{ directory: "relative" }, /absolute path/],
  [{}, /missing/],
  [{ directory: 7 }, /absolute path/],
  [{ directory: "/x", dir: 1 }, /no option "dir"/],
])("options %j can never work, and say why", async (options, message) => {
  const opening = openLink(seed(options as never), new Host("alpha"));
  await expect(opening).rejects.toMatchObject({ code: "MISCONFIGURED", message });
});

test("what is no frame is counted and laid aside, and nothing outside is touched", async () => {
  const base = root();
  const path = join(base, "seed");
  await SeedDirectory.make(path);
  const inNew = (name: string) => join(path, "new", name);
  const outside = join(base, "secret");
  writeFileSync(outside, "do not read");
  const bytes = frame();
  const hex = (digit: string) => `${digit.repeat(64)}.mf`;
  symlinkSync(outside, inNew(hex("a")));
  // A frame in every other respect; but what a link points to is not in this directory.
  const elsewhere = frame(55);
  writeFileSync(join(base, "elsewhere"), elsewhere);
  symlinkSync(join(base, "elsewhere"), inNew(seedName(elsewhere)));
  symlinkSync(base, inNew(hex("b")));
  mkdirSync(join(inNew(hex("c")), "deep"), { recursive: true });
  writeFileSync(join(inNew(hex("c")), "deep", "file"), "x");
  if (process.platform !== "win32") execFileSync("mkfifo", [inNew(hex("d"))]);
  writeFileSync(inNew(hex("e")), "the name is not that of these bytes");
  writeFileSync(inNew(seedName(bytes)), Buffer.from(bytes).subarray(0, 100));
  writeFileSync(inNew("odd name with\nline end"), "x");
  writeFileSync(inNew(hex("0")), "");
  truncateSync(inNew(hex("0")), 1024 ** 4);
  writeFileSync(inNew(`${"f".repeat(64)}.mf.part`), bytes);
  await (await SeedDirectory.find(path)).store(frame(77));
  const { host } = await openSeed("bravo", path);
  await emptied(join(path, "new"));
  expect(sortedSizes(host.received)).toEqual([77]);
  expect(host.counts["junk_files"]).toBe(process.platform === "win32" ? 9 : 10);
  expect(readFileSync(outside, "utf8")).toBe("do not read");
  const aside = readdirSync(join(path, "cur"));
  expect(aside).toHaveLength(4);
  for (const name of aside) expect(name).toMatch(/^[0-9a-f]+\.(mf|junk)$/);
});

test("what the daemon refuses is laid aside, a hundred files of it at most", async () => {
  const path = join(root(), "seed");
  const directory = await SeedDirectory.make(path);
  for (let i = 0; i < 130; i++) await directory.store(frame(10));
  const { host } = await openSeed("bravo", path);
  host.judge = () => ({ code: "refused", reason: "not genuine" });
  await emptied(join(path, "new"));
  const aside = readdirSync(join(path, "cur")).length;
  // Sixteen are judged at a time, and each looks for room by itself.
  expect(aside).toBeGreaterThanOrEqual(100);
  expect(aside).toBeLessThanOrEqual(116);
  expect(host.counts["refused_files"]).toBe(130);
});

test("what is to come later is left, and given again as soon as something else is taken", async () => {
  const path = join(root(), "seed");
  const directory = await SeedDirectory.make(path);
  const { host } = await openSeed("bravo", path);
  host.judge = () => ({ code: "later", reason: "store_full" });
  for (const size of [1, 2, 3]) await directory.store(frame(size));
  await host.until(() => host.counts["postponed_files"] === 3);
  host.judge = () => ({ code: "taken" });
  await directory.store(frame(4));
  await emptied(join(path, "new"));
  expect(sortedSizes(host.received)).toEqual([1, 1, 2, 2, 3, 3, 4]);
});

test("what is to come later is given again when the daemon says that there is a reason to look", async () => {
  const path = join(root(), "seed");
  const directory = await SeedDirectory.make(path);
  const { host, link } = await openSeed("bravo", path);
  host.judge = () => ({ code: "later", reason: "store_full" });
  await directory.store(frame(1));
  await host.until(() => host.counts["postponed_files"] === 1);
  host.judge = () => ({ code: "taken" });
  link.poke?.();
  await emptied(join(path, "new"));
  expect(sortedSizes(host.received)).toEqual([1, 1]);
});

test("a directory that is removed, moved away or replaced is made and watched again", async () => {
  const base = root();
  const path = join(base, "seed");
  const { host, link } = await openSeed("bravo", path);
  const arrives = async (size: number) => {
    const before = host.received.length;
    await (await SeedDirectory.make(path)).store(frame(size));
    await host.until(() => host.received.length > before);
  };
  await arrives(1);
  rmSync(join(path, "new"), { recursive: true });
  await host.until(() => host.counts["directory_replaced"] === 1);
  await arrives(2);
  renameSync(path, join(base, "away"));
  await host.until(() => (host.counts["directory_replaced"] ?? 0) >= 2);
  await arrives(3);
  expect(existsSync(join(path, "cur"))).toBe(true);
  // Its parent is not ours to make: then the link is over, and says so.
  rmSync(base, { recursive: true });
  expect(await link.closed).toMatchObject({ code: "UNREACHABLE" });
});

test("what a writer left unfinished long ago is cleared away at the opening", async () => {
  const path = join(root(), "seed");
  await SeedDirectory.make(path);
  const [old, young] = [join(path, "tmp", "old"), join(path, "tmp", "young")];
  for (const file of [old, young]) writeFileSync(file, "x");
  utimesSync(old, new Date(), new Date(Date.now() - 2 * 3_600_000));
  await openSeed("bravo", path);
  expect(existsSync(old)).toBe(false);
  expect(existsSync(young)).toBe(true);
});

test("a send that is aborted leaves nothing", async () => {
  const base = root();
  const { host, link } = await openSeed("alpha", join(base, "alpha"));
  const bravo = await SeedDirectory.make(join(base, "bravo"));
  const to = new Host("bravo").node;
  host.toldOf.set(to, [`seed:${machineId()}:${bravo.path}`]);
  const abort = new AbortController();
  const sending = link.send({ id: "f" as never, to, bytes: frame(maxPacketBytes) }, { signal: abort.signal });
  abort.abort();
  expect(await sending).toMatchObject({ ok: false, error: { code: "ABORTED" } });
  expect(readdirSync(join(bravo.path, "tmp"))).toEqual([]);
  expect(readdirSync(join(bravo.path, "new"))).toEqual([]);
});

test("a frame gets through ten thousands of junk files, in little memory", { timeout: 120_000 }, async () => {
  const path = join(root(), "seed");
  const directory = await SeedDirectory.make(path);
  const junk = Number(process.env["SEED_JUNK"] ?? 10_000);
  for (let i = 0; i < junk; i++) {
    // Half of them bear a frame's name, and have to be read.
    const name = i % 2 === 0 ? `junk-${i}` : `${String(i).padStart(64, "0")}.mf`;
    writeFileSync(join(path, "new", name), "");
  }
  const bytes = frame(4_321);
  await directory.store(bytes);
  const before = process.memoryUsage().rss;
  const { host } = await openSeed("bravo", path);
  await host.until(() => host.received.length === 1 && (host.counts["junk_files"] ?? 0) >= junk);
  expect(host.received[0]).toEqual(Buffer.from(bytes));
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  expect(readdirSync(join(path, "cur")).length).toBeLessThanOrEqual(116);
  expect(statSync(path).isDirectory()).toBe(true);
});
