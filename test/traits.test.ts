import { expect, test } from "vitest";
import type { Channel } from "../packages/core/src/index.js";
import { catalog, rankName } from "../packages/daemon/src/channels/catalog.js";

const cover = { cover: async () => undefined, uncover: async () => undefined };

/** The fewest options that make each channel. Nothing is opened. */
const options: Record<string, object> = {
  seed: { directory: "/tmp/seed" },
  ipc: { path: "/tmp/daemon.sock" },
  git: { directory: "/tmp/git", cover },
  discord: { token: `${"a".repeat(24)}.${"b".repeat(6)}.${"c".repeat(38)}`, channel: "1".repeat(18), cover },
};

const module = (name: string) => {
  const room = name.replace("@multifleet/", "");
  return room === "mailbox/seed"
    ? "../packages/mailbox/src/seed/index.js"
    : `../packages/${room}/src/index.js`;
};

async function channels(): Promise<{ readonly from: string; readonly channel: Channel }[]> {
  const made = await Promise.all(
    Object.entries(catalog).map(async ([name, entry]) => {
      const { default: factory } = (await import(module(entry.module))) as {
        default: (options: object) => Channel | readonly Channel[];
      };
      return [factory(options[name] ?? {})].flat().map((channel) => ({ from: entry.module, channel }));
    }),
  );
  return made.flat();
}

function row({ from, channel }: Awaited<ReturnType<typeof channels>>[number]): string {
  const { name, traits } = channel;
  const size = traits.maxFrameBytes.toLocaleString("en");
  const cells = [
    rankName(channel),
    `\`${name}\``,
    `\`${from}\``,
    traits.effect,
    size,
    traits.inbound ? "yes" : "no",
  ];
  return `| ${cells.join(" | ")} |`;
}

test("docs/traits.md says of every channel what the channel says of itself (renew it with `npx vitest run test/traits.test.ts -u`)", async () => {
  const all = (await channels()).toSorted(
    (a, b) =>
      rankName(a.channel).localeCompare(rankName(b.channel)) || (a.channel.name < b.channel.name ? -1 : 1),
  );
  const page = [
    "# What each channel can do",
    "",
    "This page is made from the channels themselves. `delivers`: the far daemon answers with its receipt. `stores`: a durable middleman has the",
    "packet, and the receipt comes later by any channel. `wakes`: nothing is carried, the machine is woken. The order in which they are tried is the",
    "[cascade](cascade.md)'s: by effect and health, the cheapest first. How each speaks on its medium is in [channels.md](channels.md).",
    "",
    "| P | channel | package | effect | largest frame, bytes | receives by itself |",
    "| --- | --- | --- | --- | --- | --- |",
    ...all.map(row),
    "",
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../docs/traits.md");
});
