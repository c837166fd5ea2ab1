import { expect, test } from "vitest";
import { addressOf, parseAddress } from "../src/address.js";
import { parseMac, type Mac } from "../src/mac.js";
import { broadcastOf, contains, subnetOf } from "../src/subnet.js";

const at = (address: string, prefix: number) =>
  subnetOf(address, prefix) ?? expect.fail(`${address}/${prefix}`);

test("a MAC address is read in every usual writing", () => {
  for (const written of ["00:1b:21:aB:Cd:eF", "00-1B-21-AB-CD-EF", "001b.21ab.cdef", "001B21ABCDEF"]) {
    expect(parseMac(written)).toBe("00-1b-21-ab-cd-ef");
  }
});

test("what is no MAC address of one card is refused", () => {
  for (const written of [
    ...["", "zz:zz", "zz:zz:zz:zz:zz:zz", "00:1b:21:ab:cd", "00:1b:21:ab:cd:ef:01", "0:1b:21:ab:cd:ef"],
    ...[
      "00:1b-21:ab-cd:ef",
      "001b:21ab:cdef",
      "00:1b:21:ab:cd:eg",
      " 00:1b:21:ab:cd:ef",
      "00:1b:21:ab:cd:ef\n",
    ],
    // Nobody's, everybody's, and a group's.
    ...["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "33:33:00:00:00:01"],
  ]) {
    expect(parseMac(written), written).toBeUndefined();
  }
});

test("an address is read back as it was told", () => {
  const told = addressOf("00-1b-21-ab-cd-ef" as Mac, at("192.168.1.20", 24));
  expect(told).toBe("wol:00-1b-21-ab-cd-ef@192.168.1.20/24");
  expect(parseAddress(told)).toEqual({
    mac: "00-1b-21-ab-cd-ef",
    at: { address: "192.168.1.20", prefix: 24 },
  });
});

test("a config may give the MAC address alone, or with its network", () => {
  expect(parseAddress("00:1B:21:AB:CD:EF")).toEqual({ mac: "00-1b-21-ab-cd-ef", at: undefined });
  expect(parseAddress("001b.21ab.cdef@10.1.2.3/16")).toEqual({
    mac: "00-1b-21-ab-cd-ef",
    at: { address: "10.1.2.3", prefix: 16 },
  });
});

test("an address that a hostile member made up is none", () => {
  for (const told of [
    ...[
      "wol:",
      "zz:zz",
      "http://192.168.1.20",
      "wol:00-1b-21-ab-cd-ef@",
      "wol:00-1b-21-ab-cd-ef@192.168.1.20",
    ],
    ...[
      "wol:00-1b-21-ab-cd-ef@192.168.1.20/0",
      "wol:00-1b-21-ab-cd-ef@192.168.1.20/33",
      "wol:ff-ff-ff-ff-ff-ff@10.0.0.1/8",
    ],
    ...[
      "wol:00-1b-21-ab-cd-ef@256.1.1.1/24",
      "wol:00-1b-21-ab-cd-ef@0.0.0.0/8",
      "wol:00-1b-21-ab-cd-ef@224.0.0.1/24",
    ],
    ...[
      "wol:00-1b-21-ab-cd-ef@255.255.255.255/24",
      "wol:00-1b-21-ab-cd-ef@1.2.3/24",
      "wol:00-1b-21-ab-cd-ef@010.0.0.1/24",
    ],
    ...[
      `wol:${"0".repeat(100_000)}`,
      "wol:00-1b-21-ab-cd-ef@::1/64",
      "wol:00-1b-21-ab-cd-ef@10.0.0.1/24; reboot",
    ],
  ]) {
    expect(parseAddress(told), told.slice(0, 80)).toBeUndefined();
  }
});

test("a network's own broadcast address is its last", () => {
  expect(broadcastOf(at("192.168.1.20", 24))).toBe("192.168.1.255");
  expect(broadcastOf(at("10.1.2.3", 8))).toBe("10.255.255.255");
  expect(broadcastOf(at("172.20.130.7", 20))).toBe("172.20.143.255");
  expect(broadcastOf(at("203.0.113.130", 26))).toBe("203.0.113.191");
  expect(broadcastOf(at("198.51.100.9", 30))).toBe("198.51.100.11");
});

test("an address is in a network or beside it, to the bit", () => {
  const network = at("172.20.130.7", 20);
  for (const inside of ["172.20.128.0", "172.20.130.8", "172.20.143.255"])
    expect(contains(network, inside)).toBe(true);
  for (const beside of ["172.20.127.255", "172.20.144.0", "172.21.130.7", "10.20.130.7"])
    expect(contains(network, beside)).toBe(false);
});
