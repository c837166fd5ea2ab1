import type { OptionSpec } from "../command.js";
import { commandNames, globals, specOf, type CommandName } from "../commands.js";
import { optionText } from "../help.js";
import { candidatesAt, candidatesOf, type Candidates } from "./words.js";

/** The completion script for zsh: a file named `_multifleet` in a directory of fpath. */
export function zsh(): string {
  const described = commandNames.map((name) => `      ${quoted(`${name}:${specOf(name).summary}`)}`);
  const cases = commandNames.map(
    (name) => `        ${name})
          _arguments -s : $options \\
${argumentsOf(name)
  .map((argument) => `            ${quoted(argument)}`)
  .join(" \\\n")} ;;`,
  );
  return `#compdef multifleet
_multifleet_nodes() {
  local name
  local -a nodes=("$@")
  for name in \${(f)"$(multifleet peers --names 2>/dev/null)"}; do
    [[ $name =~ '^[a-z0-9-]+$' ]] && nodes+=("$name")
  done
  compadd -a nodes
}

_multifleet() {
  local curcontext="$curcontext" state line
  local -a commands=(
${described.join("\n")}
  )
  local -a options=(
${Object.entries<OptionSpec>(globals)
  .map(([name, spec]) => `    ${quoted(optionOf(name, spec))}`)
  .join("\n")}
  )
  _arguments -C -s $options '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${cases.join("\n")}
      esac ;;
  esac
}

# Read by fpath, this file is the body of the function; sourced, it defines it.
if [[ $funcstack[1] == _multifleet ]]; then _multifleet "$@"; else compdef _multifleet multifleet; fi
`;
}

function argumentsOf(name: CommandName): string[] {
  const { options, positionals } = specOf(name);
  return [
    ...Object.entries(options).map(([option, spec]) => optionOf(option, spec)),
    ...positionals.map(
      (spec, place) =>
        `${place + 1}:${spec.optional === true ? ":" : ""}${escaped(spec.name)}:${action(candidatesAt(spec))}`,
    ),
    ...(positionals.length === 0 ? [": :"] : []),
  ];
}

function optionOf(name: string, spec: OptionSpec): string {
  const described = `[${escaped(optionText(spec))}]`;
  if (spec.type === "flag") return `--${name}${described}`;
  return `--${name}=${described}:${spec.value ?? "VALUE"}:${action(candidatesOf(spec))}`;
}

function action({ words, finds }: Candidates): string {
  if (finds === "directory") return "_directories";
  if (finds === "node") return `{_multifleet_nodes ${words.join(" ")}}`;
  return words.length > 0 ? `(${words.join(" ")})` : " ";
}

const escaped = (text: string): string => text.replace(/[[\]:\\]/g, "\\$&");
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
