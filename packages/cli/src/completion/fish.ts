import type { OptionSpec } from "../command.js";
import { commandNames, globals, specOf } from "../commands.js";
import { optionText } from "../help.js";
import { candidatesAt, candidatesOf, valued, type Candidates } from "./words.js";

/** The completion script for fish 3 and newer. */
export function fish(): string {
  const lines = [
    ...Object.entries<OptionSpec>(globals).map(([name, spec]) => option("", name, spec)),
    ...commandNames.flatMap((name) => [
      `complete -c multifleet -n '__multifleet_at' -a ${name} -d ${quoted(specOf(name).summary)}`,
      ...Object.entries(specOf(name).options).map(([named, spec]) =>
        option(` -n '__multifleet_in ${name}'`, named, spec),
      ),
      ...specOf(name).positionals.flatMap((spec, place) => {
        const offered = offer(candidatesAt(spec));
        return offered === ""
          ? []
          : [
              `complete -c multifleet -n '__multifleet_at ${name} ${place}'${offered} -d ${quoted(spec.name)}`,
            ];
      }),
    ]),
  ];
  return `# fish completion for multifleet: ~/.config/fish/completions/multifleet.fish
# The command and the positionals that stand before the cursor, one a line.
function __multifleet_words
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word ${valued()
          .map(([name]) => `--${name}`)
          .join(" ")}
            set skip 1
        else if not string match -q -- '-?*' $word
            printf '%s\\n' $word
        end
    end
end

# Whether a command is being given.
function __multifleet_in
    set -l words (__multifleet_words)
    test "$words[1]" = "$argv[1]"
end

# Whether the cursor is at this positional of this command; without arguments, where the command itself stands.
function __multifleet_at
    set -l words (__multifleet_words)
    if test (count $argv) -eq 0
        test (count $words) -eq 0
        return
    end
    test "$words[1]" = "$argv[1]"; and test (count $words) -eq (math $argv[2] + 1)
end

# Only what is a node's name.
function __multifleet_nodes
    multifleet peers --names 2>/dev/null | string match -r '^[a-z0-9-]+$'
end

complete -c multifleet -f
${lines.join("\n")}
`;
}

function option(condition: string, name: string, spec: OptionSpec): string {
  const described = ` -l ${name} -d ${quoted(optionText(spec))}`;
  if (spec.type === "flag") return `complete -c multifleet${condition}${described}`;
  return `complete -c multifleet${condition}${described} -x${offer(candidatesOf(spec))}`;
}

function offer({ words, finds }: Candidates): string {
  if (finds === "directory") return " -a '(__fish_complete_directories)'";
  const nodes = finds === "node" ? ["(__multifleet_nodes)"] : [];
  return words.length + nodes.length > 0 ? ` -a ${quoted([...words, ...nodes].join(" "))}` : "";
}

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
