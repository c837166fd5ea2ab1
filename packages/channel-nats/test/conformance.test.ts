import { once } from "node:events";
import { connect } from "node:net";
import { testChannel } from "@multifleet/conformance";
import type { Channel, ChannelHost } from "@multifleet/core";
import { afterAll, beforeAll, describe, test } from "vitest";
import { nats } from "../src/index.js";
import { Cable } from "../../../test/cable.js";
import { program, Server } from "../../../test/nats-server.js";

const accounts = 80;
let server: Server;
let drawn = 0;

/** An account of its own on the one server, and a cable to it: so each case has a fresh medium. */
interface Medium {
  readonly user: string;
  readonly cable: Cable;
  readonly nodes: Set<Watch>;
}

/** What one open link last said of its medium. */
class Watch {
  #isUp = true;
  #tell: () => void = () => undefined;

  note(state: "up" | "down"): void {
    this.#isUp = state === "up";
    if (this.#isUp) this.#tell();
  }

  async isBack(): Promise<void> {
    if (!this.#isUp) await new Promise<void>((resolve) => (this.#tell = resolve));
  }
}

/** A channel like `inner`, whose reports are noted on their way to its host. */
function watched(inner: Channel, nodes: Set<Watch>): Channel {
  return {
    ...inner,
    async open(host, options) {
      const watch = new Watch();
      const noting: ChannelHost = {
        node: host.node,
        fleet: host.fleet,
        receive: (bytes) => host.receive(bytes),
        count: (event) => host.count(event),
        addresses: (to, channel) => host.addresses(to, channel),
        report(event) {
          host.report(event);
          watch.note(event.state);
        },
      };
      const link = await inner.open(noting, options);
      nodes.add(watch);
      void link.closed.finally(() => nodes.delete(watch));
      return link;
    },
  };
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
          return { user: `u${drawn++}`, cable: await Cable.to(server.port), nodes: new Set() };
        },
        channel: ({ user, cable, nodes }) =>
          watched(make({ servers: `nats://${user}:p@127.0.0.1:${cable.port}` }), nodes),
        dispose: ({ cable }) => cable.cut(),
        cut: ({ cable }) => cable.cut(),
        // A node that is back before its peer is told, rightly, that nobody listens there.
        async heal({ cable, nodes }) {
          await cable.heal();
          await Promise.all([...nodes].map((node) => node.isBack()));
        },
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
