import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
import { frameCover, newAgeIdentity } from "@multifleet/core/age";
import { expect, onTestFinished, test } from "vitest";

const base = mkdtempSync(join(tmpdir(), "mf-git-use-"));
const remote = join(base, "mail.git");
execFileSync("git", ["init", "-q", "--bare", remote]);
const keys = { mac1: await newAgeIdentity(), mac2: await newAgeIdentity() };
const recipientOf = (node: string) => keys[node as "mac1" | "mac2"]?.recipient;
let arrived: (text: string) => void = () => undefined;
const arrival = new Promise<string>((resolve) => (arrived = resolve));

// #region use
import { git } from "@multifleet/channel-git";

/** A daemon in miniature: it takes every frame. */
function host(name: string): ChannelHost {
  return {
    node: nodeId(name),
    fleet: fleetId("home"),
    receive: async (bytes) => {
      arrived(Buffer.from(bytes).toString());
      return { code: "taken" };
    },
    count: (event) => console.log(`counted: ${event}`),
    report: ({ state, reason }) => console.log(`the remote is ${state}: ${reason}`),
    addresses: () => [],
  };
}

const { signal } = new AbortController();
const cover = frameCover(keys.mac1.identity, recipientOf);
const mac1 = await git({ remote, directory: join(base, "mac1"), cover }).open(host("mac1"), { signal });

const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Buffer.from("hello") };
const result = await mac1.send(frame, { signal }); // { ok: true, effect: "stores" }

// Later, perhaps when the first machine is off:
const own = { directory: join(base, "mac2"), cover: frameCover(keys.mac2.identity, recipientOf) };
const mac2 = await git({ remote, ...own }).open(host("mac2"), { signal });
// #endregion use

test("the README's example does what it says", async () => {
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  expect(result).toEqual({ ok: true, effect: "stores" });
  expect(await arrival).toBe("hello");
  await mac1[Symbol.asyncDispose]();
  await mac2[Symbol.asyncDispose]();
});
