import { connect } from "node:net";
import { testChannel } from "@multifleet/conformance";
import { describe, test } from "vitest";
import { http } from "../src/index.js";
import { Cable } from "../../../test/cable.js";

const { traits } = http();
const misconfigured = () => http({ port: -1 });

describe("straight over loopback", () => {
  testChannel({
    test,
    rig: {
      traits,
      create: () => undefined,
      channel: () => http({ port: 0 }),
      garble: async (_, { addresses: [address = ""] }) => {
        const socket = connect(Number(new URL(address).port), "127.0.0.1");
        await new Promise<void>((resolve, reject) => {
          socket.on("error", reject);
          socket.on("close", () => resolve());
          socket.resume().end("\u0016\u0003\u0001 no request at all\r\n\r\n");
        });
      },
      misconfigured,
    },
  });
});

describe("with a cable to each node that can be pulled", () => {
  testChannel<Cable[]>({
    test,
    rig: {
      traits,
      create: () => [],
      channel(cables) {
        const cable = new Cable();
        cables.push(cable);
        return cable.channel(
          http({ port: 0 }),
          (address) => Number(new URL(address).port),
          () => `http://127.0.0.1:${cable.port}`,
        );
      },
      cut: async (cables) => void (await Promise.all(cables.map((cable) => cable.cut()))),
      heal: async (cables) => void (await Promise.all(cables.map((cable) => cable.heal()))),
      misconfigured,
    },
  });
});
