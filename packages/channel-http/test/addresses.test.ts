import { networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { addressesOf, parseAddress } from "../src/addresses.js";
import { http } from "../src/index.js";
import { bravo, Host, open, outcome, send } from "../../../test/host.js";

test.each([
  ["http://192.168.1.5:8856", "http://192.168.1.5:8856", "/v1/packets"],
  ["http://[fd00::5]:8856/", "http://[fd00::5]:8856", "/v1/packets"],
  ["https://fleet.example/mac2/", "https://fleet.example", "/mac2/v1/packets"],
  ["HTTP://Mac2.local", "http://mac2.local", "/v1/packets"],
])("%s is an address", (address, origin, path) => {
  expect(parseAddress(address)).toEqual({ url: origin + path, origin, path });
});

test.each([
  "",
  "192.168.1.5:8856",
  "ftp://x",
  "ipc:m:/x",
  "http://",
  "http://x:0",
  "http://x:99999",
  "http://user@x",
  "http://:p@x",
  "http://x?q",
  "http://x#f",
  "javascript:alert(1)",
  `http://${"x".repeat(2_000)}`,
])("%j is no address", (address) => {
  expect(parseAddress(address)).toBeUndefined();
});

test("a listener on one address is told by that address, IPv6 in brackets", () => {
  expect(addressesOf("127.0.0.1", 1)).toEqual(["http://127.0.0.1:1"]);
  expect(addressesOf("::1", 2)).toEqual(["http://[::1]:2"]);
  expect(addressesOf("mac2.local", 3)).toEqual(["http://mac2.local:3"]);
});

test("a listener on every address is told by those that lead to it from outside, IPv4 first", () => {
  const outward = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal);
  const four = outward.filter(({ family }) => family === "IPv4").map(({ address }) => `http://${address}:9`);
  const six = outward
    .filter(({ family, address }) => family === "IPv6" && !address.startsWith("fe80"))
    .map(({ address }) => `http://[${address}]:9`);
  expect(addressesOf("0.0.0.0", 9)).toEqual(four);
  expect(addressesOf("::", 9)).toEqual([...four, ...six]);
});

test("the addresses that a config gives are told as they are", async () => {
  const advertise = ["https://fleet.example/mac2", "http://10.0.0.7:1"];
  const link = await open(http({ port: 0, advertise }), new Host("alpha"));
  expect(link.addresses).toEqual(advertise);
  await link[Symbol.asyncDispose]();
});

test("a peer on another machine that tells its own loopback is not mistaken for us", async () => {
  const host = new Host("alpha");
  const link = await open(http({ port: 0 }), host);
  const [own = ""] = link.addresses;
  host.told.push(own, own.replace("127.0.0.1", "localhost"), own.replace("127.0.0.1", "[::1]"));
  expect(link.reaches(bravo)).toBe(false);
  expect(outcome(await send(link))).toBe("UNREACHABLE");
  expect(host.received).toEqual([]);
  await link[Symbol.asyncDispose]();
});

test("an address that is none is counted once and passed over", async () => {
  const far = await open(http({ port: 0 }), new Host("bravo"));
  const host = new Host("alpha", "no address", ...far.addresses);
  const link = await open(http({ listen: false }), host);
  expect(outcome(await send(link))).toBe("delivers");
  expect(outcome(await send(link))).toBe("delivers");
  expect(host.counts).toEqual({ bad_addresses: 1 });
  await link[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});
