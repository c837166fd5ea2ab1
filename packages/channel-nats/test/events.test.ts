import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Gate, Host, outcome, send } from "../../../test/host.js";
import { nats } from "../src/index.js";
import { Cable } from "../../../test/cable.js";
import { closeAll, openChannel, openNats } from "./links.js";
import { freePort, program, Server } from "../../../test/nats-server.js";

describe.skipIf(program === undefined)("what the server does, and the channel says", () => {
  const servers: Server[] = [];
  const start = async (...how: Parameters<typeof Server.start>) => {
    const server = await Server.start(...how);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await closeAll();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test("a killed server ends every send under way at once, and is reported", async () => {
    const server = await start("");
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    const gate = new Gate();
    bravo.judge = gate.take;
    const link = await openNats(alpha, { servers: server.url });
    await openNats(bravo, { servers: server.url });
    const sends = [send(link), send(link), send(link)];
    await bravo.until(() => bravo.received.length === 3);
    await server.kill();
    const begun = performance.now();
    expect((await Promise.all(sends)).map(outcome)).toEqual(["CLOSED", "CLOSED", "CLOSED"]);
    // A machine under load may take its time, but no timer of ours may be what ended them.
    expect(performance.now() - begun).toBeLessThan(400);
    await alpha.until(() => alpha.states.includes("down"));
    expect(outcome(await send(link))).toBe("CLOSED");
    expect(alpha.counts["lost_connections"]).toBe(1);
    gate.release();
  });

  test("a server that hangs is found by its silence, and used again when it goes on", async () => {
    const server = await start("");
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    const link = await openNats(alpha, { servers: server.url });
    await openNats(bravo, { servers: server.url });
    expect(outcome(await send(link))).toBe("delivers");
    const gate = new Gate();
    bravo.judge = gate.take;
    server.signal("SIGSTOP");
    const begun = performance.now();
    const sending = send(link);
    await alpha.until(() => alpha.states.includes("down"));
    // Two pings of 500 ms; the promise is two seconds, which a busy machine stretches.
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(outcome(await sending)).toBe("CLOSED");
    await bravo.until(() => bravo.states.includes("down"));
    server.signal("SIGCONT");
    gate.release();
    await alpha.until(() => alpha.states.at(-1) === "up");
    await bravo.until(() => bravo.states.at(-1) === "up");
    expect(outcome(await send(link))).toBe("delivers");
  });

  test("nobody listening is known at once, and says nothing of the server", async () => {
    const server = await start("");
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url, requestTimeoutMs: 600_000 });
    expect(outcome(await send(link))).toBe("UNREACHABLE");
    expect(alpha.events).toEqual([]);
  });

  test("a peer that never answers costs no more than the deadline", async () => {
    const server = await start("");
    const bravo = new Host("bravo");
    const gate = new Gate();
    bravo.judge = gate.take;
    const link = await openNats(new Host("alpha"), { servers: server.url, requestTimeoutMs: 100 });
    await openNats(bravo, { servers: server.url });
    expect(outcome(await send(link))).toBe("TIMEOUT");
    gate.release();
  });

  test("a server that is away at the start does not keep the channel from opening, and is used when it comes", async () => {
    const port = await freePort();
    const url = `nats://127.0.0.1:${port}`;
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    const link = await openNats(alpha, { servers: url });
    const store = await openNats(alpha, { servers: url }, "jetstream");
    await openNats(bravo, { servers: url });
    expect(outcome(await send(link))).toBe("CLOSED");
    expect(outcome(await send(store))).toBe("CLOSED");
    await alpha.until(() => alpha.states.length === 2);
    expect(alpha.states).toEqual(["down", "down"]);
    expect(alpha.events[0]?.reason).toContain("ECONNREFUSED");
    expect(link.status?.()).toMatchObject({ connected: false });
    await start("jetstream: {}", port);
    await alpha.until(() => alpha.states.length === 4);
    await bravo.until(() => bravo.states.at(-1) === "up");
    expect(outcome(await send(link))).toBe("delivers");
    expect(outcome(await send(store))).toBe("stores");
  });

  test("a server that accepts and says nothing is left alone, with nothing open to it", async () => {
    const server = await start("");
    const cable = await Cable.to(server.port);
    server.signal("SIGSTOP");
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: `nats://127.0.0.1:${cable.port}`, connectTimeoutMs: 50 });
    await alpha.until(() => (alpha.counts["connect_errors"] ?? 0) >= 3);
    expect(cable.connections).toBeLessThanOrEqual(2);
    expect(outcome(await send(link))).toBe("CLOSED");
    await link[Symbol.asyncDispose]();
    await cable.cut();
  });

  test("a poke dials at once", async () => {
    const port = await freePort();
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: `nats://127.0.0.1:${port}` });
    await alpha.until(() => (alpha.counts["connect_errors"] ?? 0) >= 3);
    await start("", port);
    link.poke?.();
    await alpha.until(() => alpha.states.at(-1) === "up");
    expect(link.status?.()).toMatchObject({ connected: true, reconnects: 0 });
  });

  test("of several servers the one that answers is used, without waiting for the others", async () => {
    const [dead, server] = [await freePort(), await start("")];
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const urls = [`127.0.0.1:${dead}`, `127.0.0.1:${port}`, server.url];
    const link = await openNats(new Host("alpha"), { servers: urls, connectTimeoutMs: 60_000 });
    expect(link.status?.()).toMatchObject({ connected: true, server: `127.0.0.1:${server.port}` });
    await new Promise((resolve) => silent.close(resolve));
  });

  test("both channels share one connection, which goes with the last of them", async () => {
    const server = await start("jetstream: {}");
    const cable = await Cable.to(server.port);
    const channels = nats({ servers: `nats://127.0.0.1:${cable.port}` });
    const host = new Host("alpha");
    const links = await Promise.all(channels.map((channel) => openChannel(channel, host)));
    expect(cable.connections).toBe(1);
    await links[0]?.[Symbol.asyncDispose]();
    expect(cable.connections).toBe(1);
    expect(outcome(await send(links[1] as (typeof links)[number]))).toBe("stores");
    await links[1]?.[Symbol.asyncDispose]();
    await cable.cut();
    expect(host.events).toEqual([]);
  });

  test("a frame over the server's own limit is too large, and costs no connection", async () => {
    const server = await start("max_payload: 1000\njetstream: {}");
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url });
    const store = await openNats(alpha, { servers: server.url }, "jetstream");
    expect(outcome(await send(link, new Uint8Array(1_001)))).toBe("TOO_LARGE");
    expect(outcome(await send(store, new Uint8Array(950)))).toBe("TOO_LARGE");
    expect(outcome(await send(store, new Uint8Array(500)))).toBe("stores");
    expect(alpha.counts["lost_connections"]).toBeUndefined();
  });
});
