import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { nodeId, type Packet } from "@multifleet/core";
import { expect, test } from "vitest";
import { findProgram } from "../../../test/needs.js";
import type { Fleet } from "../src/fleet/fleet.js";
import { Waking } from "../src/fleet/waking.js";
import type { Peers } from "../src/peers.js";
import { TestFleet, TestNode } from "./fleet.js";

const ip = process.getuid?.() === 0 && process.platform === "linux" ? findProgram("ip") : undefined;
const needs = "(needs root and ip on Linux, for network namespaces)";
const run = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8" });

/** A network interface of a machine, with its address and the other machine that it leads to. */
interface Wire {
  readonly from: readonly [machine: string, device: string, address: string];
  readonly to: readonly [machine: string, device: string, address: string];
}

/** Namespaces that are there: a test that runs out of time never gets to delete its own. */
const spaces = new Set<string>();
process.on("exit", () => {
  for (const space of spaces) run("netns", "del", space);
});

/** Machines with wires between them, as network namespaces. */
class Office implements AsyncDisposable {
  readonly fleet = new TestFleet();
  readonly #machines: readonly string[];
  readonly #listeners: ChildProcess[] = [];

  private constructor(machines: readonly string[]) {
    this.#machines = machines;
  }

  static async build(machines: readonly string[], wires: readonly Wire[]): Promise<Office> {
    const office = new Office(machines);
    try {
      for (const machine of machines) {
        run("netns", "add", inside(machine));
        spaces.add(inside(machine));
      }
      await Promise.all(wires.map((wire) => office.#lay(wire)));
      return office;
    } catch (thrown) {
      await office[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Starts a daemon on a machine. */
  async start(machine: string, interfaces: readonly string[]): Promise<TestNode> {
    const node = new TestNode(join(this.fleet.directory, machine), machine, {
      wrapper: ["ip", "netns", "exec", inside(machine)],
      config: { channels: { ipc: false, seed: false, relay: false, wol: { interfaces } } },
    });
    this.fleet.nodes.push(node);
    await node.start();
    return node;
  }

  /** Calls a daemon's local API from its own machine. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  call(node: TestNode, path: string, body?: object): any {
    const headers = ["-H", "content-type: application/json", "-H", `authorization: Bearer ${node.token}`];
    const data = body === undefined ? [] : ["-d", JSON.stringify(body)];
    const url = `http://127.0.0.1:${node.port}${path}`;
    const args = ["netns", "exec", inside(node.name), "curl", "-s", "-m", "25", ...headers, ...data, url];
    return JSON.parse(run(...args));
  }

  /** Makes all of them one fleet. */
  join(first: TestNode, ...others: readonly TestNode[]): void {
    for (const node of others) {
      const { code } = this.call(first, "/invite", { uses: 1, expires: "1h", lan: true });
      expect(this.call(node, "/join", { code })).toMatchObject({ node: node.name });
    }
  }

  /** Hears the magic packets that come to a machine, as its network cards do while it sleeps. */
  async hear(machine: string): Promise<{ readonly heard: string[]; readonly first: Promise<void> }> {
    const file = fileURLToPath(new URL("../../channel-wol/test/listener.mjs", import.meta.url));
    const child = spawn("ip", ["netns", "exec", inside(machine), process.execPath, file, "9"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#listeners.push(child);
    const heard: string[] = [];
    let ready: () => void = () => undefined;
    let woken: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (woken = resolve));
    const listening = new Promise<void>((resolve) => (ready = resolve));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === '"ready"') return ready();
      heard.push(line);
      woken();
    });
    await listening;
    return { heard, first };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#listeners) child.kill("SIGKILL");
    await this.fleet[Symbol.asyncDispose]();
    for (const machine of this.#machines) {
      if (spaces.delete(inside(machine))) run("netns", "del", inside(machine));
    }
  }

  /** Lays one wire, and resolves once the kernel calls it up, at both ends. */
  async #lay({ from: [one, device, address], to: [two, device2, address2] }: Wire): Promise<void> {
    const ends = [
      [inside(one), device, address],
      [inside(two), device2, address2],
    ] as const;
    const monitors = ends.map(([space]) =>
      spawn("ip", ["-n", space, "-o", "monitor", "link"], { stdio: ["ignore", "pipe", "inherit"] }),
    );
    const [a, b] = [inside(one), inside(two)];
    try {
      const up = ends.map(
        ([space, name], index) =>
          new Promise<void>((resolve, reject) => {
            const late = () => reject(new Error(`${name} of ${space} does not come up`));
            const deadline = setTimeout(late, 10_000);
            const look = (line: string) => {
              if (!new RegExp(`^\\d+: ${name}@.*state UP`).test(line)) return;
              clearTimeout(deadline);
              resolve();
            };
            const monitor = monitors[index]?.stdout;
            // What came up before the monitor listened is seen when its first line comes, or now.
            if (monitor !== undefined && monitor !== null)
              createInterface({ input: monitor }).on("line", look);
            setImmediate(() => {
              for (const line of run("-n", space, "-o", "link", "show").split("\n")) look(line);
            });
          }),
      );
      run("link", "add", device, "netns", a, "type", "veth", "peer", "name", device2, "netns", b);
      for (const [space, name, at] of ends) {
        run("-n", space, "addr", "add", at, "dev", name);
        for (const each of ["lo", name]) run("-n", space, "link", "set", each, "up");
      }
      await Promise.all(up);
    } finally {
      for (const monitor of monitors) monitor.kill();
    }
  }
}

function inside(machine: string): string {
  return `mfs${process.pid}${machine}`;
}

/** How long the machine takes from the magic packet to its daemon's start; a real one takes tens of seconds. */
const bootMs = 500;

/** Says yes to whatever it is asked to wake, and keeps what that was. */
function lender(member: boolean) {
  const woken: string[] = [];
  const waking = new Waking({
    fleet: { node: nodeId("mac1"), peers: [], member: () => (member ? {} : undefined) } as unknown as Fleet,
    peers: {} as Peers,
    post: { ask: () => Promise.resolve(false) },
    deliverers: () => [],
    health: () => [],
  });
  waking.options.lend(async (target) => woken.push(target) > 0);
  const take = (body: string) => waking.take({ body: new TextEncoder().encode(body) } as Packet);
  return { waking, woken, take };
}

test("a member is woken for another, and nobody else is, whatever the request says", async () => {
  const { waking, woken, take } = lender(true);
  expect(await take('{"target":"mac2"}')).toBe(true);
  for (const body of ["", "{}", '{"target":"../mac2"}', '{"target":["mac2"]}', '"mac2"'])
    expect(await take(body), body).toBe(false);
  // One that runs need not be woken.
  expect(await take('{"target":"mac1"}')).toBe(true);
  expect(woken).toEqual(["mac2"]);
  waking.options.lend(undefined);
  expect(await take('{"target":"mac2"}')).toBe(false);
  const stranger = lender(false);
  expect(await stranger.take('{"target":"mac2"}')).toBe(false);
  expect(stranger.woken).toEqual([]);
});

test("a member is asked by a signed notice, and the sender's attempt shows whether it could", async () => {
  const loopback = Object.entries(networkInterfaces()).find(([, addresses = []]) =>
    addresses.some(({ address }) => address === "127.0.0.1"),
  )?.[0];
  const card = createSocket("udp4");
  try {
    card.bind(0);
    await once(card, "listening");
    const quiet = { seed: false, relay: false };
    const at = (number: number, ...networks: string[]) => ({
      wol: networks.map((network) => `00:1b:21:00:00:0${number}@${network}`),
    });
    await using fleet = await TestFleet.start(["mac1", "mac2", "mac3", "mac4"], {
      // The helper is on the networks of two sleepers, and the sender on neither.
      mac1: {
        config: {
          channels: quiet,
          peers: {
            mac2: at(2, "10.98.0.2/24", "10.99.0.2/24"),
            mac3: at(3, "10.98.0.3/24"),
            mac4: at(4, "10.99.0.4/24"),
          },
        },
      },
      // The helper knows where one of them is.
      mac2: {
        config: {
          channels: { ...quiet, wol: { interfaces: [loopback], ports: [card.address().port] } },
          peers: { mac3: at(3, "127.0.0.3/8") },
        },
      },
      mac3: { config: { channels: quiet } },
      mac4: { config: { channels: quiet } },
    });
    for (const name of ["mac3", "mac4"]) await fleet.node(name).kill("SIGKILL");
    const mac1 = fleet.node("mac1");
    const heard = once(card, "message");
    const woken = await mac1.send("mac3", "wake up");
    const [packet] = (await heard) as [Buffer];
    expect(packet.toString("hex")).toBe(`${"f".repeat(12)}${"001b21000003".repeat(16)}`);
    const asleep = await mac1.send("mac4", "wake up", { expires: "4s" });
    await mac1.settled(asleep.body.id);
    const tried = async (id: string) =>
      (await mac1.get(`/message/${id}`)).body.attempts.filter(
        ({ channel }: { channel: string }) => channel === "wol",
      );
    expect(await tried(woken.body.id)).toMatchObject([{ outcome: "woke" }]);
    expect(await tried(asleep.body.id)).toMatchObject([
      { outcome: "UNREACHABLE", reason: expect.stringContaining("mac2: could not wake it") },
    ]);
    expect(await fleet.node("mac2").counters()).toMatchObject({ packets_rejected_total: 1 });
    // Nobody's outbox keeps the request.
    const { peers } = (await mac1.get("/peers")).body;
    expect(peers.find(({ node }: { node: string }) => node === "mac2")).toMatchObject({ pending: 0 });
  } finally {
    card.close();
  }
});

test.skipIf(ip === undefined)(
  `a sleeping machine is woken by one magic packet, and has the message once, soon after its hello ${needs}`,
  async () => {
    await using office = await Office.build(
      ["mac1", "mac2"],
      [{ from: ["mac1", "veth0", "10.114.0.1/24"], to: ["mac2", "veth0", "10.114.0.2/24"] }],
    );
    const mac1 = await office.start("mac1", ["veth0"]);
    const mac2 = await office.start("mac2", ["veth0"]);
    office.join(mac1, mac2);
    const before = office.call(mac1, "/message?wait=delivered&timeout=20s", message("mac2", "awake"));
    expect(before).toMatchObject({ state: "delivered" });

    await mac2.kill("SIGKILL");
    const { heard, first } = await office.hear("mac2");
    const sent = ["one", "two", "three"].map((text) => office.call(mac1, "/message", message("mac2", text)));
    expect(sent.map(({ state }) => state)).toEqual(["accepted", "accepted", "accepted"]);
    await first;
    await new Promise((resolve) => setTimeout(resolve, bootMs));
    const before2 = sent.map(({ id }) => office.call(mac1, `/message/${id}`));
    // The packet carried nothing: nothing is said to be on its way, let alone delivered.
    expect(before2.map(({ state }) => state)).toEqual(["accepted", "accepted", "accepted"]);
    expect(
      before2.flatMap(({ attempts }) => attempts).filter(({ channel }) => channel === "wol"),
    ).toMatchObject([{ outcome: "woke" }]);
    await mac2.start();
    const at = performance.now();
    for (const { id } of sent)
      expect(office.call(mac1, `/message/${id}?wait=settled&timeout=20s`)).toMatchObject({
        state: "delivered",
      });
    console.log(`delivered ${Math.round(performance.now() - at)} ms after the woken daemon was ready`);
    const bodies = office.call(mac2, "/inbox").items.map(({ body }: { body: string }) => body);
    expect(bodies.toSorted()).toEqual(["awake", "one", "three", "two"]);
    expect(heard.map((line) => JSON.parse(line))).toMatchObject([{ from: "10.114.0.1" }]);
    expect(office.call(mac1, "/health").counters).toMatchObject({ messages_delivered_total: 4 });
  },
  90_000,
);

test.skipIf(ip === undefined)(
  `a machine on another network is woken by a member that is there, and by no other ${needs}`,
  async () => {
    await using office = await Office.build(
      ["mac1", "mac2", "mac3"],
      [
        { from: ["mac1", "veth0", "10.115.1.1/24"], to: ["mac3", "veth1", "10.115.1.3/24"] },
        { from: ["mac2", "veth0", "10.115.2.2/24"], to: ["mac3", "veth2", "10.115.2.3/24"] },
      ],
    );
    // The third machine routes between the two networks; broadcasts stay on theirs.
    run("netns", "exec", inside("mac3"), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
    run("-n", inside("mac1"), "route", "add", "10.115.2.0/24", "via", "10.115.1.3");
    run("-n", inside("mac2"), "route", "add", "10.115.1.0/24", "via", "10.115.2.3");
    const mac1 = await office.start("mac1", ["veth0"]);
    const mac2 = await office.start("mac2", ["veth0"]);
    const mac3 = await office.start("mac3", ["veth1", "veth2"]);
    office.join(mac1, mac2, mac3);
    for (const to of ["mac2", "mac3"])
      expect(office.call(mac1, "/message?wait=delivered&timeout=20s", message(to, "awake"))).toMatchObject({
        state: "delivered",
      });

    await mac2.kill("SIGKILL");
    const { heard, first } = await office.hear("mac2");
    const { id } = office.call(mac1, "/message", message("mac2", "wake up"));
    await first;
    await mac2.start();
    expect(office.call(mac1, `/message/${id}?wait=settled&timeout=20s`)).toMatchObject({
      state: "delivered",
    });
    const bodies = office.call(mac2, "/inbox").items.map(({ body }: { body: string }) => body);
    expect(bodies).toEqual(["awake", "wake up"]);
    expect(heard.map((line) => JSON.parse(line))).toMatchObject([{ from: "10.115.2.3" }]);
    const events = (node: TestNode) =>
      execFileSync(
        "ip",
        [
          "netns",
          "exec",
          inside(node.name),
          "curl",
          "-s",
          "-H",
          `authorization: Bearer ${node.token}`,
          `http://127.0.0.1:${node.port}/metrics`,
        ],
        { encoding: "utf8" },
      );
    expect(events(mac1)).toContain('event="wol.helpers_asked"} 1');
    expect(events(mac1)).not.toContain("wol.magic_packets");
    expect(events(mac3)).toContain('event="wol.woken_for_others"} 1');
    expect(events(mac3)).toContain('event="wol.magic_packets"} 1');
  },
  90_000,
);

function message(to: string, body: string): object {
  return { type: "context", to, payload: { subject: "waking", body } };
}
