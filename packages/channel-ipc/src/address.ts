import { isAbsolute } from "node:path";

/** How a peer is told where a socket is: the machine, because a path means nothing on another, and the path. */
export function addressOf(machine: string, path: string): string {
  return `ipc:${machine}:${path}`;
}

/** Reads such an address; undefined when it is none. */
export function parseAddress(
  address: string,
): { readonly machine: string; readonly path: string } | undefined {
  const [, machine, path] = /^ipc:([^:]+):(.+)$/s.exec(address) ?? [];
  if (machine === undefined || path === undefined || !isAbsolute(path) || path.includes("\0"))
    return undefined;
  return { machine, path };
}
