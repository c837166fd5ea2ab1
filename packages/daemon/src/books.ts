import type { Counters } from "@multifleet/core";
import type { counterTable } from "./counters.js";
import { explain } from "./failure.js";
import type { Log } from "./log.js";

export type NodeCounters = Counters<typeof counterTable>;

/** Lets work go on beside the caller's; its failure is counted and logged, never lost. */
export function background(
  work: Promise<unknown>,
  where: string,
  books: { readonly counters: NodeCounters; readonly log: Log },
): void {
  work.catch((thrown: unknown) => {
    books.counters.count("internal_errors_total", where);
    books.log.error("background_failed", { where, reason: explain(thrown) });
  });
}
