import { commandNames, globals, specOf } from "../commands.js";
import { candidatesAt, candidatesOf, optionsOf, valued, type Candidates } from "./words.js";

/** The completion script for bash 3.2 and newer; needs no other package. */
export function bash(): string {
  const values = valued()
    .map(([name, spec]) => ({ name, offered: offer(candidatesOf(spec)) }))
    .map(({ name, offered }) => `    --${name}) ${offered} return ;;`);
  const places = commandNames.flatMap((name) =>
    specOf(name)
      .positionals.map((spec, place) => ({ place, offered: offer(candidatesAt(spec)) }))
      .filter(({ offered }) => offered !== "")
      .map(({ place, offered }) => `    ${name}:${place}) ${offered} ;;`),
  );
  const options = commandNames.map(
    (name) =>
      `      ${name}) words="${optionsOf(name)
        .map(([option]) => `--${option}`)
        .join(" ")}" ;;`,
  );
  return `# bash completion for multifleet: put it where bash-completion looks, or source it in ~/.bashrc.
_multifleet_offer() {
  COMPREPLY+=( $(compgen -W "$1" -- "$2") )
}

_multifleet_nodes() {
  local name
  while IFS= read -r name; do
    # Only what is a node's name: anything else might be expanded.
    if [[ $name =~ ^[a-z0-9-]+$ && $name == "$1"* ]]; then COMPREPLY+=("$name"); fi
  done < <(multifleet peers --names 2>/dev/null)
}

_multifleet() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  # bash breaks --type=task into three words.
  if [[ $cur == "=" ]]; then cur=""
  elif [[ $prev == "=" ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  local command="" place=0 skip="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $skip ]]; then skip=""; continue; fi
    case "$word" in
      ${valued()
        .map(([name]) => `--${name}`)
        .join("|")}) skip=1 ;;
      -?*) ;;
      *) if [[ -z $command ]]; then command="$word"; else place=$((place + 1)); fi ;;
    esac
  done
  COMPREPLY=()
  case "$prev" in
${values.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    local words="${Object.keys(globals)
      .map((name) => `--${name}`)
      .join(" ")}"
    case "$command" in
${options.join("\n")}
    esac
    _multifleet_offer "$words" "$cur"
    return
  fi
  if [[ -z $command ]]; then
    _multifleet_offer "${commandNames.join(" ")}" "$cur"
    return
  fi
  case "$command:$place" in
${places.join("\n")}
  esac
}
complete -F _multifleet multifleet
`;
}

function offer({ words, finds }: Candidates): string {
  const offers = [
    words.length > 0 ? `_multifleet_offer "${words.join(" ")}" "$cur";` : "",
    finds === "node" ? '_multifleet_nodes "$cur";' : "",
    finds === "directory" ? 'COMPREPLY+=( $(compgen -d -- "$cur") );' : "",
  ];
  return offers.filter((offered) => offered !== "").join(" ");
}
