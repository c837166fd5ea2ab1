import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandNames, specOf } from "../src/commands.js";
import { findProgram } from "../../../test/needs.js";
import { run } from "./rig.js";

let directory: string;
let env: NodeJS.ProcessEnv;
const escape = String.fromCharCode(27);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "multifleet-completion-"));
  const bin = join(directory, "bin");
  mkdirSync(bin);
  // What completes names asks this program for them; one of the names is none, and must never be run.
  const names = `mac2\nmac3\n$(touch ${join(directory, "owned")})\n`;
  writeFileSync(
    join(bin, "multifleet"),
    `#!/bin/sh\n[ "$*" = "peers --names" ] || exit 1\ncat <<'END'\n${names}END\n`,
  );
  chmodSync(join(bin, "multifleet"), 0o755);
  env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}`, HOME: directory, TERM: "xterm" };
  for (const name of ["bash", "zsh", "fish"]) {
    const { out } = await run(["completion", name]);
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "_multifleet"), out);
  }
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a shell; fails the test where it says anything on stderr. */
function shell(name: string, args: readonly string[], script: string): string {
  const ran = spawnSync(name, [...args, script], { env, cwd: directory, encoding: "utf8", timeout: 20_000 });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  return ran.stdout;
}

/** Cases that every shell answers alike: a command line up to the cursor, and some of what it offers there. */
const cases: [line: string, offered: string[], not?: string[]][] = [
  ["multifleet ", [...commandNames]],
  ["multifleet se", ["send"], ["status"]],
  ["multifleet --home /tmp st", ["status"], ["send"]],
  ["multifleet send ", ["all", "mac2", "mac3"], ["status"]],
  ["multifleet send --type task ma", ["mac2", "mac3"], ["all"]],
  ["multifleet send --type ", ["context", "task", "reply", "alert"], ["mac2"]],
  ["multifleet send mac2 s b --wait s", ["surfaced", "settled"], ["delivered"]],
  ["multifleet send mac2 s b --ex", ["--expires"], ["--type"]],
  ["multifleet send --via ht", ["http"], ["ipc"]],
  ["multifleet status --ho", ["--home"], ["--follow"]],
  ["multifleet check ", ["mac2", "mac3"]],
  ["multifleet completion ", ["bash", "zsh", "fish"]],
  ["multifleet dead-letters ", ["retry"]],
  ["multifleet help sta", ["status"], ["send"]],
];

function expectOffers(offers: readonly string[], [, offered, not = []]: (typeof cases)[number]): void {
  for (const word of offered) expect(offers).toContain(word);
  for (const word of not) expect(offers).not.toContain(word);
  expect(offers.join()).not.toContain("touch");
}

describe.skipIf(findProgram("bash") === undefined)("bash", () => {
  function offers(line: string): string[] {
    // What readline does: split into words, also at =, and call the function.
    const words = line.split(/ |(?==)|(?<==)/);
    const script = `source bash/_multifleet
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_multifleet; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return shell("bash", ["--norc", "-c"], script).split("\n");
  }

  for (const one of cases) test(`completes \`${one[0]}\``, () => expectOffers(offers(one[0]), one));

  test("completes an option's value behind =", () => {
    expect(offers("multifleet send --type=ta")).toContain("task");
    expect(offers("multifleet send --type=")).toContain("alert");
    expect(offers("multifleet send --type=task ma")).toContain("mac2");
  });

  test("completes directories for --home", () => {
    expect(offers("multifleet --home z")).toEqual(["zsh", ""]);
  });

  test("is what an interactive bash calls", () => {
    expect(shell("bash", ["--norc", "-c"], "source bash/_multifleet; complete -p multifleet")).toContain(
      "-F _multifleet multifleet",
    );
  });
});

describe.skipIf(findProgram("fish") === undefined)("fish", () => {
  const offers = (line: string): string[] =>
    shell("fish", ["--no-config", "-c"], `source fish/_multifleet; complete -C '${line}'`)
      .split("\n")
      .map((offer) => offer.split("\t")[0] ?? "");

  for (const one of cases) test(`completes \`${one[0]}\``, () => expectOffers(offers(one[0]), one));

  test("tells beside each command what it does", () => {
    const script = "source fish/_multifleet; complete -C 'multifleet st'";
    expect(shell("fish", ["--no-config", "-c"], script)).toContain(`status\t${specOf("status").summary}`);
  });
});

describe.skipIf(findProgram("zsh") === undefined)("zsh", () => {
  /** Types the line into an interactive zsh, presses Tab where the choices are listed, and reads what it shows. */
  function offers(line: string): string[] {
    const script = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; PS2=; RPS1=; stty -echo cols 200 rows 200; unset zle_bracketed_paste; fpath=($PWD/zsh \\$fpath); autoload -Uz compinit; compinit -u -d $PWD/zcompdump; LISTMAX=0; setopt noalwayslastprompt listrowsfirst no_beep; zstyle ':completion:*' list-separator '|'; zstyle ':completion:*' list-grouped false; zstyle ':completion:*' verbose false; bindkey '^I' list-choices; mark() { print -r -- END }; zle -N mark; bindkey '^X' mark; print -r -- READY"
local out
zpty -r z out '*READY*READY*' || zpty -r z out '*READY*'
zpty -n -w z ${JSON.stringify(line).replaceAll("$", "\\$")}$'\\t\\x18'
zpty -r z out '*END*'
print -r -- "$out"
zpty -d z`;
    return shell("zsh", ["-f", "-c"], script)
      .replace(new RegExp(`${escape}\\[[0-9;?]*[A-Za-z]|\r`, "g"), "")
      .split(/\s+/);
  }

  for (const one of cases) test(`completes \`${one[0]}\``, () => expectOffers(offers(one[0]), one));
});

test("the name of a peer is never run by a shell", () => {
  const { status } = spawnSync("ls", [join(directory, "owned")]);
  expect(status).not.toBe(0);
});

test("a script for another shell, or for none, is a misuse", async () => {
  expect((await run(["completion", "tcsh"])).code).toBe(2);
  expect((await run(["completion"])).code).toBe(2);
  expect(JSON.parse((await run(["completion", "bash", "--json"])).out)).toMatchObject({ shell: "bash" });
});
