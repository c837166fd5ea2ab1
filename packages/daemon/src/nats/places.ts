import { networkInterfaces } from "node:os";
import { isLocal } from "./settings.js";

/** What another member says of its server, judged: nothing but a place to connect to. */
export function isServer(text: string): boolean {
  return /^nats:\/\/(?:[\w.-]{1,253}|\[[\da-fA-F:.]{2,45}\]):\d{1,5}$/.test(text);
}

/** The address on which this machine's own clients reach a server that listens on `host`. */
export function nearest(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** The addresses of this machine on which a server that listens on `host` is reached from others. */
export function outerAddresses(host: string): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address, family }) => {
      const usable = family === "IPv4" || host === "::";
      return !internal && usable && !isLocal(address) && !/^fe80:|^169\.254\./i.test(address);
    })
    .map(({ address }) => address);
}
