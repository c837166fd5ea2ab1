import { isAbsolute } from "node:path";
import { ChannelError } from "@multifleet/core";

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

type Rule = readonly [accepts: (value: unknown) => boolean, says: string];

const rules: Readonly<Record<keyof IpcOptions, Rule>> = {
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
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw misconfigured("options", options, "an object");
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      throw new ChannelError(
        "MISCONFIGURED",
        `ipc: there is no option ${JSON.stringify(name)}; there are ${Object.keys(rules).join(", ")}`,
      );
    }
    const [accepts, says] = rules[name as keyof IpcOptions];
    if (value === undefined) continue;
    if (!accepts(value)) throw misconfigured(name, value, says);
    given[name] = value;
  }
  return { ...defaults, ...(given as IpcOptions) };
}

function whole(least: number, most: number): Rule {
  const accepts = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return [accepts, `a whole number from ${least} to ${most}`];
}

function misconfigured(name: string, value: unknown, says: string): ChannelError {
  const shown = (JSON.stringify(value) ?? String(value)).slice(0, 80);
  return new ChannelError("MISCONFIGURED", `ipc: ${name} is ${shown}, and must be ${says}`);
}
