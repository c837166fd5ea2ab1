import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";

/**
 * What this user on this machine is called in addresses that mean nothing elsewhere: a path, a local socket. 16 hexadecimal digits of
 * SHA-256 over the machine id (machine-id(5), where the system has one), the host name and the user's id. It names, and proves nothing:
 * it keeps a node from taking a path of another machine for one of its own.
 */
export function machineId(): string {
  const parts = [systemId(), hostname(), String(userInfo().uid)];
  // No part can hold a zero byte, so that three texts make one in one way only.
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

function systemId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    // macOS, Windows and bare containers have none: the host name has to do.
    return "";
  }
}
