import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { burstAndKill, converse, cutHttp, killReceiver, meet } from "../demo/acts.js";
import { count } from "../demo/ending.js";
import { Narrator } from "../demo/narrator.js";
import { Interrupted, patience } from "../demo/patience.js";
import { Stage } from "../demo/stage.js";
import { stay } from "../demo/staying.js";
import { Failure } from "../failure.js";
import { bold, dim } from "../screen.js";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export async function run({ options }: CallOf<"demo">, context: Context): Promise<number> {
  const narrator = new Narrator(context.out, context.json);
  const ending = new AbortController();
  const stage = await Stage.make(narrator, patience(ending.signal));
  const end = () => {
    // Who asks twice means at once.
    if (ending.signal.aborted) process.exit(130);
    ending.abort();
  };
  for (const signal of signals) process.on(signal, end);
  // However this process ends, its daemons do not stay.
  const abandon = () => stage.abandon();
  process.on("exit", abandon);
  try {
    return await play(stage, !options.once && context.out.isTerminal && !context.json, ending.signal);
  } finally {
    await stage[Symbol.asyncDispose]();
    for (const home of stage.occupied())
      context.err.line(
        `multifleet: a daemon that you started still uses ${home}; remove it when that has ended`,
      );
    process.off("exit", abandon);
    for (const signal of signals) process.off(signal, end);
  }
}

async function play(stage: Stage, stays: boolean, signal: AbortSignal): Promise<number> {
  const { narrator } = stage;
  const began = performance.now();
  try {
    narrator.say(bold("Multi-Fleet: three nodes on this machine, and what becomes of their messages"));
    narrator.say();
    await meet(stage);
    await converse(stage);
    await cutHttp(stage);
    await killReceiver(stage);
    await burstAndKill(stage);
    const { ok, faults } = await count(stage);
    narrator.say(dim(`    ${((performance.now() - began) / 1000).toFixed(1)} s`));
    if (!ok) throw new Failure("demo_failed", `the books do not balance: ${faults.slice(0, 5).join("; ")}`);
    if (stays) {
      await stay(stage, signal);
      narrator.say("Ending the daemons ...");
    }
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Failure("interrupted", "interrupted: the demo's nodes are ended, their homes removed", {
      cause: error,
    });
  }
}
