import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fleetId, newPacketId, nodeId, type ChannelHost } from "@multifleet/core";
import { expect, test } from "vitest";
import channels from "@multifleet/channel-ssh";
import { Keyring } from "../../../test/keyring.js";
import { SshServer, sshd } from "../../../test/sshd.js";

test.skipIf(sshd === undefined)("the README's example does what it says", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mf-use-"));
  const keyring = new Keyring(directory);
  const server = await SshServer.start(keyring, "mac2", {
    config: [`Subsystem sftp internal-sftp -d ${directory}`],
  });
  keyring.host("mac2", server);
  keyring.trust(server);
  for (const room of ["tmp", "new", "cur"])
    mkdirSync(join(directory, ".multifleet/seed", room), { mode: 0o700, recursive: true });
  const options = { config: keyring.config };
  // #region use
  // import channels from "@multifleet/channel-ssh";

  /** A daemon in miniature: mac2 is where `ssh mac2` leads. */
  const host: ChannelHost = {
    node: nodeId("mac1"),
    fleet: fleetId("home"),
    receive: async () => ({ code: "taken" }),
    count: (event) => console.log(`counted: ${event}`),
    report: ({ state, peer }) => console.log(`${peer} is ${state}`),
    addresses: (to, channel) => (to === "mac2" && channel === "ssh" ? ["mac2"] : []),
  };

  const [seed] = channels(options);
  const { signal } = new AbortController();
  const link = await seed.open(host, { signal });
  const frame = { id: newPacketId(Date.now()), to: nodeId("mac2"), bytes: Uint8Array.of(1, 2, 3) };
  const result = await link.send(frame, { signal }); // { ok: true, effect: "stores" }
  // #endregion use
  expect(result).toEqual({ ok: true, effect: "stores" });
  expect(readdirSync(join(directory, ".multifleet/seed/new"))).toHaveLength(1);
  await link[Symbol.asyncDispose]();
  await server.end();
  rmSync(directory, { recursive: true });
});
