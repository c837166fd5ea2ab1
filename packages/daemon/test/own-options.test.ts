import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findProgram } from "../../../test/needs.js";
import { TestFleet } from "./fleet.js";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mf-own-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const none = { http: false, ipc: false, seed: false, relay: false, wol: false };

test.skipIf(findProgram("git") === undefined)(
  "a git remote that the config names for a peer is all it takes: the channel is on, and carries by it alone",
  async () => {
    const remote = join(directory, "mailbox.git");
    execFileSync("git", ["init", "-q", "--bare", remote]);
    await using fleet = await TestFleet.start(["mac1", "mac2"]);
    const [mac1, mac2] = [fleet.node("mac1"), fleet.node("mac2")];
    for (const [node, peer] of [
      [mac1, "mac2"],
      [mac2, "mac1"],
    ] as const) {
      await node.stop();
      node.options = { config: { channels: none, peers: { [peer]: { git: remote } } } };
      await node.start();
    }
    const sent = await mac1.send("mac2", "by git");
    const message = await mac1.settled(sent.body.id);
    expect(message).toMatchObject({ state: "delivered", attempts: [{ channel: "git", outcome: "stored" }] });
  },
);

test("without a server, a remote or an ssh host in the config, their channels are not there and nothing is wrong", async () => {
  await using fleet = await TestFleet.start(["mac1"]);
  const { status, channels } = (await fleet.node("mac1").get("/health")).body;
  expect(status).toBe("ok");
  for (const channel of ["nats", "jetstream", "ssh", "git", "discord"])
    expect(channels).not.toHaveProperty(channel);
});
