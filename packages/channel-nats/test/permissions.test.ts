import { Host, outcome } from "../../../test/host.js";
import { readFileSync } from "node:fs";
import { connect } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newPacketId } from "@multifleet/core";
import { closeAll, openNats } from "./links.js";
import { program, Server } from "../../../test/nats-server.js";

const page = readFileSync(new URL("../../../docs/nats.md", import.meta.url), "utf8");
const [, example = ""] = /```conf\n([^]*?)```/.exec(page) ?? [];
const [, user = ""] = /users: \[\n([^]*?)\n {4}\]/.exec(example) ?? [];
const { signal } = new AbortController();

/** The page's example, with the same user for a second node. */
const config = `jetstream: {}\n${example.replace(user, () => `${user},\n${user.replaceAll("mac1", "mac2")}`)}`
  .replace("$MAC1_PASSWORD", "one")
  .replace("$MAC1_PASSWORD", "two");

describe.skipIf(program === undefined)("a user that can speak for its node alone, as the docs show", () => {
  let server: Server;
  beforeAll(async () => {
    if (program !== undefined) server = await Server.start(config);
  });
  afterAll(() => server?.stop());
  afterEach(closeAll);
  const login = (name: "mac1" | "mac2") => ({
    servers: server.url,
    user: name,
    pass: name === "mac1" ? "one" : "two",
  });

  test("does all that a node does", async () => {
    const [one, two] = [new Host("mac1"), new Host("mac2")];
    const link = await openNats(one, login("mac1"));
    const store = await openNats(one, login("mac1"), "jetstream");
    const frame = () => ({ id: newPacketId(Date.now()), to: two.node, bytes: Buffer.from("x") });
    expect(await store.send(frame(), { signal })).toEqual({ ok: true, effect: "stores" });
    const far = await openNats(two, login("mac2"));
    const reader = await openNats(two, login("mac2"), "jetstream");
    await two.until(() => two.received.length === 1);
    await reader[Symbol.asyncDispose]();
    expect(two.counts["unconfirmed_acks"]).toBeUndefined();
    expect(outcome(await link.send(frame(), { signal }))).toBe("delivers");
    await link.board?.put("mac1", Buffer.from("row"), { signal });
    await new Promise<void>((resolve) => far.board?.watch((key) => key === "mac1" && resolve()));
    expect([one.counts["denied_subjects"], two.counts["denied_subjects"]]).toEqual([undefined, undefined]);
  });

  test("writes no other's row, reads no other's requests, and removes nothing", async () => {
    const one = new Host("mac1");
    const link = await openNats(one, login("mac1"));
    await expect(link.board?.put("mac2", Buffer.from("row"), { signal })).rejects.toMatchObject({
      code: "DENIED",
    });
    expect(one.counts["denied_subjects"]).toBe(1);
    const rogue = await connect(login("mac1"));
    const denied: string[] = [];
    for (const subject of ["fleet.home.node.mac2.in", "_INBOX.fleet.home.mac2.>", "fleet.>"])
      rogue.subscribe(subject, { callback: (error) => void (error !== null && denied.push(subject)) });
    const forbidden = ["$JS.API.STREAM.DELETE.FLEET_MESSAGES", "$JS.API.STREAM.PURGE.FLEET_MESSAGES"];
    for (const subject of forbidden) rogue.publish(subject);
    const told: string[] = [];
    const status = rogue.status();
    void (async () => {
      for await (const { permissionContext } of status)
        if (permissionContext?.operation === "publish") told.push(permissionContext.subject);
    })();
    await rogue.flush();
    await rogue.flush();
    await rogue.close();
    expect(denied).toHaveLength(3);
    expect(told).toEqual(forbidden);
  });
});
