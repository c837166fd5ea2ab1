import { expect, test } from "vitest";
import channels from "../src/index.js";
import { Host } from "./host.js";

const { signal } = new AbortController();

test("the default export is a seed channel and an ssh channel", () => {
  expect(channels().map(({ name, traits }) => ({ name, ...traits }))).toEqual([
    { name: "seed", effect: "stores", inbound: false, maxFrameBytes: 786_432, rank: 4 },
    { name: "ssh", effect: "delivers", inbound: false, maxFrameBytes: 786_432, rank: 5 },
  ]);
});

for (const [options, says] of [
  [{ host: "mac2" }, /there is no option "host"; there are config, command, peers/],
  [{ config: "config" }, /config is "config", and must be an absolute path/],
  [{ command: "multifleet\nid" }, /command is .*without line breaks/],
  [{ command: "" }, /command is ""/],
  [{ peers: [] }, /peers is \[\], and must be an object/],
  [{ peers: { "Mac 2": {} } }, /a key of peers is "Mac 2", and must be a node's name/],
  [{ peers: { mac2: { host: "x" } } }, /no option "peers.mac2.host"; there are ssh, seed, socket, command/],
  [{ peers: { mac2: { ssh: 7 } } }, /peers.mac2.ssh is 7, and must be an ssh alias/],
  [{ connectTimeoutMs: 0 }, /connectTimeoutMs is 0, and must be a whole number from 100/],
  [{ idleMs: "1m" }, /idleMs is "1m"/],
  [{ maxChannels: 9 }, /maxChannels is 9, and must be a whole number from 2 to 8/],
  [null, /options is null, and must be an object/],
] as const)
  test(`options that cannot work keep both from opening: ${JSON.stringify(options)}`, async () => {
    for (const channel of channels(options as never))
      await expect(channel.open(new Host({}), { signal })).rejects.toMatchObject({
        code: "MISCONFIGURED",
        message: expect.stringMatching(says),
      });
  });
