import { Host } from "../../../test/host.js";
import { connect } from "nats";
import { afterEach, describe, expect, test } from "vitest";
import type { Link } from "@multifleet/core";
import { closeAll, openNats } from "./links.js";
import { program, Server } from "../../../test/nats-server.js";

const { signal } = new AbortController();

/** What a watcher was told, last word first known by key, and a way to wait for it. */
class Reader {
  readonly rows = new Map<string, string | undefined>();
  readonly words: string[] = [];
  readonly #host: Host;
  readonly end: () => void;

  constructor(link: Link, host: Host) {
    this.#host = host;
    this.end = (link.board ?? expect.fail("no board")).watch((key, value) => {
      const text = value === undefined ? undefined : Buffer.from(value).toString();
      this.rows.set(key, text);
      this.words.push(`${key}=${text}`);
      host.count("told");
    });
  }

  async sees(key: string, value: string | undefined): Promise<void> {
    await this.#host.until(() => this.rows.has(key) && this.rows.get(key) === value);
  }
}

describe.skipIf(program === undefined)("the fleet's table", () => {
  const servers: Server[] = [];
  const start = async (...how: Parameters<typeof Server.start>) => {
    const server = await Server.start(...how);
    servers.push(server);
    return server;
  };
  const put = async (link: Link, key: string, value: string) =>
    await link.board?.put(key, Buffer.from(value), { signal });
  afterEach(async () => {
    await closeAll();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test("tells what is there and what changes, and is a KV bucket that any client reads", async () => {
    const server = await start();
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    const writer = await openNats(alpha, { servers: server.url });
    await put(writer, "alpha", '{"node_id":"alpha"}');
    await put(writer, "other", "gone soon");
    const reader = new Reader(await openNats(bravo, { servers: server.url }), bravo);
    await reader.sees("alpha", '{"node_id":"alpha"}');
    await put(writer, "alpha", "second");
    await reader.sees("alpha", "second");
    const connection = await connect({ servers: server.url });
    const bucket = await connection.jetstream().views.kv("fleet_roster", { bindOnly: true });
    expect((await bucket.get("alpha"))?.string()).toBe("second");
    expect((await bucket.status()).history).toBe(1);
    await bucket.put("alpha", "by hand");
    await reader.sees("alpha", "by hand");
    await bucket.delete("other");
    await reader.sees("other", undefined);
    await connection.close();
  });

  test("goes on after the server was away, with what changed meanwhile", async () => {
    const server = await start();
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    const writer = await openNats(alpha, { servers: server.url });
    const reader = new Reader(await openNats(bravo, { servers: server.url }), bravo);
    await put(writer, "alpha", "before");
    await reader.sees("alpha", "before");
    await server.kill();
    await alpha.until(() => alpha.states.at(-1) === "down");
    await expect(put(writer, "alpha", "lost")).rejects.toMatchObject({ code: "CLOSED" });
    await server.run();
    await alpha.until(() => alpha.states.at(-1) === "up");
    await put(writer, "alpha", "after");
    await reader.sees("alpha", "after");
  });

  test("is made again where it vanishes, with the rows of those who are there", async () => {
    const server = await start();
    const [alpha, bravo] = [new Host("alpha"), new Host("bravo")];
    const writer = await openNats(alpha, { servers: server.url });
    const link = await openNats(bravo, { servers: server.url });
    const reader = new Reader(link, bravo);
    await put(writer, "alpha", "kept");
    await put(link, "bravo", "too");
    await reader.sees("alpha", "kept");
    await reader.sees("bravo", "too");
    reader.rows.clear();
    const connection = await connect({ servers: server.url });
    await (await connection.jetstreamManager()).streams.delete("KV_fleet_roster");
    await reader.sees("bravo", "too");
    expect(bravo.counts["vanished_buckets"]).toBe(1);
    await connection.close();
    await server.kill();
    server.wipe();
    reader.rows.clear();
    await server.run();
    await reader.sees("bravo", "too");
    await reader.sees("alpha", "kept");
  });

  test("takes no row that is none, and no more than a row may have", async () => {
    const server = await start();
    const bravo = new Host("bravo");
    const link = await openNats(bravo, { servers: server.url });
    const reader = new Reader(link, bravo);
    await put(link, "bravo", "fine");
    const connection = await connect({ servers: server.url });
    connection.publish("$KV.fleet_roster.junk", new Uint8Array(100_000));
    connection.publish(`$KV.fleet_roster.${"x".repeat(500)}`, "long");
    connection.publish("$KV.fleet_roster.a$b", "odd");
    await connection.flush();
    await bravo.until(() => bravo.counts["odd_rows"] === 3);
    await connection.close();
    expect([...reader.rows.keys()]).toEqual(["bravo"]);
    await expect(put(link, "bravo", "x".repeat(65_537))).rejects.toMatchObject({ code: "TOO_LARGE" });
    await expect(put(link, "a.*", "x")).rejects.toThrow(TypeError);
  });

  test("is not to be had without JetStream, and says so", async () => {
    const server = await start("");
    const link = await openNats(new Host("alpha"), { servers: server.url });
    await expect(put(link, "alpha", "x")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });

  test("tells nothing more to who has stopped watching", async () => {
    const server = await start();
    const alpha = new Host("alpha");
    const link = await openNats(alpha, { servers: server.url });
    const [one, other] = [new Reader(link, alpha), new Reader(link, alpha)];
    await put(link, "alpha", "first");
    await one.sees("alpha", "first");
    await other.sees("alpha", "first");
    one.end();
    await put(link, "alpha", "second");
    await other.sees("alpha", "second");
    expect(one.rows.get("alpha")).toBe("first");
  });
});
