import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { TestFleet } from "../fleet.js";
import { expectBalanced, Ledger } from "../ledger.js";
import { runSeed, seeded } from "../../../../test/random.js";

/** How often a process is killed; F1 and F2 of the fault table ask for 200. */
export const kills = Number(process.env["MULTIFLEET_KILLS"] ?? 200);

/** Kills one of two nodes at random instants while mac1 sends to mac2, and holds mac2's inbox against what was accepted. */
export async function expectNothingLostByKilling(victim: "mac1" | "mac2"): Promise<void> {
  const role = victim === "mac1" ? "sender" : "receiver";
  const random = seeded(runSeed(`${role} killed`));
  await using fleet = await TestFleet.start(["mac1", "mac2"]);
  const [mac1, mac2, killed] = [fleet.node("mac1"), fleet.node("mac2"), fleet.node(victim)];
  const ledger = new Ledger();
  // lint: polling-ok the pause is the random part of the instant of a kill; nothing is looked for
  for (let kill = 0; kill < kills; kill++) {
    // The instant is drawn twice: after how many answers, and how long after the last of them.
    let left = Math.floor(random() * 12);
    let reached = () => {};
    const instant = new Promise<void>((resolve) => (reached = resolve));
    if (left === 0) reached();
    const posts = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 4 && mac1.running; i++) {
        await ledger.post(mac1, "mac2");
        if (--left <= 0) reached();
      }
    });
    await instant;
    await pause(random() * 4);
    await killed.kill("SIGKILL");
    await Promise.all(posts);
    await killed.start();
  }
  await ledger.delivered(mac1, 60);
  await ledger.compare(mac2);
  await expectBalanced(mac1);
  expect(ledger.accepted.size).toBeGreaterThan(kills);
  console.log(`${role}: ${kills} kills, ${ledger.accepted.size} accepted, ${ledger.unknown.size} unknown`);
}
