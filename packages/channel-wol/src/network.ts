import { networkInterfaces } from "node:os";
import { hardwareOf } from "./hardware.js";
import { parseMac, type Mac } from "./mac.js";
import { subnetOf, type Subnet } from "./subnet.js";

/** An interface of this machine, by one of its addresses. */
export interface Port extends Subnet {
  readonly name: string;
  /** What wakes the hardware under it. */
  readonly macs: readonly Mac[];
}

/** The system is asked again after this long, in ms: one hello each to hundreds of peers asks once. */
const freshFor = 1_000;

/** This machine's networks, as they are now. */
export class Network {
  readonly #only: readonly string[] | undefined;
  #ports: readonly Port[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param only The interfaces to use; by default all that are up and have hardware. */
  constructor(only: readonly string[] | undefined) {
    this.#only = only;
  }

  get ports(): readonly Port[] {
    const now = performance.now();
    if (now - this.#readAt >= freshFor) {
      this.#ports = readPorts(this.#only);
      this.#readAt = now;
    }
    return this.#ports;
  }
}

function readPorts(only: readonly string[] | undefined): Port[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    if (only !== undefined && !only.includes(name)) return [];
    return addresses.flatMap(({ family, address, cidr, internal, mac }) => {
      const subnet = family === "IPv4" ? subnetOf(address, Number(cidr?.split("/")[1])) : undefined;
      if (subnet === undefined || (internal && only === undefined)) return [];
      const hardware = only === undefined ? hardwareOf(name, mac) : [mac];
      if (hardware.length === 0) return [];
      return [{ name, ...subnet, macs: hardware.flatMap((each) => parseMac(each) ?? []) }];
    });
  });
}
