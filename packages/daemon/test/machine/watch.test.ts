import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { watchMachine } from "../../src/machine/watch.js";

const path = process.env["PATH"];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mf-watch-"));
});

afterEach(() => {
  process.env["PATH"] = path;
  rmSync(directory, { recursive: true, force: true });
});

/** Puts a program of a test's own before the system's. */
function program(name: string, script: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
  process.env["PATH"] = `${directory}${delimiter}${path}`;
}

const linux = process.platform === "linux";

test.skipIf(!linux)("a burst of lines about the network is told as one change", async () => {
  program("ip", 'for i in 1 2 3 4 5; do echo "2: eth0 $i"; done; exec tail -f /dev/null');
  program("gdbus", "exec tail -f /dev/null");
  const told: string[] = [];
  const first = new Promise<void>((done) => {
    const stop = watchMachine(
      (event) => {
        told.push(event);
        stop();
        done();
      },
      () => undefined,
    );
  });
  await first;
  expect(told).toEqual(["network"]);
});

test.skipIf(!linux)("only the end of a sleep is a wake-up", async () => {
  program("ip", "exec tail -f /dev/null");
  const login = "/org/freedesktop/login1: org.freedesktop.login1.Manager.PrepareForSleep";
  program("gdbus", `echo "${login} (true,)"; echo "other"; echo "${login} (false,)"; exec tail -f /dev/null`);
  const event = await new Promise<string>((done) => {
    const stop = watchMachine(
      (told) => {
        stop();
        done(told);
      },
      () => undefined,
    );
  });
  expect(event).toBe("wake");
});

test.skipIf(!linux)(
  "a program that is not there, and one that ends, are told of and do no harm",
  async () => {
    program("gdbus", "exit 1");
    rmSync(join(directory, "ip"), { force: true });
    process.env["PATH"] = directory;
    const missing: string[] = [];
    await new Promise<void>((done) => {
      watchMachine(
        () => undefined,
        (name) => {
          missing.push(name);
          if (missing.length === 2) done();
        },
      );
    });
    expect(missing.toSorted()).toEqual(["gdbus", "ip"]);
  },
);

test("on a system that has no such program nothing is started, and ending it is fine", () => {
  watchMachine(
    () => expect.unreachable(),
    () => expect.unreachable(),
    "win32",
  )();
});

test.skipIf(!linux || findProgram("setpriv") === undefined || findProgram("tail") === undefined)(
  "a daemon that is killed outright leaves no such program behind",
  async () => {
    // Each says who it is by opening a pipe that only it holds then; the pipe ends with it.
    program("ip", `echo "2: eth0"; exec tail -f /dev/null`);
    program("gdbus", "exit 1");
    const watch = fileURLToPath(new URL("../../dist/machine/watch.js", import.meta.url));
    const script = `
      import { watchMachine } from ${JSON.stringify(watch)};
      watchMachine(() => console.log("heard"), () => undefined);
      setTimeout(() => {}, 20_000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const [watcher] = childrenOf(child.pid).filter((pid) => commandOf(pid).includes("tail"));
    child.kill("SIGKILL");
    await once(child, "close");
    expect(watcher).toBeGreaterThan(0);
    await once(spawn("tail", ["--pid", String(watcher), "-f", "/dev/null"]), "close");
  },
);

function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}

const namespaces =
  linux &&
  process.getuid?.() === 0 &&
  findProgram("ip") !== undefined &&
  findProgram("unshare") !== undefined;

test.skipIf(!namespaces || !existsSync("/proc/self/ns/net"))(
  "a link that comes up in this machine's network is told",
  async () => {
    const watch = fileURLToPath(new URL("../../dist/machine/watch.js", import.meta.url));
    const script = `
      import { watchMachine } from ${JSON.stringify(watch)};
      import { execFileSync } from "node:child_process";
      const stop = watchMachine((event) => { console.log(event); stop(); process.exit(0); }, () => undefined);
      setTimeout(() => process.exit(1), 20_000);
      // ip(8) prints nothing when it has begun to listen, so changes are made until one was heard.
      const change = (n) => { execFileSync("ip", ["link", "set", "lo", n % 2 ? "down" : "up"]); setTimeout(change, 100, n + 1); };
      change(0);
    `;
    const child = spawn("unshare", ["--net", process.execPath, "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (bytes) => (said += String(bytes)));
    await once(child, "close");
    expect(said.trim()).toBe("network");
    // Nothing of it is left, whichever way it ended.
    expect(() => execFileSync("kill", ["-0", String(child.pid)], { stdio: "ignore" })).toThrow("kill");
  },
);
