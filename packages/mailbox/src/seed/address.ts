import { isAbsolute, normalize } from "node:path";

/** How a peer is told where a seed directory is: the machine, because a path means nothing on another, and the path. */
export function seedAddress(machine: string, path: string): string {
  return `seed:${machine}:${path}`;
}

/** The path in such an address, if it is one of `machine` and in its plainest form; else undefined. */
export function seedPath(address: string, machine: string): string | undefined {
  const head = `seed:${machine}:`;
  if (!address.startsWith(head)) return undefined;
  const path = address.slice(head.length);
  return isAbsolute(path) && normalize(path) === path && !path.includes("\0") ? path : undefined;
}
