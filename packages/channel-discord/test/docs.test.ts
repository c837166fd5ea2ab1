import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PermissionFlagsBits } from "discord.js";
import { checkOptions } from "../src/options.js";
import { coverOf } from "./covers.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");
const page = read("../../../docs/discord.md");

test("the README shows the example that is run", () => {
  const [, example = ""] = /\/\/ #region use\n([^]*?)\/\/ #endregion use/.exec(read("use.test.ts")) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/channel-discord/test/use.test.ts#use\n${example}\`\`\``);
});

test("the README names every option with its default, and no other", () => {
  const given = { token: "x".repeat(70), channel: "1".repeat(19), cover: coverOf({}, "alpha") };
  const settings = { ...checkOptions(given), tokenFile: "" };
  const named = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(Object.keys(settings).toSorted());
  for (const name of ["history", "maxWaitMs", "requestTimeoutMs"] as const)
    expect(readme).toContain(`| \`${name}\` | \`${settings[name]}\` |`);
});

test("the page on Discord names every counter, and no other", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url)).map((file) => read(`../src/${file}`));
  const counted = sources.flatMap((text) => [...text.matchAll(/(?:count\(|event: )"([a-z]+_[a-z_]+)"/g)]);
  const named = [...page.matchAll(/^\| `([a-z]+_[a-z_]+)` \|/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(counted.map(([, name]) => name))].toSorted());
});

test("the invitation asks for the four permissions that the page names, and for no more", () => {
  const { ViewChannel, SendMessages, AttachFiles, ReadMessageHistory } = PermissionFlagsBits;
  const permissions = ViewChannel | SendMessages | AttachFiles | ReadMessageHistory;
  expect(page).toContain(`scope=bot&permissions=${permissions}\n`);
});
