import type { OptionSpec } from "./command.js";
import { commandNames, commands, globals, isCommand, specOf, type CommandName } from "./commands.js";
import { Misuse } from "./failure.js";
import { nearest } from "./nearest.js";
import type { Parsed } from "./parse.js";
import { bold, dim, type Screen } from "./screen.js";
import { wrap } from "./text.js";

const columns = 78;

/** Answers `--help`, `help COMMAND` and an empty command line. @returns The exit code */
export function showHelp({ command, positionals, globals: given }: Parsed, out: Screen, err: Screen): number {
  const about = command === "help" && given["help"] !== true ? positionals["command"] : command;
  if (about !== undefined && !isCommand(about)) {
    const near = nearest(about, commandNames);
    throw new Misuse(
      `there is no command ${JSON.stringify(about)}${near === undefined ? "" : `: is ${near} meant?`}`,
    );
  }
  if (given["json"] === true) {
    out.json(about === undefined ? { commands, globals } : { name: about, ...specOf(about) });
    return 0;
  }
  // Where nothing was asked for, nothing was done: what could have been goes to stderr.
  const asked = command !== undefined || given["help"] === true;
  if (about === undefined) showAll(asked ? out : err);
  else showOne(about, out);
  return asked ? 0 : 2;
}

/** `send TO SUBJECT [BODY]`, without the options. */
export function usageOf(name: CommandName): string {
  const given = specOf(name).positionals.map(({ name: positional, optional }) =>
    optional === true ? `[${positional.toUpperCase()}]` : positional.toUpperCase(),
  );
  return [name, ...given].join(" ");
}

/** `--wait STATE`, or `--follow` for a flag. */
export function optionForm(name: string, spec: OptionSpec): string {
  return spec.type === "flag" ? `--${name}` : `--${name} ${spec.value ?? "VALUE"}`;
}

/** What an option does, its values and its default. */
export function optionText(spec: OptionSpec): string {
  const values = spec.values === undefined ? "" : `: ${spec.values.join(", ")}`;
  const standard = spec.default === undefined ? "" : ` (default ${spec.default})`;
  return `${spec.summary}${values}${standard}`;
}

/** An example as it is typed. */
export function exampleLine(line: string): string {
  return line.includes("multifleet ") ? line : `multifleet ${line}`;
}

function showAll(screen: Screen): void {
  screen.line(bold("Usage: multifleet COMMAND [ARGUMENTS] [OPTIONS]"));
  screen.line();
  screen.table(
    commandNames.map((name) => [usageOf(name), specOf(name).summary]),
    "  ",
  );
  screen.line();
  showOptions(globals, "Options of every command", screen);
  screen.line();
  screen.line("`multifleet help COMMAND` tells more. Exit code: 0 done, 1 not done, 2 usage.");
}

function showOne(name: CommandName, screen: Screen): void {
  const spec = specOf(name);
  const options = Object.keys(spec.options).length > 0 ? " [OPTIONS]" : "";
  screen.line(bold(`Usage: multifleet ${usageOf(name)}${options}`));
  for (const paragraph of [`${spec.summary}.`, ...spec.about]) {
    screen.line();
    for (const line of wrap(paragraph, columns)) screen.line(line);
  }
  if (spec.positionals.length > 0) {
    screen.line();
    for (const { name: positional, summary } of spec.positionals)
      described(positional.toUpperCase(), summary, screen);
  }
  screen.line();
  if (options !== "") {
    showOptions(spec.options, "Options", screen);
    screen.line();
  }
  showOptions(globals, "Options of every command", screen);
  screen.line();
  screen.line(bold("Examples"));
  for (const [line, does] of spec.examples) {
    screen.line(`  ${exampleLine(line)}`);
    screen.line(dim(`      ${does}`));
  }
}

function showOptions(specs: Readonly<Record<string, OptionSpec>>, title: string, screen: Screen): void {
  screen.line(bold(title));
  for (const [name, spec] of Object.entries(specs))
    described(optionForm(name, spec), optionText(spec), screen);
}

/** A term, and what is to say of it beside or, where it is long, below it. */
function described(term: string, text: string, screen: Screen): void {
  const indent = 20;
  const [first = "", ...rest] = wrap(text, columns - indent);
  const beside = term.length <= indent - 4;
  if (!beside) screen.line(`  ${term}`);
  screen.line(beside ? `  ${term.padEnd(indent - 3)} ${first}` : " ".repeat(indent) + first);
  for (const line of rest) screen.line(" ".repeat(indent) + line);
}
