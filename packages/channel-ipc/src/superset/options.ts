import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { checkOptions as check, whole, type Rules } from "@multifleet/core/options";

/** What `superset()` takes. */
export interface SupersetOptions {
  /** Where Superset keeps its sockets and manifests; default `.superset` in the user's home, `.superset-NAME` for a named build. */
  readonly directory?: string;
  /** Programs that are typed to besides those known, by the name of their command. Never a shell. */
  readonly agents?: readonly string[];
  /** How long an agent is given to take in a paste before Enter is pressed, in ms; default 500, as Superset itself waits. */
  readonly settleMs?: number;
  /** The longest text that is typed, in bytes; default 65,536. */
  readonly maxBytes?: number;
  /** How long a host may take to answer, in ms; default 5,000. */
  readonly timeoutMs?: number;
}

/** Options that were checked, with every default filled in. */
export type Settings = Required<Omit<SupersetOptions, "agents">> & { readonly agents: ReadonlySet<string> };

/** Agents with a prompt of their own that takes pasted text. */
const knownAgents = ["claude", "codex", "copilot", "cursor-agent", "gemini", "opencode"];
/** What would run a text is never an agent, whatever an option says. */
const shells =
  /^(?:ba|da|a|z|c|tc|k|mk|pdk|fi|nu|x|elvi|pw)?sh$|^(?:nu|pwsh|powershell|cmd|python[\d.]*|node|bun|deno|perl|ruby|irb|ssh|sudo|su|tmux|screen|env)$/;

const rules: Rules<SupersetOptions> = {
  directory: [
    (value) => typeof value === "string" && isAbsolute(value) && !value.includes("\0"),
    "an absolute path",
  ],
  agents: [
    (value) => Array.isArray(value) && value.length <= 64 && value.every(isAgentName),
    'a list of command names, such as ["aider"], none of them a shell or an interpreter',
  ],
  settleMs: whole(0, 10_000),
  maxBytes: whole(1, 1_024 * 1_024),
  timeoutMs: whole(10, 60_000),
};

/** @throws ChannelError `MISCONFIGURED` that names the option, its value and what is allowed. */
export function checkOptions(options: unknown): Settings {
  const {
    directory,
    agents = [],
    settleMs = 500,
    maxBytes = 65_536,
    timeoutMs = 5_000,
  } = check<SupersetOptions>("superset", options, rules);
  return {
    directory: directory ?? join(homedir(), ".superset"),
    agents: new Set([...knownAgents, ...agents]),
    ...{ settleMs, maxBytes, timeoutMs },
  };
}

function isAgentName(value: unknown): boolean {
  return typeof value === "string" && /^[\w.-]{1,64}$/.test(value) && !shells.test(value.toLowerCase());
}
