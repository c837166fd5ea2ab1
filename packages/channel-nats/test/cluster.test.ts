import { Host, outcome, send } from "../../../test/host.js";
import { connect } from "nats";
import { afterEach, describe, expect, test } from "vitest";
import { newPacketId, type Link } from "@multifleet/core";
import { closeAll, openNats } from "./links.js";
import { freePort, program, Server } from "../../../test/nats-server.js";

describe.skipIf(program === undefined)("more than one server", () => {
  const servers: Server[] = [];
  afterEach(async () => {
    await closeAll();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  /** Makes the servers of a cluster, which are yet to be started. */
  async function cluster(size: number): Promise<(() => Promise<Server>)[]> {
    const ports = await Promise.all(Array.from({ length: size }, () => freePort()));
    const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
    return ports.map((port, at) => async () => {
      const server = await Server.start(
        [
          `server_name: n${at}`,
          "jetstream: {max_file_store: 2G}",
          `cluster: {name: c, listen: "127.0.0.1:${port}", routes: [${routes}]}`,
        ].join("\n"),
      );
      servers.push(server);
      return server;
    });
  }

  const replicasOf = async (server: Server) => {
    const connection = await connect({ servers: server.url });
    try {
      const manager = await connection.jetstreamManager({ timeout: 5_000 });
      const { config, cluster: group } = await manager.streams.info("FLEET_MESSAGES");
      return { replicas: config.num_replicas, leader: group?.leader };
    } finally {
      await connection.close();
    }
  };
  const isUp = (link: Link) => link.status?.()["available"] === true;

  /**
   * Has a copy stored as a daemon does: while the servers elect a leader it is refused, and the link may end and is opened again. @returns
   * the link that is open then
   */
  async function storeAtLast(host: Host, link: Link, options: object, text: string): Promise<Link> {
    const { signal } = new AbortController();
    // Under one id: what was refused may have been stored all the same.
    const id = newPacketId(Date.now());
    let open = link;
    let result = "";
    for (let sends = 0; sends < 200 && result !== "stores"; sends++) {
      const since = host.events.length;
      result = outcome(await send(open, text, signal, id));
      if (result === "CLOSED") {
        open = await openNats(host, options, "jetstream");
        await host.until(() => isUp(open));
      } else if (result !== "stores" && !isUp(open)) {
        await host.until(() => host.events.length > since || isUp(open));
      }
    }
    expect(result).toBe("stores");
    return open;
  }

  /** Has a frame delivered once the servers have told each other who listens where: until then nobody is there, at once. */
  async function deliverAtLast(link: Link): Promise<void> {
    let result = "";
    for (let sends = 0; sends < 5_000 && result !== "delivers"; sends++) {
      result = outcome(await send(link));
      expect(["delivers", "UNREACHABLE"]).toContain(result);
    }
    expect(result).toBe("delivers");
  }

  test("three servers keep three copies, and where one goes another carries on at once", async () => {
    const running = await Promise.all((await cluster(3)).map((start) => start()));
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    // The others are told of by the first.
    const options = { servers: running[0]?.url ?? "" };
    const link = await openNats(alpha, options);
    const keeper = new Host("alpha");
    const store = await openNats(keeper, options, "jetstream");
    await openNats(bravo, { servers: running[1]?.url ?? "" });
    await keeper.until(() => isUp(store));
    const kept = await storeAtLast(keeper, store, options, "first");
    expect(kept.status?.()).toMatchObject({ replicas: 3 });
    expect(link.status?.()).toMatchObject({ cluster: "c", cluster_urls: 3 });
    await running[0]?.kill();
    await alpha.until(() => alpha.states.at(-1) === "up");
    expect(alpha.states).toEqual(["down", "up"]);
    await deliverAtLast(link);
    expect(link.status?.()).toMatchObject({ reconnects: 1 });
  });

  // Elections of an R=3 stream take 5 to 15 seconds: too long for every build.
  const rounds = Number(process.env["MULTIFLEET_ROUNDS"] ?? 0);
  test.skipIf(rounds === 0)(
    "the leader of a stream is killed and no copy is lost (skipped: MULTIFLEET_ROUNDS is 0)",
    { timeout: 120_000 },
    async () => {
      const running = await Promise.all((await cluster(3)).map((start) => start()));
      const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
      const options = { servers: running.map(({ url }) => url), requestTimeoutMs: 1_000 };
      const link = await openNats(alpha, options, "jetstream");
      await alpha.until(() => isUp(link));
      expect(outcome(await send(link, Buffer.from("before")))).toBe("stores");
      const { leader } = await replicasOf(running[0] as Server);
      await running[Number(leader?.slice(1))]?.kill();
      // Until another leads nothing is stored, and no copy is said to be.
      await storeAtLast(alpha, link, options, "after");
      await openNats(bravo, options, "jetstream");
      const has = (text: string) => bravo.received.some((bytes) => String(bytes) === text);
      await bravo.until(() => has("before") && has("after"));
    },
  );

  test("a stream of one copy has three once there are three servers", async () => {
    const starts = await cluster(3);
    const first = await Promise.all(starts.slice(0, 2).map((start) => start()));
    const alpha = new Host("alpha");
    const options = { servers: first.map(({ url }) => url) };
    const opened = await openNats(alpha, options, "jetstream");
    await alpha.until(() => isUp(opened));
    let link = await storeAtLast(alpha, opened, options, "kept");
    expect(link.status?.()).toMatchObject({ replicas: 1 });
    await starts[2]?.();
    await alpha.until(() => alpha.counts["grown_streams"] === 1);
    expect(link.status?.()).toMatchObject({ replicas: 3 });
    expect((await replicasOf(first[0] as Server)).replicas).toBe(3);
    const bravo = new Host("bravo");
    await openNats(bravo, options, "jetstream");
    // A server that has only just got the older copy hands it over with the next.
    link = await storeAtLast(alpha, link, options, "next");
    await bravo.until(() => bravo.received.length >= 2);
    expect(new Set(bravo.received.map(String))).toEqual(new Set(["kept", "next"]));
  });

  test("a leaf carries to its hub and back, copies too, and goes on by itself when the hub is gone", async () => {
    const leafPort = await freePort();
    const hub = await Server.start(`jetstream: {domain: hub}\nleafnodes: {listen: "127.0.0.1:${leafPort}"}`);
    servers.push(hub);
    const leaf = await Server.start(
      `leafnodes: {reconnect: 1, remotes: [{url: "nats-leaf://127.0.0.1:${leafPort}"}]}`,
    );
    servers.push(leaf);
    const [alpha, bravo, charlie] = [new Host("alpha"), new Host("bravo"), new Host("charlie")];
    const options = { servers: leaf.url, domain: "hub" };
    const link = await openNats(alpha, options);
    const store = await openNats(alpha, options, "jetstream");
    const far = await openNats(bravo, { servers: hub.url });
    await alpha.until(() => isUp(store));
    await deliverAtLast(link);
    const rows: string[] = [];
    for (const board of [link.board, far.board])
      board?.watch((key, value) => {
        rows.push(`${key}=${Buffer.from(value ?? []).toString()}`);
        alpha.count("told");
      });
    const { signal } = new AbortController();
    await link.board?.put("alpha", Buffer.from("here"), { signal });
    await alpha.until(() => rows.filter((row) => row === "alpha=here").length >= 2);
    await far.board?.put("bravo", Buffer.from("there"), { signal });
    await alpha.until(() => rows.filter((row) => row === "bravo=there").length >= 2);
    await far[Symbol.asyncDispose]();
    expect(outcome(await send(link))).toBe("UNREACHABLE");
    expect(outcome(await send(store, Buffer.from("kept at the hub")))).toBe("stores");
    const reader = await openNats(bravo, { servers: hub.url }, "jetstream");
    await bravo.until(() => bravo.received.length === 2);
    await reader[Symbol.asyncDispose]();
    await hub.kill();
    const near = await openNats(charlie, options);
    const frame = { id: "packet-1" as never, to: charlie.node, bytes: Buffer.from("near") };
    expect(outcome(await link.send(frame, { signal }))).toBe("delivers");
    expect(outcome(await send(store))).not.toBe("stores");
    expect(near.status?.()).toMatchObject({ connected: true });
    await hub.run();
    await alpha.until(() => isUp(store));
    await storeAtLast(alpha, store, options, "after the hub is back");
  });
});
