import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findProgram } from "../../../test/needs.js";
import type { Host } from "../../../test/host.js";
import { Fleet } from "./fleet.js";
import { Node, outcome } from "./node.js";
import { Repository } from "./repository.js";

const run = promisify(execFile);
const fleet = await Fleet.of("alpha", "bravo");
const mount = process.getuid?.() === 0 ? findProgram("mount") : undefined;
let repository: Repository;
const open: Node[] = [];

beforeEach(async () => void (repository = await Repository.make()));
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await repository.dispose();
});

async function start(name: string | Host, more = {}): Promise<Node> {
  const cover = fleet.cover(typeof name === "string" ? name : name.node);
  const options = { remote: repository.path, directory: repository.spool(), cover };
  const opened = await Node.open(name, { ...options, ...more });
  open.push(opened);
  return opened;
}

async function hook(name: string, script: string): Promise<void> {
  await writeFile(join(repository.path, "hooks", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Ends the hook that said its process's number. */
async function endHook(): Promise<void> {
  process.kill(Number(await readFile(join(repository.base, "inside"), "utf8")), "SIGKILL");
}

test("a sender that is killed in the middle of a push leaves the remote as it was, and the next one gets through", async () => {
  // The push stands still where everything was sent and nothing is decided.
  await hook(
    "pre-receive",
    `echo $$ > "${repository.base}/inside.new"; mv "${repository.base}/inside.new" "${repository.base}/inside"; exec sleep 20`,
  );
  const options = { remote: repository.path, directory: repository.spool() };
  const file = fileURLToPath(new URL("sender.mjs", import.meta.url));
  const child = fork(file, [JSON.stringify(options)], {
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  try {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => void (said += chunk.toString()));
    await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("close", () => reject(new Error(`it ended: ${said}`)));
    });
    const { watch } = await import("node:fs");
    const inside = new Promise<void>((resolve) => {
      const watcher = watch(repository.base, (_, name) => {
        if (name !== "inside") return;
        watcher.close();
        resolve();
      });
    });
    child.send("go");
    await inside;
  } finally {
    child.kill("SIGKILL");
  }
  await once(child, "exit");
  await endHook();
  await hook("pre-receive", "exit 0");
  const alpha = await start("alpha", { directory: options.directory });
  const bravo = await start("bravo");
  expect(outcome(await alpha.send("bravo", "after"))).toBe("stores");
  expect(await bravo.received(1)).toEqual(["after"]);
});

test("a remote that vanishes is reported, and one that comes back is reported and read at once", async () => {
  const alpha = await start("alpha");
  const bravo = await start("bravo");
  await alpha.send("bravo", "before");
  await bravo.received(1);
  await repository.vanish();
  await bravo.host.until(() => bravo.host.states.at(-1) === "down");
  expect(outcome(await alpha.send("bravo", "while away"))).toMatch(/^UNREACHABLE: .*no repository is there/);
  await repository.comeBack();
  await bravo.host.until(() => bravo.host.states.at(-1) === "up");
  await alpha.send("bravo", "after");
  expect(await bravo.received(2)).toEqual(["before", "after"]);
});

test("a channel opens before its remote is there, and reads it once it is", async () => {
  const cover = fleet.cover("alpha");
  const other = await start("alpha", { cover });
  await other.send("bravo", "waiting");
  await repository.vanish();
  const bravo = await start("bravo");
  expect(bravo.host.states).toEqual(["down"]);
  await repository.comeBack();
  expect(await bravo.received(1)).toEqual(["waiting"]);
});

test("a remote that lets this user only read is said to be that, and what was read is not handed over again", async () => {
  const alpha = await start("alpha");
  await alpha.send("bravo", "text");
  await hook("pre-receive", "exit 1");
  expect(outcome(await alpha.send("bravo", "more"))).toMatch(/^DENIED: .*pre-receive hook declined/);
  const bravo = await start("bravo");
  await bravo.host.until(() => bravo.host.counts["kept_refs"] === 1);
  bravo.link.poke?.();
  await bravo.host.until(() => bravo.host.counts["kept_refs"] === 2);
  expect(bravo.host.texts).toEqual(["text"]);
});

test("a remote that takes no pushes of that size says so, and smaller ones beside it get through", async () => {
  await repository.git("config", "receive.maxInputSize", "60000");
  const alpha = await start("alpha");
  const texts = ["small", "x".repeat(200_000), "also small"];
  const results = await Promise.all(texts.map((text) => alpha.send("bravo", text)));
  expect(results.map((result) => outcome(result).split(":")[0])).toEqual(["stores", "TOO_LARGE", "stores"]);
});

test("a SHA-256 repository is refused, with what to use in its place", async () => {
  const other = await Repository.make("--object-format=sha256");
  const alpha = await start("alpha", { remote: other.path });
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(
    /is a SHA-256 repository: use one made with SHA-1$/,
  );
  await alpha.close();
  await other.dispose();
});

test("what is no repository is said to be none", async () => {
  const alpha = await start("alpha", { remote: repository.base });
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^UNREACHABLE: .*no repository is there/);
});

test("a push that is held up runs into the deadline", async () => {
  await hook("pre-receive", `echo $$ > "${repository.base}/inside"; exec sleep 20`);
  const alpha = await start("alpha", { timeoutMs: 1_000 });
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^TIMEOUT: .* took more than 1000 ms$/);
  await endHook();
});

test("a ref that another push has locked is tried again, and then said to be busy", async () => {
  const alpha = await start("alpha");
  await alpha.send("bravo", "text");
  await writeFile(join(repository.path, "refs/multifleet/bravo/alpha.lock"), "");
  expect(outcome(await alpha.send("bravo", "text"))).toMatch(/^BUSY/);
  expect(alpha.host.counts["lost_races"]).toBe(5);
});

test.skipIf(mount === undefined)(
  "a remote whose disk is full asks to come back later, and takes again when there is room",
  async () => {
    const place = join(repository.base, "small");
    await run("mkdir", [place]);
    await run("mount", ["-t", "tmpfs", "-o", "size=600k", "tmpfs", place]);
    try {
      await run("git", ["clone", "-q", "--bare", repository.path, join(place, "mail.git")]);
      const alpha = await start("alpha", { remote: join(place, "mail.git") });
      expect(outcome(await alpha.send("bravo", "x".repeat(700_000)))).toMatch(/^BUSY: .*disk is full/);
      expect(outcome(await alpha.send("bravo", "small"))).toBe("stores");
      await alpha.close();
    } finally {
      await run("umount", ["-l", place]);
    }
  },
);

test("what an environment says of another repository does not count", async () => {
  vi.stubEnv("GIT_DIR", "/nowhere");
  vi.stubEnv("GIT_OBJECT_DIRECTORY", "/nowhere/objects");
  vi.stubEnv("GIT_QUARANTINE_PATH", "/nowhere/quarantine");
  try {
    const alpha = await start("alpha");
    expect(outcome(await alpha.send("bravo", "text"))).toBe("stores");
  } finally {
    vi.unstubAllEnvs();
  }
});
