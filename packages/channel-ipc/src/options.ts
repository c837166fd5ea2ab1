import { isAbsolute } from "node:path";
import { checkOptions as check, whole, type Rules } from "@multifleet/core/options";

/** What `ipc()` takes, and what stands under `channels.ipc` in a config file. */
export interface IpcOptions {
  /**
   * Where this node's socket is; an absolute path in a directory that only its user can write to. Default: one named by the
   * node, in a private directory under the system's temporary one. On Windows the path only names the pipe.
   */
  readonly path?: string;
  /** How many connections to accept in all; default 256. Beyond it, the oldest that never brought a genuine frame goes. */
  readonly maxConnections?: number;
  /** How long a frame may take to arrive once it has begun, in ms; default 30,000. */
  readonly frameTimeoutMs?: number;
  /** How much memory frames that are arriving may take, and again those being taken, in bytes; default 32 MiB. */
  readonly maxInboundBytes?: number;
}

/** Options that were checked, with every default but the path's filled in. */
export type Settings = Required<Omit<IpcOptions, "path">> & Pick<IpcOptions, "path">;

const defaults: Settings = {
  maxConnections: 256,
  frameTimeoutMs: 30_000,
  maxInboundBytes: 32 * 1_024 * 1_024,
};

const rules: Rules<IpcOptions> = {
  path: [
    (value) => typeof value === "string" && isAbsolute(value) && !value.includes("\0"),
    "an absolute path, such as that of daemon.sock in the node's home",
  ],
  maxConnections: whole(1, 65_536),
  frameTimeoutMs: whole(10, 600_000),
  maxInboundBytes: whole(2 * 1_024 * 1_024, 4 * 1_024 * 1_024 * 1_024),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  return { ...defaults, ...check<IpcOptions>("ipc", options, rules) };
}
