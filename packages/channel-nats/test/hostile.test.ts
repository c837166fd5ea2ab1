import { Gate, Host, outcome, send } from "../../../test/host.js";
import { newPacketId } from "@multifleet/core";
import { connect, headers, type NatsConnection } from "nats";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { closeAll, openNats } from "./links.js";
import { program, Server } from "../../../test/nats-server.js";

const inbox = "fleet.home.node.bravo.in";

/** A client of the same account that means no good: it may publish and listen everywhere. */
describe.skipIf(program === undefined)("a hostile client", () => {
  let server: Server;
  let rogue: NatsConnection;
  let [alpha, bravo] = [new Host("alpha"), new Host("bravo")];

  beforeAll(async () => {
    if (program !== undefined)
      server = await Server.start("max_payload: 4MB\njetstream: {max_file_store: 4G}");
  });
  beforeEach(async () => {
    [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    rogue = await connect({ servers: server.url });
  });
  afterEach(async () => {
    await closeAll();
    await rogue.close();
  });
  afterAll(() => server?.stop());

  const genuine = Buffer.from("genuine");
  const judging = (host: Host) => {
    host.judge = (bytes) =>
      genuine.equals(bytes) ? { code: "taken", answer: bytes } : { code: "refused", reason: "no packet" };
  };

  test("fills a node's subject with junk, and a genuine frame still gets through", async () => {
    judging(bravo);
    await openNats(bravo, { servers: server.url });
    const link = await openNats(alpha, { servers: server.url });
    const odd = headers();
    odd.set("Nats-Msg-Id", "x".repeat(4_000));
    rogue.publish(inbox);
    rogue.publish(inbox, new Uint8Array(3_000_000));
    rogue.publish(inbox, Buffer.from("with headers"), { headers: odd, reply: "_INBOX.x" });
    for (let count = 0; count < 5_000; count++) rogue.publish(inbox, Buffer.from(`junk ${count}`));
    await rogue.flush();
    expect(outcome(await send(link, genuine))).toBe("delivers");
    await bravo.until(() => bravo.received.length === 5_002);
    expect(bravo.counts).toMatchObject({ empty_frames: 1, oversized_frames: 1 });
  });

  test("asks for more than there is memory for, and is told to come later", async () => {
    const gate = new Gate();
    bravo.judge = gate.take;
    await openNats(bravo, { servers: server.url, maxInboundBytes: 8 * 1_024 * 1_024 });
    const big = new Uint8Array(700_000);
    for (let count = 0; count < 20; count++) rogue.publish(inbox, big, { reply: "_INBOX.rogue" });
    await bravo.until(() => bravo.counts["busy_answers"] === 9);
    expect(bravo.received).toHaveLength(11);
    gate.release();
  });

  test("names another subject to answer to, and nothing is said there in our name", async () => {
    const heard: string[] = [];
    rogue.subscribe("$JS.API.>", { callback: (_, { subject }) => heard.push(subject) });
    rogue.subscribe("fleet.>", { callback: (_, { subject }) => heard.push(subject) });
    await openNats(bravo, { servers: server.url });
    heard.length = 0;
    for (const reply of [
      "$JS.API.STREAM.DELETE.FLEET_MESSAGES",
      "fleet.home.node.alpha.in",
      "$SYS.REQ.USER.INFO",
    ])
      rogue.publish(inbox, Buffer.from("x"), { reply });
    await bravo.until(() => bravo.counts["odd_reply_subjects"] === 3);
    await rogue.flush();
    expect(heard.filter((subject) => subject !== inbox && !/\.(INFO|CREATE)\./.test(subject))).toEqual([]);
  });

  test("answers in a peer's place, and what is no answer does not keep the genuine one away", async () => {
    const gate = new Gate();
    bravo.judge = async (bytes) => {
      await gate.released;
      return { code: "taken", answer: bytes };
    };
    const link = await openNats(alpha, { servers: server.url });
    await openNats(bravo, { servers: server.url });
    let forged = 0;
    rogue.subscribe(inbox, {
      callback: (_, message) => {
        for (const junk of ["", "\u0009", "{}", "x".repeat(100_000)]) message.respond(Buffer.from(junk));
        rogue.publish(`${message.reply}x`, Buffer.from("\u0000guessed"));
        forged += 1;
      },
    });
    await rogue.flush();
    const sending = send(link, genuine);
    await alpha.until(() => alpha.counts["malformed_answers"] === 4 && alpha.counts["late_answers"] === 1);
    gate.release();
    expect(await sending).toEqual({ ok: true, effect: "delivers", answer: genuine });
    expect(forged).toBe(1);
  });

  test("fills the stream with junk, which is judged and removed, and a genuine copy still arrives", async () => {
    judging(bravo);
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    for (let count = 0; count < 1_000; count++)
      rogue.publish(`fleet.home.store.bravo.junk-${count}`, Buffer.from(`junk ${count}`));
    rogue.publish("fleet.home.store.bravo.empty");
    rogue.publish("fleet.home.store.bravo.large", new Uint8Array(788_000));
    await rogue.flush();
    expect(outcome(await send(link, genuine))).toBe("stores");
    const reader = await openNats(bravo, { servers: server.url }, "jetstream");
    await bravo.until(() => bravo.received.some((bytes) => genuine.equals(bytes)));
    await bravo.until(() => bravo.received.length === 1_001);
    await reader[Symbol.asyncDispose]();
    const { state } = await (await rogue.jetstreamManager()).streams.info("FLEET_MESSAGES");
    expect(state.messages).toBe(0);
    expect(bravo.counts).toMatchObject({ empty_frames: 1, oversized_frames: 1 });
  });

  test("speaks where the stream speaks, and no copy is removed by it that nobody read", async () => {
    const gate = new Gate();
    bravo.judge = async (bytes) =>
      genuine.equals(bytes) ? await gate.take() : { code: "refused", reason: "junk" };
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    await openNats(bravo, { servers: server.url }, "jetstream");
    await send(link, genuine);
    await bravo.until(() => bravo.received.length === 1);
    // Only who may ask about the stream learns where that is. The server itself passes on no reply that looks like its own.
    const manager = await rogue.jetstreamManager();
    const { config } = await manager.consumers.info("FLEET_MESSAGES", "home_bravo");
    const feed = String(Reflect.get(config, "deliver_subject"));
    expect(feed).toMatch(/^_INBOX\.fleet\.home\.bravo\.fed\.[0-9a-f]{24}$/);
    for (const reply of [
      "$JS.API.STREAM.PURGE.FLEET_MESSAGES",
      "$JS.ACK.FLEET_MESSAGES.home_bravo.1.1.1.1.0",
      "",
    ])
      rogue.publish(feed, Buffer.from("junk"), { reply });
    await bravo.until(() => bravo.counts["odd_reply_subjects"] === 2);
    const { state } = await manager.streams.info("FLEET_MESSAGES");
    expect(state.messages).toBe(1);
    gate.release();
  });

  test("says in the stream's place that a copy is kept, which is no answer unless it names the stream", async () => {
    rogue.subscribe("fleet.home.store.>", {
      callback: (_, message) => {
        for (const junk of [
          "",
          "{}",
          '{"stream":"OTHER","seq":1}',
          '{"stream":"FLEET_MESSAGES"}',
          "[]",
          "null",
        ])
          message.respond(Buffer.from(junk));
      },
    });
    await rogue.flush();
    const link = await openNats(alpha, { servers: server.url }, "jetstream");
    const id = newPacketId(Date.now());
    expect(outcome(await send(link, genuine, new AbortController().signal, id))).toBe("stores");
    const manager = await rogue.jetstreamManager();
    const subject = `fleet.home.store.bravo.${id}`;
    expect((await manager.streams.getMessage("FLEET_MESSAGES", { last_by_subj: subject })).subject).toBe(
      subject,
    );
  });
});
