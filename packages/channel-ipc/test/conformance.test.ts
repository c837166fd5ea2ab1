import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testChannel } from "@multifleet/conformance";
import { describe, test } from "vitest";
import { ipc } from "../src/index.js";
import { Cable } from "../../../test/cable.js";

const { traits } = ipc();
const misconfigured = () => ipc({ path: "daemon.sock" });
const directory = async () => await mkdtemp(join(tmpdir(), "multifleet-ipc-"));

describe("socket to socket", () => {
  testChannel<string>({
    test,
    rig: {
      traits,
      create: directory,
      channel: (home, node) => ipc({ path: join(home, `${node}.sock`) }),
      dispose: (home) => rm(home, { recursive: true }),
      leftovers: (home) => readdirSync(home),
      garble: async (home, { node }) => {
        const socket = connect(join(home, `${node}.sock`));
        await new Promise<void>((resolve, reject) => {
          socket.on("error", reject);
          socket.on("close", () => resolve());
          socket.resume().end("GET / HTTP/1.1\r\n\r\n");
        });
      },
      misconfigured,
    },
  });
});

describe("with a cable to each node that can be pulled", () => {
  testChannel<{ readonly home: string; readonly cables: Cable[] }>({
    test,
    rig: {
      traits,
      create: async () => ({ home: await directory(), cables: [] }),
      channel({ home, cables }, node) {
        const [path, near] = [join(home, `${node}.sock`), join(home, `${node}.cable`)];
        const cable = new Cable(near);
        cables.push(cable);
        return cable.channel(
          ipc({ path }),
          () => path,
          (address) => address.replace(path, near),
        );
      },
      cut: async ({ cables }) => void (await Promise.all(cables.map((cable) => cable.cut()))),
      heal: async ({ cables }) => void (await Promise.all(cables.map((cable) => cable.heal()))),
      dispose: ({ home }) => rm(home, { recursive: true }),
      leftovers: ({ home }) => readdirSync(home),
      misconfigured,
    },
  });
});
