import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hardwareOf } from "../src/hardware.js";

const sysfs = mkdtempSync(join(tmpdir(), "multifleet-wol-"));
afterAll(() => rmSync(sysfs, { recursive: true }));

/** An interface as Linux shows it. */
function add(name: string, mac: string, ...entries: readonly string[]): void {
  mkdirSync(join(sysfs, name));
  writeFileSync(join(sysfs, name, "address"), `${mac}\n`);
  for (const entry of entries) mkdirSync(join(sysfs, name, entry));
}

add("eth0", "00:1b:21:00:00:01", "device");
add("wlan0", "00:1b:21:00:00:02", "device");
add("veth1a", "00:1b:21:00:00:03");
add("docker0", "00:1b:21:00:00:04", "lower_veth1a");
add("br0", "00:1b:21:00:00:05", "lower_eth0", "lower_veth1a");
add("bond0", "00:1b:21:00:00:06", "lower_eth0", "lower_wlan0");
add("bond0.10", "00:1b:21:00:00:06", "lower_bond0");
add("wg0", "00:00:00:00:00:00");
add("loop", "00:1b:21:00:00:07", "lower_loop");

const onLinux = (name: string) => hardwareOf(name, "00:1b:21:00:00:ff", "linux", sysfs);

test("on Linux a card is what has a device, and a bridge, a bond or a VLAN is woken by the cards beneath it", () => {
  expect(onLinux("eth0")).toEqual(["00:1b:21:00:00:01"]);
  expect(onLinux("eth0:1")).toEqual(["00:1b:21:00:00:01"]);
  expect(onLinux("br0")).toEqual(["00:1b:21:00:00:01"]);
  expect(onLinux("bond0").toSorted()).toEqual(["00:1b:21:00:00:01", "00:1b:21:00:00:02"]);
  expect(onLinux("bond0.10").toSorted()).toEqual(["00:1b:21:00:00:01", "00:1b:21:00:00:02"]);
});

test("on Linux containers, their bridges and tunnels are no cards, nor is what has just gone", () => {
  for (const name of ["veth1a", "docker0", "wg0", "gone", "loop"]) expect(onLinux(name), name).toEqual([]);
});

test("on macOS cards are en0, en1 and so on", () => {
  const on = (name: string) => hardwareOf(name, "00:1b:21:00:00:01", "darwin");
  for (const name of ["en0", "en12"]) expect(on(name)).toEqual(["00:1b:21:00:00:01"]);
  for (const name of ["bridge100", "utun3", "awdl0", "llw0", "ap1", "anpi0", "vmenet0"])
    expect(on(name), name).toEqual([]);
});

test("on Windows and elsewhere virtual ones are known by their names", () => {
  const on = (name: string, platform: NodeJS.Platform) => hardwareOf(name, "00:1b:21:00:00:01", platform);
  for (const name of ["Ethernet", "Wi-Fi", "Ethernet 2"]) expect(on(name, "win32"), name).toHaveLength(1);
  for (const name of [
    "vEthernet (WSL)",
    "VirtualBox Host-Only Network",
    "VMware Network Adapter VMnet8",
    "Tailscale",
    "Bluetooth Network Connection",
  ])
    expect(on(name, "win32"), name).toEqual([]);
  expect(on("em0", "freebsd")).toHaveLength(1);
  expect(on("epair0a", "freebsd")).toEqual([]);
});
