import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packetId, type Sealed } from "@multifleet/core";
import { expect, test } from "vitest";
import { findProgram } from "../../../test/needs.js";
import { openMailbox, type MailboxError, type Slot } from "../src/index.js";
import { auditFile } from "../src/store/audit.js";
import {
  accept,
  afterTest,
  arrival,
  draft,
  emptyDirectory,
  ids,
  mac2,
  open,
  sealer,
  settlement,
  unseal,
} from "./support.js";

const strace = process.platform === "linux" ? findProgram("strace") : undefined;
const small = smallDisks();

/** Whether this process may mount a file system of its own, and why not. */
function smallDisks(): { readonly refusal: string | undefined } {
  const required = (process.env["MULTIFLEET_REQUIRE"] ?? "").split(",").includes("tmpfs");
  const refusal =
    process.platform !== "linux"
      ? "only on Linux"
      : process.getuid?.() === 0
        ? undefined
        : "only root may mount";
  if (refusal !== undefined && required) throw new Error(`MULTIFLEET_REQUIRE names tmpfs: ${refusal}`);
  return { refusal };
}

/** A disk of so many KiB. */
function disk(kib: number): string {
  const directory = join(emptyDirectory(), "disk");
  mkdirSync(directory);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", directory]);
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr.toString()}`);
  afterTest(() => void spawnSync("umount", ["-l", directory]));
  return directory;
}

const noDisk = small.refusal !== undefined;
const why = small.refusal === undefined ? "" : ` (skipped: ${small.refusal})`;

test.skipIf(noDisk)(
  `a full disk refuses what is new, loses nothing, and takes again once there is room${why}`,
  async () => {
    const root = disk(2_048);
    const directory = join(root, "store");
    const told: MailboxError[] = [];
    const box = await open({ directory, onError: (error) => told.push(error) });
    await accept(box, "before", { key: "k" });
    const ballast = join(root, "ballast");
    fill(ballast);
    const codes: string[] = [];
    for (let i = 0; i < 6; i++) {
      try {
        await box.accept(draft(`full${i}`, { key: "k" }), sealer(`full${i}`, 100_000));
        codes.push("accepted");
      } catch (error) {
        codes.push((error as MailboxError).code);
      }
    }
    expect(codes).toEqual(codes.map(() => "FULL"));
    expect(told.map(({ code }) => code)).toEqual(codes);
    expect(box.stats().failing).toBe("FULL");
    await expect(box.take(arrival(1, { body: "x".repeat(100_000) }))).rejects.toMatchObject({ code: "FULL" });
    expect(box.item(packetId("m1"))).toBeUndefined();
    expect(box.books()).toMatchObject({ accepted: 1, pending: 1 });
    expect(box.message(packetId("full0"))).toBeUndefined();
    rmSync(ballast);
    const after = await box.accept(draft("after", { key: "k" }), sealer("after", 100_000));
    expect(after).toMatchObject({ code: "accepted", message: { seq: 2 } });
    expect(unseal(box.sealed(packetId("after")))).toEqual({ id: "after", seq: 2, base: 1, prev: 1 });
    expect(await box.take(arrival(1, { body: "x".repeat(100_000) }))).toMatchObject({ code: "fresh" });
    expect(box.stats().failing).toBeUndefined();
    await box.close();
    auditFile(join(directory, "data.mdb"), "");
    const again = await open({ directory });
    expect(ids([...again.pending()])).toEqual(["before", "after"]);
  },
);

test.skipIf(noDisk)(
  `a failed commit fails what was in it; what was asked for behind it is sealed anew and goes on${why}`,
  async () => {
    const root = disk(2_048);
    const box = await open({ directory: join(root, "store") });
    const ballast = join(root, "ballast");
    fill(ballast);
    const slots: Slot[] = [];
    const recording = (id: string, size: number) => (slot: Slot) => {
      slots.push(slot);
      return sealer(id, size)(slot);
    };
    let goOn: (sealed: Sealed) => void = () => undefined;
    const slowSlots: Slot[] = [];
    const large = box.accept(draft("large", { key: "k" }), recording("large", 700_000));
    // Sealed for the number behind it while it is on its way to the disk.
    const behind = box.accept(draft("behind", { key: "k" }), (slot) => {
      slowSlots.push(slot);
      return slowSlots.length > 1
        ? sealer("behind")(slot)
        : new Promise<Sealed>((resolve) => (goOn = resolve));
    });
    await expect(large).rejects.toMatchObject({ code: "FULL" });
    rmSync(ballast);
    goOn(sealer("behind")(slowSlots[0] ?? (slots[0] as Slot)));
    expect(await behind).toMatchObject({ code: "accepted", message: { seq: 1 } });
    expect(slowSlots.map(({ seq, prev }) => [seq, prev])).toEqual([
      [2, 1],
      [1, 0],
    ]);
    expect(unseal(box.sealed(packetId("behind")))).toEqual({ id: "behind", seq: 1, base: 1, prev: 0 });
    expect(box.base(mac2)).toBe(1);
    expect(box.books()).toMatchObject({ accepted: 1, pending: 1 });
  },
);

test.skipIf(noDisk)(
  `settling, surfacing and the drawer tell of a full disk too, and change nothing${why}`,
  async () => {
    const root = disk(2_048);
    const box = await open({ directory: join(root, "store") });
    await accept(box, "a");
    await box.take(arrival(1));
    fill(join(root, "ballast"));
    const large = { ...settlement("delivered"), receipt: new Uint8Array(200_000) };
    await expect(box.settle(packetId("a"), large)).rejects.toMatchObject({ code: "FULL" });
    await expect(box.put("drawer", "x".repeat(200_000))).rejects.toMatchObject({ code: "FULL" });
    expect(box.message(packetId("a"))?.state).toBe("accepted");
    expect(box.base(mac2)).toBe(1);
    expect(box.get("drawer")).toBeUndefined();
    rmSync(join(root, "ballast"));
    expect(await box.settle(packetId("a"), large)).toBe(true);
    expect(box.base(mac2)).toBe(2);
  },
);

test.skipIf(noDisk)(`a disk with room for a part of a message only is full, too${why}`, async () => {
  const root = disk(2_048);
  const box = await open({ directory: join(root, "store") });
  const ballast = join(root, "ballast");
  fill(ballast);
  truncateSync(ballast, statSync(ballast).size - 40_960);
  const large = box.accept(draft("a"), sealer("a", 300_000));
  await expect(large).rejects.toMatchObject({ code: "FULL" });
  expect(await accept(box, "b")).toMatchObject({ code: "accepted", message: { seq: 1 } });
});

test.skipIf(noDisk)(
  `on a full disk a new mailbox is refused, in words and without a crash${why}`,
  async () => {
    const root = disk(1_024);
    const ballast = join(root, "ballast");
    fill(ballast);
    // LMDB itself crashes where the first pages of a new file find no room.
    for (const free of [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 64, 128]) {
      truncateSync(ballast, statSync(ballast).size - free * 1_024);
      const directory = join(root, `store ${free}`);
      await expect(openMailbox({ directory })).rejects.toMatchObject({ code: "FULL" });
      rmSync(directory, { recursive: true, force: true });
      fill(ballast);
    }
    rmSync(ballast);
    expect(await accept(await open({ directory: join(root, "store") }), "a")).toMatchObject({
      code: "accepted",
    });
  },
);

test("a directory that cannot be made is a failure in words", async () => {
  const file = join(emptyDirectory(), "file");
  writeFileSync(file, "");
  await expect(openMailbox({ directory: join(file, "store") })).rejects.toMatchObject({ code: "FAILED" });
});

interface Report {
  readonly outcomes: readonly string[];
  readonly prevs: readonly number[];
  readonly visible: readonly string[];
  readonly books: { readonly accepted: number; readonly pending: number };
  readonly failing?: string;
  readonly events: readonly string[];
}

/** Runs `steps.mjs` with one system call failing once; its commits are all made by one thread, so that calls can be counted. */
function runWithFault(directory: string, fault: string): Report {
  const steps = fileURLToPath(new URL("fixtures/steps.mjs", import.meta.url));
  const trace = join(directory, "..", "trace");
  const { status, signal, stdout, stderr } = spawnSync(
    strace ?? "",
    [
      "-f",
      "-o",
      trace,
      "-e",
      `trace=${fault.split(":")[0]}`,
      "-e",
      `inject=${fault}`,
      process.execPath,
      steps,
      directory,
      "12",
      "3000",
    ],
    { env: { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_OPTIONS: "" }, timeout: 60_000 },
  );
  const context = `${fault}: ${signal ?? status}\n${stderr.toString()}`;
  expect([status, signal], context).toEqual([0, null]);
  expect(readFileSync(trace, "utf8"), context).toMatch(/INJECTED|DELAYED/);
  return JSON.parse(stdout.toString()) as Report;
}

test.skipIf(strace === undefined)(
  "when the disk fails once, one message is refused and all the others are kept, without a restart (needs strace)",
  { timeout: 240_000 },
  async () => {
    // fdatasync: the flush. pwrite64: pages, and the root, after whose failure LMDB has to be opened again.
    const faults = [3, 6].flatMap((n) => [
      `fdatasync:error=EIO:when=${n}`,
      `fdatasync:error=ENOSPC:when=${n}`,
    ]);
    const writes = [4, 7, 8, 9, 10, 11].map((n) => `pwrite64:error=EIO:when=${n}`);
    for (const fault of [...faults, ...writes]) {
      const directory = join(emptyDirectory(), "store");
      const report = runWithFault(directory, fault);
      const code = fault.includes("ENOSPC") ? "FULL" : "FAILED";
      const failed = report.outcomes.indexOf(code);
      expect(failed, `${fault}: ${JSON.stringify(report)}`).toBeGreaterThanOrEqual(0);
      const expected = Array.from({ length: 12 }, (_, i) => `m${i}`).filter((_, i) => i !== failed);
      expect(report.visible, fault).toEqual(expected.map((id, i) => `${id}:${i + 1}`));
      expect(report.events, fault).toEqual([code]);
      expect(report.failing, fault).toBeUndefined();
      expect(report.prevs.filter((_, i) => i !== failed)).toEqual(expected.map((_, i) => i));
      auditFile(join(directory, "data.mdb"), "");
      const box = await open({ directory });
      expect(ids([...box.pending()]), fault).toEqual(expected);
      expect(box.books()).toMatchObject({ accepted: 11, pending: 11 });
    }
  },
);

test.skipIf(strace === undefined)(
  "a flush that takes its time delays the answer, and nothing else (needs strace)",
  async () => {
    const directory = join(emptyDirectory(), "store");
    const started = performance.now();
    const report = runWithFault(directory, "fdatasync:delay_exit=1500000:when=4");
    expect(performance.now() - started).toBeGreaterThan(1_500);
    expect(report.outcomes).toEqual(Array.from({ length: 12 }, (_, i) => `${i + 1}`));
  },
);

test.skipIf(strace === undefined)("every answer follows a flush of its own (needs strace)", async () => {
  const directory = join(emptyDirectory(), "store");
  const calls = systemCalls(["fdatasync", "openat"], "steps.mjs", directory, "20", "1000");
  expect(calls.filter((call) => fdatasynced.test(call)).length).toBeGreaterThanOrEqual(20);
  // The root is written behind the pages, by a file that is flushed with every write.
  expect(calls.some((call) => /data\.mdb", .*O_DSYNC/.test(call))).toBe(true);
});

test.skipIf(strace === undefined)(
  "a seed file is flushed before it is shown, and its directory after (needs strace)",
  async () => {
    const directory = join(emptyDirectory(), "seed");
    const calls = systemCalls(["fsync", "/rename", "openat"], "store-frame.mjs", directory);
    const at = (pattern: RegExp, from = 0) => calls.findIndex((call, i) => i >= from && pattern.test(call));
    const [written, renamed] = [at(fsynced), at(/rename.*\/tmp\/.*\/new\//)];
    const opened = at(/openat\(.*\/new", /, renamed);
    expect(written).toBeGreaterThan(at(/openat\(.*\/tmp\/.*O_CREAT\|O_EXCL/));
    expect(renamed).toBeGreaterThan(written);
    expect(opened).toBeGreaterThan(renamed);
    expect(at(fsynced, opened)).toBeGreaterThan(opened);
  },
);

// Where another thread's call comes between, strace writes one in two lines.
const fsynced = /fsync(\(\d+| resumed>)\) += 0/;
const fdatasynced = /fdatasync(\(\d+| resumed>)\) += 0/;

/** The system calls of a fixture, in their order. */
function systemCalls(names: readonly string[], script: string, ...args: string[]): string[] {
  const output = join(emptyDirectory(), "trace");
  const program = fileURLToPath(new URL(`fixtures/${script}`, import.meta.url));
  const { status, stderr } = spawnSync(
    strace ?? "",
    ["-f", "-o", output, "-e", `trace=${names.join(",")}`, process.execPath, program, ...args],
    { env: { ...process.env, NODE_OPTIONS: "" }, timeout: 60_000 },
  );
  expect(status, stderr.toString()).toBe(0);
  return readFileSync(output, "utf8").split("\n");
}

/** Leaves no byte free. */
function fill(file: string): void {
  for (const size of [65_536, 4_096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}
