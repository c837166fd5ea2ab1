import type { OptionSpec } from "./command.js";
import { commandNames, globals, specOf, type CommandName } from "./commands.js";
import { exampleLine, optionForm, optionText, usageOf } from "./help.js";

/** The reference of all commands in Markdown: docs/cli.md. */
export function reference(): string {
  return [
    "# The command line",
    "",
    "`multifleet` talks to the daemon of this machine. Everything here is made from the program's own list of commands, as",
    "`multifleet --help` is.",
    "",
    "Exit code 0: done. 1: not done, with the reason on stderr. 2: the command line is wrong. With `--json`, stdout is JSON; where a",
    'command fails, `{"error":{"code","message","hint"}}`. Text from messages never controls the terminal: what could is shown as an',
    "escape such as `\\x1b`.",
    "",
    "| command | does |",
    "| --- | --- |",
    ...commandNames.map((name) => `| [\`${usageOf(name)}\`](#${name}) | ${specOf(name).summary} |`),
    "",
    "Options of every command, before or behind its name:",
    "",
    ...options(globals),
    ...commandNames.flatMap(section),
  ].join("\n");
}

function section(name: CommandName): string[] {
  const { summary, about, positionals, options: own, examples } = specOf(name);
  return [
    `## ${name}`,
    "",
    `    multifleet ${usageOf(name)}${Object.keys(own).length > 0 ? " [OPTIONS]" : ""}`,
    "",
    `${summary}.`,
    "",
    ...about.flatMap((paragraph) => [paragraph, ""]),
    ...(positionals.length === 0
      ? []
      : [
          "| argument | is |",
          "| --- | --- |",
          ...positionals.map(
            ({ name: named, summary: text }) => `| \`${named.toUpperCase()}\` | ${cell(text)} |`,
          ),
          "",
        ]),
    ...(Object.keys(own).length === 0 ? [] : options(own)),
    ...examples.flatMap(([line, does]) => [`    ${exampleLine(line)}   # ${does}`]),
    "",
  ];
}

function options(specs: Readonly<Record<string, OptionSpec>>): string[] {
  return [
    "| option | does |",
    "| --- | --- |",
    ...Object.entries(specs).map(
      ([name, spec]) => `| \`${optionForm(name, spec)}\` | ${cell(optionText(spec))} |`,
    ),
    "",
  ];
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
