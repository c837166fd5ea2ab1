import { once } from "node:events";
import { connect } from "node:net";
import { testChannel } from "@multifleet/conformance";
import type { Channel } from "@multifleet/core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { nats } from "../src/index.js";
import { Cable } from "./cable.js";
import { program, Server } from "./server.js";

const accounts = 80;
let server: Server;
let drawn = 0;

/** An account of its own on the one server, and a cable to it: so each case has a fresh medium. */
interface Medium {
  readonly user: string;
  readonly cable: Cable;
}

beforeAll(async () => {
  if (program === undefined) return;
  const users = Array.from({ length: accounts }, (_, index) => `u${index}`);
  const account = (user: string) => `${user}: {jetstream: enabled, users: [{user: ${user}, password: p}]}`;
  server = await Server.start(
    `jetstream: {max_file_store: 200G}\naccounts: {${users.map(account).join("\n")}}`,
  );
});
afterAll(() => server?.stop());

for (const [at, name] of (["nats", "jetstream"] as const).entries()) {
  describe.skipIf(program === undefined)(`${name} over a real server`, () => {
    const make = (options: Parameters<typeof nats>[0]) => nats(options)[at] as Channel;
    testChannel<Medium>({
      test,
      rig: {
        traits: make({}).traits,
        keepAliveMs: 500,
        strangersReachable: true,
        async create() {
          return { user: `u${drawn++}`, cable: await Cable.to(server.port) };
        },
        channel: ({ user, cable }) => make({ servers: `nats://${user}:p@127.0.0.1:${cable.port}` }),
        dispose: ({ cable }) => cable.close(),
        cut: ({ cable }) => cable.cut(),
        heal: ({ cable }) => cable.heal(),
        async garble({ user }, { node }) {
          const socket = connect(server.port, "127.0.0.1");
          const login = JSON.stringify({ user, pass: "p", verbose: false, pedantic: false });
          const subject =
            name === "nats" ? `fleet.conformance.node.${node}.in` : `fleet.conformance.store.${node}.junk`;
          socket.write(`CONNECT ${login}\r\nPUB ${subject} 0\r\n\r\nPING\r\n`);
          for (let heard = ""; !heard.includes("PONG"); heard += String((await once(socket, "data"))[0]));
          socket.destroy();
        },
        misconfigured: () => make({ servers: "http://127.0.0.1" }),
      },
    });
  });
}
