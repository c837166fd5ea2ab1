import { parseArgs } from "node:util";
import type { OptionSpec } from "./command.js";
import { commandNames, globals, isCommand, specOf } from "./commands.js";
import type { CommandName } from "./commands.js";
import { isTime, milliseconds } from "./duration.js";
import { Misuse } from "./failure.js";
import { nearest } from "./nearest.js";

type Value = string | number | boolean | undefined;

/** A command line that was understood. `command` is undefined where none was named, which only `--help` and `--version` allow. */
export interface Parsed {
  readonly command: CommandName | undefined;
  readonly positionals: Readonly<Record<string, string | undefined>>;
  readonly options: Readonly<Record<string, Value>>;
  readonly globals: Readonly<Record<string, Value>>;
}

/** Reads a command line by the registry. @throws Misuse naming what is wrong, with the nearest that is right. */
export function parse(argv: readonly string[]): Parsed {
  const { tokens } = parseArgs({
    args: [...argv],
    options: everyOption,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words = tokens.filter((token) => token.kind === "positional").map((token) => token.value);
  const [typed, ...given] = words;
  if (typed !== undefined && !isCommand(typed))
    throw new Misuse(`there is no command ${JSON.stringify(typed)}${meant(typed, commandNames)}`);
  const known: Record<string, OptionSpec> =
    typed === undefined ? globals : { ...specOf(typed).options, ...globals };
  const values: Record<string, Value> = {};
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (spec === undefined) throw unknownOption(token.rawName, Object.keys(known), typed);
    values[token.name] = valueOf(token.rawName, spec, token.value, token.inlineValue === true, typed);
  }
  const ofGlobals = pick(globals, values);
  if (typed === undefined) return { command: undefined, positionals: {}, options: {}, globals: ofGlobals };
  // Whoever asks for help need not have the rest right.
  const positionals = values["help"] === true ? {} : arrange(typed, given);
  return { command: typed, positionals, options: pick(specOf(typed).options, values), globals: ofGlobals };
}

/** All options of all commands: a name means the same kind of value everywhere, so one pass can find the command. */
const everyOption: Record<string, { type: "string" | "boolean" }> = Object.fromEntries(
  [globals, ...commandNames.map((name) => specOf(name).options)].flatMap((specs) =>
    Object.entries<OptionSpec>(specs).map(([name, spec]) => [
      name,
      { type: spec.type === "flag" ? "boolean" : "string" } as const,
    ]),
  ),
);

function pick(specs: Readonly<Record<string, OptionSpec>>, values: Readonly<Record<string, Value>>) {
  const picked: Record<string, Value> = {};
  for (const [name, spec] of Object.entries(specs))
    picked[name] = values[name] ?? spec.default ?? (spec.type === "flag" ? false : undefined);
  return picked;
}

function valueOf(
  typed: string,
  spec: OptionSpec,
  value: string | undefined,
  inline: boolean,
  command: CommandName | undefined,
): Value {
  if (spec.type === "flag") {
    if (value === undefined) return true;
    throw new Misuse(`${typed} takes no value`, command);
  }
  if (value === undefined) throw new Misuse(`${typed} needs a value: ${typed} ${spec.value}`, command);
  // What looks like the next option is one: nobody means a session called --wait.
  if (!inline && value.startsWith("-") && value !== "-")
    throw new Misuse(
      `${typed} needs a value; one that begins with a dash is given as ${typed}=${value}`,
      command,
    );
  const said = `${typed} cannot be ${JSON.stringify(value)}`;
  if (spec.values !== undefined && !spec.values.includes(value))
    throw new Misuse(`${said}: it is one of ${spec.values.join(", ")}${meant(value, spec.values)}`, command);
  if (spec.type === "number") {
    if (!/^\d{1,9}$/.test(value)) throw new Misuse(`${said}: it is a whole number`, command);
    return Number(value);
  }
  if (spec.type === "duration" && milliseconds(value) === undefined)
    throw new Misuse(`${said}: it is a time such as 90s, 15m, 1h or 7d`, command);
  if (spec.type === "time" && !isTime(value))
    throw new Misuse(`${said}: it is a time such as 90s, 1h, 7d or 2030-01-31T12:00:00Z`, command);
  return value;
}

function arrange(command: CommandName, given: readonly string[]): Record<string, string | undefined> {
  const specs = specOf(command).positionals;
  const extra = given[specs.length];
  if (extra !== undefined)
    throw new Misuse(
      `${command} does not take ${JSON.stringify(extra)}` +
        (specs.length > 0 ? ": text with spaces goes in quotes" : ""),
      command,
    );
  const arranged: Record<string, string | undefined> = {};
  for (const [place, spec] of specs.entries()) {
    const value = given[place];
    if (value === undefined && spec.optional !== true)
      throw new Misuse(`${command} needs ${spec.name.toUpperCase()}: ${spec.summary}`, command);
    if (value !== undefined && spec.values !== undefined && !spec.values.includes(value))
      throw new Misuse(
        `${command} does not take ${JSON.stringify(value)}: it is one of ${spec.values.join(", ")}` +
          meant(value, spec.values),
        command,
      );
    arranged[spec.name] = value;
  }
  return arranged;
}

function unknownOption(typed: string, known: readonly string[], command: CommandName | undefined): Misuse {
  const name = typed.replace(/^-+/, "");
  const near = nearest(name, known);
  if (near !== undefined) return new Misuse(`there is no option ${typed}: is --${near} meant?`, command);
  const away = typed.startsWith("--") ? "" : "; text that begins with a dash goes behind --";
  const where = command === undefined ? "there is no option" : `${command} has no option`;
  return new Misuse(`${where} ${typed}${away}`, command);
}

function meant(typed: string, words: readonly string[]): string {
  const near = nearest(typed, words);
  return near === undefined ? "" : `: is ${near} meant?`;
}
