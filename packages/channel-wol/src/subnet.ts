import { isIPv4 } from "node:net";

/** An IPv4 address with the length of its network's prefix. */
export interface Subnet {
  readonly address: string;
  readonly prefix: number;
}

/** Shorter is no local network; longer has no broadcast address. */
const shortest = 8;
const longest = 30;

/** Undefined for what is no address of a machine on a local network. */
export function subnetOf(address: string, prefix: number): Subnet | undefined {
  if (!isIPv4(address) || !Number.isInteger(prefix) || prefix < shortest || prefix > longest)
    return undefined;
  const first = numberOf(address) >>> 24;
  // 0.x is nobody, and from 224 on are groups.
  return first === 0 || first >= 224 ? undefined : { address, prefix };
}

/** Whether an address is in the same network. */
export function contains({ address, prefix }: Subnet, other: string): boolean {
  const mask = maskOf(prefix);
  return (numberOf(address) & mask) === (numberOf(other) & mask);
}

/** The network's own broadcast address, such as 192.168.1.255. Unlike 255.255.255.255 it needs no default route, and takes the right card. */
export function broadcastOf({ address, prefix }: Subnet): string {
  const all = (numberOf(address) | ~maskOf(prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (all >>> shift) & 255).join(".");
}

function maskOf(prefix: number): number {
  return -1 << (32 - prefix);
}

function numberOf(address: string): number {
  return address.split(".").reduce((number, part) => ((number << 8) | Number(part)) >>> 0, 0);
}
