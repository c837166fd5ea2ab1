import { Gate, Host, outcome, send } from "../../../test/host.js";
import { newPacketId } from "@multifleet/core";
import { connect, type JetStreamManager, type NatsConnection } from "nats";
import { afterEach, describe, expect, test } from "vitest";
import { Cable } from "../../../test/cable.js";
import { closeAll, openNats } from "./links.js";
import { program, Server } from "../../../test/nats-server.js";

const stream = "FLEET_MESSAGES";

describe.skipIf(program === undefined)("copies in JetStream", () => {
  const servers: Server[] = [];
  const onlookers: NatsConnection[] = [];
  const start = async (...how: Parameters<typeof Server.start>) => {
    const server = await Server.start(...how);
    servers.push(server);
    return server;
  };
  /** Somebody else's client, to look and to meddle. */
  const onlook = async (server: Server): Promise<JetStreamManager> => {
    const connection = await connect({ servers: server.url });
    onlookers.push(connection);
    return await connection.jetstreamManager();
  };
  const messagesIn = async (manager: JetStreamManager) => (await manager.streams.info(stream)).state.messages;
  afterEach(async () => {
    await closeAll();
    await Promise.all(onlookers.splice(0).map((connection) => connection.close()));
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test("one waits for a node that is away, is handed over when it comes, and is gone then", async () => {
    const server = await start();
    const options = { servers: server.url };
    const link = await openNats(new Host("alpha"), options, "jetstream");
    const manager = await onlook(server);
    expect(outcome(await send(link, Buffer.from("for later")))).toBe("stores");
    expect(await messagesIn(manager)).toBe(1);
    const message = await manager.streams.getMessage(stream, { seq: 1 });
    expect(message.subject).toMatch(/^fleet\.home\.store\.bravo\.[0-9a-z]{26}$/);
    expect(message.header.get("Nats-Msg-Id")).toBe(message.subject.split(".")[4]);
    const { config } = await manager.streams.info(stream);
    expect(config).toMatchObject({ storage: "file", num_replicas: 1, max_age: 7 * 24 * 3_600 * 1e9 });
    const bravo = new Host("bravo");
    const reader = await openNats(bravo, options, "jetstream");
    await bravo.until(() => bravo.received.length === 1);
    expect(String(bravo.received[0])).toBe("for later");
    // Closing waits for what is in hand.
    await reader[Symbol.asyncDispose]();
    expect(await messagesIn(manager)).toBe(0);
    expect((await manager.streams.info(stream)).state.consumer_count).toBe(1);
  });

  test("a frame that is sent again is kept once, also long after the server's window for duplicates", async () => {
    const server = await start();
    const link = await openNats(new Host("alpha"), { servers: server.url }, "jetstream");
    const manager = await onlook(server);
    const id = newPacketId(Date.now());
    const { signal } = new AbortController();
    for (let count = 0; count < 3; count++)
      expect(outcome(await send(link, Buffer.from("once"), signal, id))).toBe("stores");
    expect(await messagesIn(manager)).toBe(1);
    const { config } = await manager.streams.info(stream);
    await manager.streams.update(stream, { ...config, duplicate_window: 100_000_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(outcome(await send(link, Buffer.from("once"), signal, id))).toBe("stores");
    expect(await messagesIn(manager)).toBe(1);
  });

  test("a reader that was killed gets at its next start what it had in hand", async () => {
    const server = await start();
    const options = { servers: server.url };
    const link = await openNats(new Host("alpha"), options, "jetstream");
    const first = new Host("bravo");
    const gate = new Gate();
    first.judge = gate.take;
    const cable = await Cable.to(server.port);
    await openNats(first, { servers: `nats://127.0.0.1:${cable.port}` }, "jetstream");
    await send(link);
    await first.until(() => first.received.length === 1);
    await cable.cut();
    const second = new Host("bravo");
    await openNats(second, options, "jetstream");
    await second.until(() => second.received.length === 1);
    expect(second.received).toEqual(first.received);
    gate.release();
  });

  test("what the daemon put off is handed over again at a poke", async () => {
    const server = await start();
    const options = { servers: server.url };
    const link = await openNats(new Host("alpha"), options, "jetstream");
    const bravo = new Host("bravo");
    bravo.judge = () => ({ code: "later", reason: "the disk is full" });
    const reader = await openNats(bravo, options, "jetstream");
    await send(link);
    await bravo.until(() => bravo.received.length === 1);
    // The verdict is on its way to the channel.
    await new Promise((resolve) => setImmediate(resolve));
    bravo.judge = () => ({ code: "taken" });
    expect(reader.status?.()).toMatchObject({ left: 1 });
    reader.poke?.();
    await bravo.until(() => bravo.received.length === 2);
    expect(reader.status?.()).toMatchObject({ left: 0 });
  });

  test("a stream that somebody removes is made again, and the link ends so that all is stored anew", async () => {
    const server = await start();
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    const manager = await onlook(server);
    expect(outcome(await send(link))).toBe("stores");
    await manager.streams.delete(stream);
    expect((await link.closed)?.code).toBe("CLOSED");
    expect(alpha.counts["vanished_streams"]).toBe(1);
    expect(await messagesIn(manager)).toBe(0);
    const next = await openNats(alpha, { servers: server.url }, "jetstream");
    expect(await send(next)).toEqual({ ok: true, effect: "stores" });
    expect(await messagesIn(manager)).toBe(1);
  });

  test("a server that comes back with an empty store ends the link, one that kept it does not", async () => {
    const server = await start();
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    expect(outcome(await send(link))).toBe("stores");
    await server.kill();
    await server.run();
    await alpha.until(() => alpha.states.at(-1) === "up");
    expect(outcome(await send(link))).toBe("stores");
    expect(alpha.counts["vanished_streams"]).toBeUndefined();
    await server.kill();
    server.wipe();
    await server.run();
    expect((await link.closed)?.code).toBe("CLOSED");
    expect(alpha.counts["vanished_streams"]).toBe(1);
  });

  test("a reader's place that somebody removes is made again", async () => {
    const server = await start();
    const options = { servers: server.url };
    const link = await openNats(new Host("alpha"), options, "jetstream");
    const bravo = new Host("bravo");
    await openNats(bravo, options, "jetstream");
    await (await onlook(server)).consumers.delete(stream, "home_bravo");
    await bravo.until(() => bravo.counts["vanished_consumers"] === 1 && bravo.states.at(-1) === "up");
    await send(link);
    await bravo.until(() => bravo.received.length === 1);
    expect(bravo.received.map(String)).toEqual(["hello"]);
  });

  test("a full stream asks to come later, and drops nothing", async () => {
    const server = await start();
    const link = await openNats(
      new Host("alpha"),
      { servers: server.url, maxBytes: 1_024 * 1_024 },
      "jetstream",
    );
    const bytes = new Uint8Array(700_000);
    expect(outcome(await send(link, bytes))).toBe("stores");
    expect(outcome(await send(link, bytes))).toBe("BUSY");
    expect(await messagesIn(await onlook(server))).toBe(1);
  });

  test("less is asked for where the server has less", async () => {
    const server = await start("jetstream: {max_file_store: 300M}");
    const link = await openNats(new Host("alpha"), { servers: server.url }, "jetstream");
    expect(outcome(await send(link))).toBe("stores");
    expect(link.status?.()).toMatchObject({ max_bytes: 256 * 1_024 * 1_024 });
  });

  test("a stream that somebody made otherwise is left as it is, and serves; what is read does not stay in it", async () => {
    const server = await start();
    const manager = await onlook(server);
    const made = { name: stream, subjects: ["fleet.>"], max_age: 3_600 * 1e9, storage: "memory" as never };
    await manager.streams.add({ ...made });
    const options = { servers: server.url };
    const link = await openNats(new Host("alpha"), options, "jetstream");
    expect(outcome(await send(link))).toBe("stores");
    const bravo = new Host("bravo");
    const reader = await openNats(bravo, options, "jetstream");
    await bravo.until(() => bravo.received.length === 1);
    await reader[Symbol.asyncDispose]();
    const { config, state } = await manager.streams.info(stream, { subjects_filter: "fleet.*.store.>" });
    expect(config).toMatchObject({ ...made, retention: "limits" });
    expect(state.subjects).toBeUndefined();
  });

  test("a stream that cannot serve is named as the reason", async () => {
    const server = await start();
    await (await onlook(server)).streams.add({ name: stream, subjects: ["other.>"] });
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    expect(link.reaches(new Host("bravo").node)).toBe(false);
    expect(link.status?.()).toMatchObject({ available: false, reason: expect.stringContaining(stream) });
    await alpha.until(() => alpha.states.at(-1) === "down");
  });

  test("without JetStream there is no way by it, and requests go on", async () => {
    const server = await start("");
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    const requests = await openNats(alpha, { servers: server.url });
    await openNats(new Host("bravo"), { servers: server.url });
    expect(link.reaches(new Host("bravo").node)).toBe(false);
    expect(link.status?.()).toMatchObject({
      available: false,
      reason: expect.stringContaining("not enabled"),
    });
    expect(outcome(await send(link))).toBe("CLOSED");
    expect(outcome(await send(requests))).toBe("delivers");
  });

  test("its numbers are there for people, without asking for them", async () => {
    const server = await start();
    const link = await openNats(new Host("alpha"), { servers: server.url }, "jetstream");
    expect(link.status?.()).toMatchObject({ available: true, stream, messages: 0, bytes: 0, replicas: 1 });
    await send(link);
    await link[Symbol.asyncDispose]();
    const again = await openNats(new Host("alpha"), { servers: server.url }, "jetstream");
    expect(again.status?.()).toMatchObject({ messages: 1 });
  });
});
