import type { OptionSpec, PositionalSpec } from "../command.js";
import { commandNames, globals, specOf, type CommandName } from "../commands.js";

/** What may stand at a place of the command line: these words, or what a shell finds itself. */
export interface Candidates {
  readonly words: readonly string[];
  readonly finds: "directory" | "node" | undefined;
}

const channels = ["http", "ipc", "seed", "nats", "relay", "ssh", "wol", "git", "discord"];

/** What completes an option's value. */
export function candidatesOf(spec: OptionSpec): Candidates {
  if (spec.completes === "channel") return { words: channels, finds: undefined };
  return { words: spec.values ?? [], finds: spec.completes };
}

/** What completes a positional. */
export function candidatesAt(spec: PositionalSpec): Candidates {
  if (spec.completes === "command") return { words: commandNames, finds: undefined };
  const words = spec.values ?? (spec.name === "to" ? ["all"] : []);
  return { words, finds: spec.completes };
}

/** The options of a command with those of every command behind. */
export function optionsOf(command: CommandName): [name: string, spec: OptionSpec][] {
  return Object.entries<OptionSpec>({ ...specOf(command).options, ...globals });
}

/** Every option that takes a value, of whatever command: what stands behind it is no positional. */
export function valued(): [name: string, spec: OptionSpec][] {
  const all = new Map(commandNames.flatMap(optionsOf));
  return [...all].filter(([, spec]) => spec.type !== "flag");
}
