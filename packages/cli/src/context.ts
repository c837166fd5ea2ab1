import type { Readable } from "node:stream";
import type { Access } from "./home.js";
import type { Screen } from "./screen.js";

/** Standard input, and whether it is a terminal. */
export type Input = Readable & { readonly isTTY?: boolean; readonly fd?: number };

/** What a command works with beside its own arguments. */
export interface Context {
  readonly home: string;
  /** What a printed command needs to mean this home: ` --home DIR` where that was given, or nothing. */
  readonly at: string;
  readonly env: NodeJS.ProcessEnv;
  /** Opened when it is first asked for. */
  stdin(): Input;
  readonly out: Screen;
  readonly err: Screen;
  readonly json: boolean;
  /** The running daemon. @throws Failure `not_running` */
  daemon(): Access;
}

/** Waits for `work`; where that takes longer than a second, says on a terminal what for. */
export async function during<Value>(context: Context, what: string, work: Promise<Value>): Promise<Value> {
  let clear = () => {};
  const timer = setTimeout(() => (clear = context.err.passing(`${what} ...`)), 1000);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    clear();
  }
}
