import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const readme = read("README.md");

test.each(["use", "seed"])("the README's example of %s is the one that is run", (name) => {
  const source = read("test/use.test.ts");
  const [, region] = new RegExp(`// #region ${name}\n([^]*?)// #endregion ${name}`).exec(source) ?? [];
  expect(readme).toContain(`\`\`\`ts packages/mailbox/test/use.test.ts#${name}\n${region}\`\`\``);
});

test("the README names every option, and no other", () => {
  const [, interfaceText = ""] =
    /export interface MailboxOptions \{([^]*?)\n\}/.exec(read("src/stored-mailbox.ts")) ?? [];
  const [, limits = ""] = /export interface Limits \{([^]*?)\n\}/.exec(read("src/outbox.ts")) ?? [];
  const names = (text: string) => [...text.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name);
  const options = names(interfaceText).flatMap((name) =>
    name === "limits" ? names(limits).map((limit) => `limits.${limit}`) : [name],
  );
  const documented = [...readme.matchAll(/^\| `([\w.]+)`/gm)].map(([, name]) => name);
  expect(documented).toEqual([...options, "directory"]);
});

test("every test that the README names is there", () => {
  const named = [...readme.matchAll(/`(test\/[\w/.-]+\.ts)`/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(5);
  for (const path of named) expect(read(path)).toContain("test");
});
