import { request, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { TestFleet, type NodeOptions, type TestNode } from "../fleet.js";
import { TestLink } from "../proxy.js";

/** The port of a node's packet listener. */
export function packetPort(node: TestNode): number {
  const line = node.log
    .split("\n")
    .findLast((each) => each.includes('"channel_open"') && each.includes('"http"'));
  const { addresses } = JSON.parse(line ?? "{}") as { addresses: string[] };
  return Number(new URL(addresses[0] ?? "").port);
}

/**
 * Three nodes that have nothing but HTTP: mac3 reaches both others, who reach each other only by a link in each direction, which is
 * closed to begin with.
 */
export class Triangle implements AsyncDisposable {
  readonly fleet: TestFleet;
  readonly mac1: TestNode;
  readonly mac2: TestNode;
  readonly mac3: TestNode;
  readonly #links: readonly TestLink[];

  private constructor(fleet: TestFleet, links: readonly TestLink[]) {
    this.fleet = fleet;
    [this.mac1, this.mac2, this.mac3] = [fleet.node("mac1"), fleet.node("mac2"), fleet.node("mac3")];
    this.#links = links;
  }

  /** @param more What the configs of all have beside, and those of single nodes. */
  static async start(
    more: object = {},
    own: Readonly<Record<string, { readonly channels: object }>> = {},
  ): Promise<Triangle> {
    // The links' ports are needed before what they lead to is there.
    const [there, back] = [await TestLink.to(1), await TestLink.to(1)];
    await Promise.all([there.set("cut"), back.set("cut")]);
    const config = (name: string, peers: object): NodeOptions => {
      const { channels = {} } = own[name] ?? {};
      return { config: { channels: { ipc: false, seed: false, wol: false, ...channels }, peers, ...more } };
    };
    const fleet = await TestFleet.start(["mac3", "mac1", "mac2"], {
      mac3: config("mac3", {}),
      mac1: config("mac1", { mac2: { http: there.url } }),
      mac2: config("mac2", { mac1: { http: back.url } }),
    });
    await knows(fleet.node("mac1"), "mac2");
    return new Triangle(fleet, [there, back]);
  }

  /** Opens the links between mac1 and mac2. */
  async join(): Promise<void> {
    const targets = [packetPort(this.mac2), packetPort(this.mac1)];
    for (const [at, link] of this.#links.entries()) link.lead(targets[at] ?? 0);
    await this.#set("pass");
  }

  async cut(): Promise<void> {
    await this.#set("cut");
  }

  async #set(state: "pass" | "cut"): Promise<void> {
    await Promise.all(this.#links.map((link) => link.set(state)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    await this.fleet[Symbol.asyncDispose]();
  }
}

/** Waits, looking at each event of a node, until `holds`. */
async function until(node: TestNode, what: string, holds: () => Promise<boolean>): Promise<void> {
  const headers = { authorization: `Bearer ${node.token}` };
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: node.port, path: "/events", headers }, resolve);
    asked.on("error", reject);
    asked.end();
  });
  const late = setTimeout(() => stream.destroy(), 20_000);
  try {
    if (await holds()) return;
    for await (const line of createInterface({ input: stream }))
      if (line.startsWith("data: ") && (await holds())) return;
  } finally {
    clearTimeout(late);
    stream.destroy();
  }
  throw new Error(`${node.name}: ${what}`);
}

/** Waits for items in a node's inbox. */
export function arrived(node: TestNode, ids: readonly string[]): Promise<void> {
  return until(node, `not all of ${ids.join(", ")} arrived`, async () => {
    const items = new Set((await node.inbox()).map(({ id }) => id));
    return ids.every((id) => items.has(id));
  });
}

/** Waits until a node knows another as a peer. */
function knows(node: TestNode, peer: string): Promise<void> {
  return until(node, `does not know ${peer}`, async () => {
    const { peers } = (await node.get("/peers")).body;
    return peers.some((each: { node: string }) => each.node === peer);
  });
}
