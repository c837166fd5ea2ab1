import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ipc } from "@multifleet/channel-ipc";
import { testChannel } from "@multifleet/conformance";
import type { Channel, ChannelHost, Link } from "@multifleet/core";
import { seed as seedDirectory } from "@multifleet/mailbox/seed";
import { afterAll, beforeAll, describe, test } from "vitest";
import { Keyring } from "../../../test/keyring.js";
import { SshServer, sshd } from "../../../test/sshd.js";
import { seed, ssh } from "../src/index.js";

const directory = mkdtempSync(join(tmpdir(), "mf-ssh-"));
let keyring: Keyring;
let server: SshServer;

beforeAll(async () => {
  if (sshd === undefined) return;
  keyring = new Keyring(directory);
  server = await SshServer.start(keyring, "peer");
  keyring.host("peer", server);
  keyring.trust(server);
});

afterAll(async () => {
  await server?.end();
  rmSync(directory, { recursive: true, force: true });
});

/** Sends over SSH, and receives as the peer's daemon does: by its own local channel. */
function withReceiver(over: Channel, receiver: Channel, named: string): Channel {
  return {
    ...over,
    traits: { ...over.traits, inbound: true },
    async open(host, options) {
      const here = await receiver.open(host, options);
      const far: ChannelHost = {
        ...host,
        node: host.node,
        count: (event) => host.count(event),
        receive: (bytes) => host.receive(bytes),
        report: (event) => host.report(event),
        addresses(to, channel) {
          const told = host.addresses(to);
          if (channel === "ssh") return told.length > 0 ? ["peer"] : [];
          return channel === named ? told : [];
        },
      };
      let link: Link;
      try {
        link = await over.open(far, options);
      } catch (error) {
        await here[Symbol.asyncDispose]();
        throw error;
      }
      return {
        reaches: (to) => link.reaches(to),
        send: (frame, each) => link.send(frame, each),
        addresses: here.addresses,
        closed: link.closed,
        async [Symbol.asyncDispose]() {
          // The receiver first: while it lets its daemon finish, the sender still hears the answer.
          await here[Symbol.asyncDispose]();
          await link[Symbol.asyncDispose]();
        },
      };
    },
  };
}

/** Where the nodes of a case keep what is theirs. A case may have left the cable cut. */
async function create(): Promise<string> {
  await server.listen();
  return mkdtempSync(join(directory, "medium-"));
}

const shared = {
  keepAliveMs: 500,
  crowd: 100,
  // Where the daemon does not answer, the far machine starts a program: some take a while for that when they are busy.
  deadlineMs: 15_000,
  cut: () => server.stop(),
  heal: () => server.listen(),
};

describe.skipIf(sshd === undefined)("straight to the daemon's socket", () => {
  testChannel<string>({
    test,
    rig: {
      ...shared,
      traits: { ...ssh().traits, inbound: true },
      create,
      channel: (medium, node) =>
        withReceiver(
          ssh({ config: keyring.config, command: "/nonexistent/multifleet" }),
          ipc({ path: join(medium, `${node}.sock`) }),
          "ipc",
        ),
      misconfigured: () => ssh({ maxChannels: 0 }),
    },
  });
});

describe.skipIf(sshd === undefined)("into the seed directory", () => {
  testChannel<string>({
    test,
    rig: {
      ...shared,
      traits: { ...seed().traits, inbound: true },
      create,
      channel: (medium, node) =>
        withReceiver(
          seed({ config: keyring.config }),
          seedDirectory({ directory: join(medium, node) }),
          "seed",
        ),
      misconfigured: () => seed({ idleMs: -1 }),
    },
  });
});
