import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Cards of a VLAN on a bond on two cards are as deep as anybody's. */
const deepest = 3;

/** Names of interfaces that are no cards, where the system does not tell the two apart itself. */
const virtual: Partial<Record<NodeJS.Platform, RegExp>> = {
  darwin: /^(?!en\d+$)/,
  win32:
    /vethernet|virtual|vmware|hyper-v|tailscale|zerotier|wireguard|bluetooth|loopback|npcap|\btap\b|\btun\b/i,
};
const virtualElsewhere = /^(lo|tun|tap|wg|bridge|br|veth|docker|epair|vlan|gif|gre|stf)/;

/**
 * The MAC addresses by which an interface's hardware is woken: its own, or for a bridge, a bond or a VLAN those of the cards beneath it. None
 * for one that has no hardware: containers, virtual machines' networks, tunnels.
 *
 * Linux itself says which is which: a card has a `device` in sysfs. On macOS cards are named en0, en1 and so on; elsewhere the names of
 * virtual ones are known.
 */
export function hardwareOf(
  name: string,
  mac: string,
  platform: NodeJS.Platform = process.platform,
  sysfs = "/sys/class/net",
): readonly string[] {
  if (platform === "linux") return cardsBeneath(name.split(":", 1)[0] ?? name, sysfs, deepest);
  return (virtual[platform] ?? virtualElsewhere).test(name) ? [] : [mac];
}

function cardsBeneath(name: string, sysfs: string, depth: number): string[] {
  const place = join(sysfs, name);
  try {
    if (existsSync(join(place, "device"))) return [readFileSync(join(place, "address"), "utf8").trim()];
    if (depth === 0) return [];
    return readdirSync(place)
      .filter((entry) => entry.startsWith("lower_"))
      .flatMap((entry) => cardsBeneath(entry.slice("lower_".length), sysfs, depth - 1));
  } catch (error) {
    // It was taken away while we looked, or there is no sysfs here.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
