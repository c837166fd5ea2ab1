import { cases } from "./cases/index.js";
import type { Case } from "./case.js";
import type { AnyRig, Rig } from "./rig.js";
import { onMedium } from "./world.js";

/** The `test` of a runner: vitest's, node:test's, or any with the same two ways to call it. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  skip(name: string, run: () => Promise<void>): unknown;
}

/** What {@link testChannel} takes. */
export interface SuiteOptions<Medium> {
  /** The runner's `test`. The kit imports no runner. */
  readonly test: TestFunction;
  readonly rig: Rig<Medium>;
  /**
   * Cases that this channel is known to fail, by id, each with the reason. Such a case must fail: once it passes, the suite
   * fails, so that the entry is removed.
   */
  readonly knownFailures?: Readonly<Record<string, string>>;
}

/**
 * Defines one test for each promise of a channel, on the rig's real medium. Skips are decided by the traits and by what
 * the rig can do, and say so in their name.
 *
 * @throws TypeError when `knownFailures` names a case that does not exist or does not apply.
 */
export function testChannel<Medium>({ test, rig, knownFailures = {} }: SuiteOptions<Medium>): void {
  for (const id of Object.keys(knownFailures)) {
    const known = cases.find((each) => each.id === id);
    if (known === undefined) throw new TypeError(`knownFailures: no case is called ${id}`);
    const reason = known.skip?.(rig);
    if (reason !== undefined) throw new TypeError(`knownFailures: ${id} is skipped: ${reason}`);
  }
  for (const each of cases) {
    const name = `${each.id}: ${each.holds}`;
    const reason = each.skip?.(rig);
    const known = knownFailures[each.id];
    if (reason !== undefined) test.skip(`${name} (skipped: ${reason})`, () => runCase(each, rig));
    else if (known === undefined) test(name, () => runCase(each, rig));
    else test(`${name} (known to fail: ${known})`, () => mustFail(each, rig));
  }
}

/** Runs one case on a fresh medium. Rejects when the channel breaks its promise. */
export async function runCase(each: Case, rig: AnyRig): Promise<void> {
  await onMedium(rig, (world) => each.run(world));
}

async function mustFail(each: Case, rig: AnyRig): Promise<void> {
  let broken: unknown;
  try {
    await runCase(each, rig);
  } catch (error) {
    broken = error;
  }
  if (broken === undefined) throw new Error(`${each.id} has healed: remove it from knownFailures`);
}
