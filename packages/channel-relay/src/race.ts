import type { Frame, NodeId, RelayAsk } from "@multifleet/core";
import type { Forwarder, Reply } from "./forwarder.js";

/** A relay and what it replied. */
export interface Ended {
  readonly relay: NodeId;
  readonly reply: Reply;
}

/**
 * Asks relays one after the other until one succeeds: the next is asked at once after a negative reply, and beside one that is silent.
 * Resolves with the first success, or with all failures in the order they came; every ask that is of no more use is aborted by then.
 */
export async function race(
  forwarder: Forwarder,
  relays: readonly NodeId[],
  frame: Frame,
  {
    ask,
    hedgeMs,
    signal,
  }: { readonly ask: RelayAsk; readonly hedgeMs: number; readonly signal: AbortSignal },
): Promise<{ readonly won?: Ended; readonly failed: readonly Ended[] }> {
  const wanted = ask === "keep" ? "stored" : "delivered";
  const limit = new AbortController();
  const failed: Ended[] = [];
  let won: Ended | undefined;
  let wake = () => {};
  const stop = () => {
    limit.abort();
    wake();
  };
  const tryOne = async (relay: NodeId): Promise<void> => {
    const reply = await forwarder.ask(relay, frame, ask, { signal: limit.signal });
    // A copy that was to be kept may turn out to be delivered already.
    if (reply.outcome === wanted || reply.outcome === "delivered") won ??= { relay, reply };
    else failed.push({ relay, reply });
    wake();
  };
  signal.addEventListener("abort", stop);
  try {
    let asked = 0;
    for (const relay of relays) {
      void tryOne(relay);
      asked++;
      let silent = false;
      const timer = setTimeout(() => {
        silent = asked < relays.length;
        wake();
      }, hedgeMs);
      const waits = () => won === undefined && failed.length < asked && !silent && !limit.signal.aborted;
      while (waits()) await new Promise<void>((resolve) => (wake = resolve));
      clearTimeout(timer);
      if (won !== undefined || limit.signal.aborted) break;
    }
    return won === undefined ? { failed } : { won, failed };
  } finally {
    signal.removeEventListener("abort", stop);
    limit.abort();
  }
}
