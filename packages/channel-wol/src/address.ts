import { parseMac, type Mac } from "./mac.js";
import { subnetOf, type Subnet } from "./subnet.js";

/** How one network card is woken, and where it was last. */
export interface Card {
  readonly mac: Mac;
  /** Unknown where a config tells the MAC address alone. */
  readonly at: Subnet | undefined;
}

/** How a peer is told of a card: `wol:aa-bb-cc-dd-ee-ff@192.168.1.20/24`. */
export function addressOf(mac: Mac, { address, prefix }: Subnet): string {
  return `wol:${mac}@${address}/${prefix}`;
}

/** Reads such an address, or one of a config, which may leave out `wol:` and the network. Undefined when it is none. */
export function parseAddress(address: string): Card | undefined {
  if (address.length > 64) return undefined;
  const [, written, network, ip = "", prefix] =
    /^(?:wol:)?([0-9a-f.:-]{12,17})(@([0-9.]{7,15})\/(\d{1,2}))?$/i.exec(address) ?? [];
  const mac = written === undefined ? undefined : parseMac(written);
  if (mac === undefined) return undefined;
  if (network === undefined) return { mac, at: undefined };
  const at = subnetOf(ip, Number(prefix));
  return at === undefined ? undefined : { mac, at };
}
