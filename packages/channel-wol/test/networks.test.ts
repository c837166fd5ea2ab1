import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findProgram } from "../../../test/needs.js";
import { expected } from "./sleeper.js";

const ip = process.getuid?.() === 0 && process.platform === "linux" ? findProgram("ip") : undefined;
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const run = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8" });

/** Namespaces that are there: a test that runs out of time never gets to delete its own. */
const spaces = new Set<string>();
process.on("exit", () => {
  for (const space of spaces) run("netns", "del", space);
});

/** Resolves once the kernel calls both links of a namespace up, and says so itself: `ip monitor` is there before they are set up. */
async function twoLinksUp(name: string, setUp: () => void): Promise<void> {
  const monitor = spawn("ip", ["-n", name, "-o", "monitor", "link"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const up = new Set<string>();
    const lines = createInterface({ input: monitor.stdout });
    const all = new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`the links of ${name} do not come up`)), 10_000);
      const look = (line: string) => {
        const [, device] = /^\d+: (veth\d).*state UP/.exec(line) ?? [];
        if (device !== undefined) up.add(device);
        if (up.size < 2) return;
        clearTimeout(deadline);
        resolve();
      };
      lines.on("line", look);
      setUp();
      // What came up before the monitor listened.
      for (const line of run("-n", name, "-o", "link", "show").split("\n")) look(line);
    });
    await all;
  } finally {
    monitor.kill();
  }
}

/** The machine that hears packets: it is on both networks. */
async function listen(name: string): Promise<{ child: ChildProcess; lines: AsyncIterableIterator<string> }> {
  const child = spawn("ip", ["netns", "exec", name, process.execPath, file("listener.mjs"), "7", "9"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('"ready"');
  return { child, lines };
}

test.skipIf(ip === undefined)(
  "a packet goes to the directed broadcast address of the sleeper's network alone, from the address that this machine has there (needs root and ip on Linux, for network namespaces)",
  async () => {
    const [here, there] = [`mfwa${process.pid}`, `mfwb${process.pid}`];
    const mac = "00-1b-21-ab-cd-ef";
    let listener: Awaited<ReturnType<typeof listen>> | undefined;
    const send = (target: string, options: object) =>
      JSON.parse(
        execFileSync(
          "ip",
          ["netns", "exec", here, process.execPath, file("sender.mjs"), JSON.stringify({ target, options })],
          { encoding: "utf8", timeout: 20_000 },
        ),
      ) as { ok: boolean; addresses: string[] };
    try {
      for (const name of [here, there]) {
        run("netns", "add", name);
        spaces.add(name);
      }
      const networks = [
        ["veth1", "10.113.1", "24", "10.113.1.255"],
        ["veth2", "10.113.16", "20", "10.113.31.255"],
      ] as const;
      const setUp = () => {
        for (const [device, network, prefix] of networks) {
          run("link", "add", device, "netns", here, "type", "veth", "peer", "name", device, "netns", there);
          run("-n", here, "addr", "add", `${network}.1/${prefix}`, "dev", device);
          run("-n", there, "addr", "add", `${network}.2/${prefix}`, "dev", device);
          for (const name of [here, there]) run("-n", name, "link", "set", device, "up");
        }
      };
      await twoLinksUp(here, setUp);
      listener = await listen(there);
      const { lines } = listener;
      const next = async () => JSON.parse((await lines.next()).value as string);
      const options = { interfaces: ["veth1", "veth2"] };

      const first = send(`wol:${mac}@10.113.1.9/24`, options);
      expect(first.ok).toBe(true);
      expect(await next()).toEqual({ port: 9, from: "10.113.1.1", packet: expected(mac).toString("hex") });
      const macs = ["veth1", "veth2"].map(
        (device) => /link\/ether (\S+)/.exec(run("-n", here, "link", "show", device))?.[1],
      );
      expect(first.addresses).toEqual([
        `wol:${macs[0]?.replaceAll(":", "-")}@10.113.1.1/24`,
        `wol:${macs[1]?.replaceAll(":", "-")}@10.113.16.1/20`,
      ]);

      expect(send(`wol:${mac}@10.113.30.9/20`, { ...options, ports: [7, 9] }).ok).toBe(true);
      expect([await next(), await next()]).toMatchObject([
        { port: 7, from: "10.113.16.1" },
        { port: 9, from: "10.113.16.1" },
      ]);

      // Its network unknown: each of ours, once.
      expect(send(mac, options).ok).toBe(true);
      expect([await next(), await next()]).toMatchObject([{ from: "10.113.1.1" }, { from: "10.113.16.1" }]);

      // A card of our own: who is on this machine does not sleep.
      expect(send(first.addresses[0] ?? "", options).ok).toBe(false);
      // On another network, and where nothing but virtual interfaces is there and none is named: nothing.
      expect(send(`wol:${mac}@10.113.2.9/24`, options).ok).toBe(false);
      expect(send(`wol:${mac}@10.113.1.9/24`, {})).toEqual({ ok: false, addresses: [] });
      listener.child.stdin?.end();
      expect(await lines.next()).toMatchObject({ done: true });
    } finally {
      listener?.child.kill("SIGKILL");
      for (const name of spaces) {
        spaces.delete(name);
        run("netns", "del", name);
      }
    }
  },
  60_000,
);
