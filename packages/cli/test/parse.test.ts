import { expect, test } from "vitest";
import { commandNames, globals, specOf } from "../src/commands.js";
import type { OptionSpec } from "../src/command.js";
import { exampleLine } from "../src/help.js";
import { parse } from "../src/parse.js";

/** Splits a line as a shell does, as far as the examples need it. */
function words(line: string): string[] {
  const command = line.split(/[|>]/).find((part) => part.includes("multifleet ")) ?? "";
  return [...command.trim().matchAll(/"([^"]*)"|(\S+)/g)]
    .map(([, quoted, bare]) => quoted ?? bare ?? "")
    .slice(1);
}

test("a command line is read by the registry, with defaults filled in", () => {
  expect(parse(["send", "mac2", "deploy", "now", "--wait", "settled", "--timeout=5s"])).toMatchObject({
    command: "send",
    positionals: { to: "mac2", subject: "deploy", body: "now" },
    options: { type: "context", wait: "settled", timeout: "5s", session: undefined },
    globals: { json: false, home: undefined },
  });
});

test("options of every command may stand before and behind its name", () => {
  expect(parse(["--home", "/h", "status", "x", "--json"]).globals).toMatchObject({ home: "/h", json: true });
});

test("text that begins with a dash goes behind --, and a lone dash is a word", () => {
  expect(parse(["send", "mac2", "deploy", "--", "-5 degrees"]).positionals["body"]).toBe("-5 degrees");
  expect(parse(["send", "mac2", "deploy", "-"]).positionals["body"]).toBe("-");
  expect(() => parse(["send", "mac2", "deploy", "-5 degrees"])).toThrow(
    "text that begins with a dash goes behind --",
  );
});

for (const [argv, said] of [
  [["sned", "mac2"], 'there is no command "sned": is send meant?'],
  [["qqqqqq"], 'there is no command "qqqqqq"'],
  [["send", "mac2", "s", "--expire", "1h"], "there is no option --expire: is --expires meant?"],
  [["status", "x", "--follow"], "status has no option --follow"],
  [["--jsno"], "there is no option --jsno: is --json meant?"],
  [["send", "mac2"], "send needs SUBJECT: one line"],
  [["status"], "status needs ID"],
  [["status", "a", "b"], 'status does not take "b"'],
  [["send", "mac2", "push", "it", "now"], 'send does not take "now": text with spaces goes in quotes'],
  [["send", "mac2", "s", "--type", "contxt"], "it is one of context, task, reply, alert: is context meant?"],
  [["send", "mac2", "s", "--type"], "--type needs a value: --type TYPE"],
  [["send", "mac2", "s", "--session", "--json"], "one that begins with a dash is given as --session=--json"],
  [["inbox", "--follow=yes"], "--follow takes no value"],
  [["invite", "--uses", "two"], '--uses cannot be "two": it is a whole number'],
  [["invite", "--uses=-2"], '--uses cannot be "-2": it is a whole number'],
  [["send", "mac2", "s", "--expires", "soon"], '--expires cannot be "soon": it is a time such as'],
  [["send", "mac2", "s", "--expires", "10ms"], '--expires cannot be "10ms"'],
  [["send", "mac2", "s", "--wait", "delivered", "--timeout", "1w"], '--timeout cannot be "1w"'],
  [["completion", "bsh"], "it is one of bash, zsh, fish: is bash meant?"],
  [["dead-letters", "rety", "x"], "is retry meant?"],
  [["toString"], 'there is no command "toString"'],
  [["send", "a", "b", "--constructor"], "send has no option --constructor"],
] as const) {
  test(`${argv.join(" ")} is refused: ${said}`, () => {
    expect(() => parse(argv)).toThrow(said);
  });
}

test("durations and RFC 3339 times are times", () => {
  for (const time of ["90s", "15m", "1h", "7d", "2030-01-31T12:00:00Z", "2030-01-31T12:00:00.5+02:00"])
    expect(parse(["send", "a", "b", "--expires", time]).options["expires"]).toBe(time);
});

test("who asks for help need not have the rest right", () => {
  expect(parse(["send", "--help"])).toMatchObject({ command: "send", globals: { help: true } });
});

test("an option's name means the same kind of value in every command", () => {
  const kinds = new Map<string, string>();
  for (const specs of [globals, ...commandNames.map((name) => specOf(name).options)])
    for (const [name, spec] of Object.entries<OptionSpec>(specs)) {
      const kind = JSON.stringify([spec.type === "flag", spec.values, spec.completes]);
      expect(kinds.get(name) ?? kind, `--${name}`).toBe(kind);
      kinds.set(name, kind);
    }
});

for (const name of commandNames)
  for (const [line] of specOf(name).examples)
    test(`the example \`${line}\` is a right command line`, () => {
      expect(parse(words(exampleLine(line).replace(/ < \w+$/, ""))).command).toBe(name);
    });
