import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { packetId } from "@multifleet/core";
import { expect, test } from "vitest";
import { openMailbox, openMailboxReader } from "../src/index.js";
import {
  accept,
  afterTest,
  arrival,
  emptyDirectory,
  mac1,
  newSeed,
  open,
  random,
  settlement,
  sha256,
} from "./support.js";

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

function start(name: string, ...args: string[]): ChildProcess {
  // Without the conditions by which this process finds our sources: what is tested is what is built.
  const child = fork(fixture(name), args, { execArgv: [] });
  afterTest(() => void child.kill("SIGKILL"));
  return child;
}

interface Word {
  readonly code: string;
  readonly pid?: number;
  readonly about?: string;
}

async function answer(child: ChildProcess, word?: string): Promise<Word> {
  const answered = once(child, "message") as Promise<[Word]>;
  if (word !== undefined) child.send(word);
  const [said] = await answered;
  return said;
}

async function endOf(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.send("close");
  await ended;
}

test("a second mailbox on the same store is refused, in this process and in another, until the first is closed", async () => {
  const directory = emptyDirectory();
  const first = await open({ directory, about: "the first" });
  const refused = { name: "MailboxError", code: "IN_USE", pid: process.pid, about: "the first" };
  await expect(openMailbox({ directory })).rejects.toMatchObject(refused);
  const other = start("claimant.mjs", directory, "the other");
  await answer(other);
  expect(await answer(other, "open")).toEqual({ code: "IN_USE", pid: process.pid, about: "the first" });
  await first.close();
  expect(await answer(other, "open")).toEqual({ code: "open" });
  await expect(openMailbox({ directory })).rejects.toMatchObject({
    code: "IN_USE",
    pid: other.pid,
    about: "the other",
  });
  await endOf(other);
  await open({ directory });
});

test("the claim of a killed process is taken over, and one in use can still be read", async () => {
  const directory = emptyDirectory();
  const owner = start("claimant.mjs", directory, "killed");
  await answer(owner);
  await answer(owner, "open");
  const reader = await openMailboxReader({ directory });
  expect(reader.books()).toMatchObject({ accepted: 0 });
  await reader.close();
  const ended = once(owner, "exit");
  owner.kill("SIGKILL");
  await ended;
  await open({ directory });
});

test("of several that start at once exactly one has the store", { timeout: 120_000 }, async () => {
  const rounds = Number(process.env["CLAIM_ROUNDS"] ?? 12);
  const directory = emptyDirectory();
  for (let round = 0; round < rounds; round++) {
    const starters = [0, 1, 2].map((i) => start("claimant.mjs", `${directory}/${round % 4}`, `starter ${i}`));
    await Promise.all(starters.map((child) => answer(child)));
    const said = await Promise.all(starters.map((child) => answer(child, "open")));
    expect(said.map(({ code }) => code).toSorted()).toEqual(["IN_USE", "IN_USE", "open"]);
    const winner = starters[said.findIndex(({ code }) => code === "open")];
    for (const { code, pid } of said) if (code === "IN_USE") expect(pid).toBe(winner?.pid);
    // Every other winner is killed: the next round's starters find its claim, and all of them may take it over.
    const ends = starters.map((child) => {
      if (child !== winner || round % 2 === 0) return endOf(child);
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      return ended;
    });
    await Promise.all(ends);
  }
});

test(
  "another process reads while this one writes, and sees only what is whole",
  { timeout: 60_000 },
  async () => {
    const directory = emptyDirectory();
    const box = await open({ directory });
    const total = 1_500;
    const child = start("onlooker.mjs", directory, String(total));
    await once(child, "message");
    const seen = once(child, "message") as Promise<
      [{ looks: number; last: number; listed: number; items: number }]
    >;
    let next = 0;
    const work = async () => {
      while (next < total) {
        const n = next++;
        await accept(box, `m${n}`);
        if (n % 3 === 0) await box.settle(packetId(`m${n}`), settlement("delivered"));
        // The file grows: the other has to map it anew.
        if (n % 5 === 0) await box.take(arrival(n + 1, { body: "x".repeat(20_000) }));
      }
    };
    await Promise.all(Array.from({ length: 16 }, work));
    const [{ looks, last, listed, items }] = await seen;
    expect(last).toBe(total);
    expect(looks).toBeGreaterThan(10);
    expect(listed).toBe(total);
    expect(items).toBeGreaterThan(total / 5 - 20);
  },
);

test("a store that was never made cannot be read", async () => {
  const directory = emptyDirectory();
  await expect(openMailboxReader({ directory })).rejects.toMatchObject({
    code: "FAILED",
    message: /no store/,
  });
});

test(
  "whatever moment a process is killed at, what it acknowledged is there",
  { timeout: 300_000 },
  async () => {
    const seed = newSeed("kill -9");
    const below = random(seed);
    const directory = emptyDirectory();
    const kills = Number(process.env["KILLS"] ?? 30);
    const accepted = new Map<number, number>();
    const taken = new Set<number>();
    const settled = new Set<number>();
    let first = 1;
    for (let kill = 0; kill < kills; kill++) {
      const child = spawn(process.execPath, [fixture("worker.mjs"), directory, String(first)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = once(child, "exit");
      // Some are killed while they open the store, the others at work.
      const trigger = below(4) === 0 ? "opening" : "ready";
      const lines = createInterface({ input: child.stdout });
      lines.on("line", (line) => {
        const [word, number, seq] = line.split(" ");
        if (word === trigger) setTimeout(() => child.kill("SIGKILL"), below(trigger === "ready" ? 300 : 60));
        if (word === "accepted") accepted.set(Number(number), Number(seq));
        if (word === "taken") taken.add(Number(number));
        if (word === "settled") settled.add(Number(number));
        if (number !== undefined) first = Math.max(first, Number(number) + 9);
      });
      await Promise.all([exit, once(lines, "close")]);
      const box = await openMailbox({ directory });
      try {
        for (const [number, seq] of accepted)
          expect(box.message(packetId(`m${number}`))).toMatchObject({
            seq,
            fingerprint: sha256(`m${number}`),
          });
        for (const number of settled) expect(box.message(packetId(`m${number}`))?.state).toBe("delivered");
        const { delivered, pending, accepted: total } = box.books();
        expect(total).toBe(delivered + pending);
        expect([...box.pending()]).toHaveLength(pending);
      } finally {
        await box.close();
      }
    }
    const box = await open({ directory });
    // Numbers were given once, without a gap, whatever was lost on the way.
    const seqs = box.messages({ limit: 1_000_000 }).map(({ seq }) => seq);
    expect(seqs.toReversed()).toEqual(seqs.map((_, i) => i + 1));
    const shown = box.inbox({ limit: 1_000_000 }).map(({ id }) => id);
    expect(new Set(shown).size).toBe(shown.length);
    for (const number of taken) expect(box.item(packetId(`m${number}`), mac1)?.body).toBe(`body ${number}`);
    console.info(
      `${kills} kills: ${accepted.size} accepted, ${taken.size} taken, ${settled.size} settled, 0 lost`,
    );
    expect(accepted.size).toBeGreaterThan(kills);
  },
);
