import { createServer, type AddressInfo } from "node:net";
import { ChannelError } from "@multifleet/core";
import { expect, test } from "vitest";
import { http } from "../src/index.js";
import { bravo, Host, open, outcome, send } from "../../../test/host.js";

/** What `open` says of options as they may stand in a config file. */
async function complaint(options: unknown): Promise<string> {
  const error = await open(http(options as object), new Host("alpha")).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ChannelError)) throw new Error("it opened, or threw something else");
  return `${error.code}: ${error.message}`;
}

test.each([
  [{ port: 70_000 }, "MISCONFIGURED: http: port is 70000, and must be a whole number from 0 to 65535"],
  [{ port: "8856" }, 'MISCONFIGURED: http: port is "8856", and must be a whole number'],
  [{ prot: 1 }, 'MISCONFIGURED: http: there is no option "prot"; there are listen, host, port,'],
  [{ host: "http://x" }, 'MISCONFIGURED: http: host is "http://x", and must be an IP address'],
  [{ listen: "no" }, 'MISCONFIGURED: http: listen is "no", and must be true or false'],
  [{ advertise: "http://x" }, 'MISCONFIGURED: http: advertise is "http://x", and must be a list'],
  [{ advertise: ["ftp://x"] }, 'MISCONFIGURED: http: advertise is ["ftp://x"], and must be a list'],
  [{ peers: [] }, "MISCONFIGURED: http: peers is [], and must be an object such as"],
  [{ peers: { Mac2: { url: "http://x" } } }, 'MISCONFIGURED: http: peers.Mac2 is "Mac2", and must be named'],
  [{ peers: { mac2: "http://x" } }, 'MISCONFIGURED: http: peers.mac2 is "http://x", and must be an object'],
  [{ peers: { mac2: {} } }, "MISCONFIGURED: http: peers.mac2.url is missing, and must be an address"],
  [{ peers: { mac2: { url: "http://u:p@x" } } }, "MISCONFIGURED: http: peers.mac2.url is"],
  [
    { peers: { mac2: { url: "http://x", via: 1 } } },
    'MISCONFIGURED: http: there is no option "peers.mac2.via"; there is url',
  ],
  [{ requestTimeoutMs: 0 }, "MISCONFIGURED: http: requestTimeoutMs is 0"],
  [null, "MISCONFIGURED: http: options is null, and must be an object"],
  [[], "MISCONFIGURED: http: options is [], and must be an object"],
  [{ host: "192.0.2.1" }, "MISCONFIGURED: http: 192.0.2.1 is no address of this machine"],
])("options %j are refused with a line that says what to do", async (options, line) => {
  expect(await complaint(options)).toContain(line);
});

test("a port that another program has is named, with what to do", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  expect(await complaint({ port })).toBe(
    `MISCONFIGURED: http: port ${port} on 127.0.0.1 is in use: end the program that has it, or set another "port"`,
  );
  await new Promise((resolve) => other.close(resolve));
});

test("with listen false it tells no address, does not receive, and still sends", async () => {
  const far = new Host("bravo");
  const farLink = await open(http({ port: 0 }), far);
  const channel = http({ listen: false, peers: { bravo: { url: farLink.addresses[0] ?? "" } } });
  expect(channel.traits.inbound).toBe(false);
  const link = await open(channel, new Host("alpha"));
  expect(link.addresses).toEqual([]);
  expect(link.reaches(bravo)).toBe(true);
  expect(outcome(await send(link))).toBe("delivers");
  await link[Symbol.asyncDispose]();
  await farLink[Symbol.asyncDispose]();
});
