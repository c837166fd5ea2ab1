import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commandNames, specOf } from "../src/commands.js";
import { reference } from "../src/reference.js";
import { verbs } from "../src/verbs.js";
import { run } from "./rig.js";

test("docs/cli.md is what the registry says (renew it with `npx vitest run packages/cli/test/reference.test.ts -u`)", async () => {
  await expect(reference()).toMatchFileSnapshot("../../../docs/cli.md");
});

test("every command of the registry can be run, and none beside them", () => {
  expect([...Object.keys(verbs), "help"]).toEqual(commandNames);
});

test("the overview names every command, and fits 80 columns", async () => {
  const { code, out, err } = await run(["--help"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  for (const name of commandNames) expect(out).toContain(`\n  ${name}`);
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

for (const name of commandNames)
  test(`${name} --help and help ${name} say the same: every argument and option, in 80 columns`, async () => {
    const asked = await run([name, "--help"]);
    expect(await run(["help", name])).toEqual(asked);
    expect(asked).toMatchObject({ code: 0, err: "" });
    const { positionals, options, summary } = specOf(name);
    expect(asked.out).toContain(summary);
    for (const option of Object.keys(options)) expect(asked.out).toContain(`--${option}`);
    for (const positional of positionals) expect(asked.out).toContain(positional.name.toUpperCase());
    expect(
      asked.out.split("\n").filter((line) => line.length > 80 && !line.includes("completions/")),
    ).toEqual([]);
    expect(JSON.parse((await run([name, "--help", "--json"])).out)).toHaveProperty("summary", summary);
  });

test("help of what does not exist suggests what does", async () => {
  expect(await run(["help", "stauts"])).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringContaining('there is no command "stauts": is status meant?'),
  });
});

test("the package's README names no command that does not exist", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const named = [...readme.matchAll(/\bmultifleet ([a-z-]+)/g)].map(([, name = ""]) => name);
  expect(named.filter((name) => !(commandNames as string[]).includes(name))).toEqual([]);
});
