import type { FleetNode, MessageView } from "../node.js";
import { durationMs } from "./schemas.js";

/** Waits for a message as `?wait=` and `?timeout=` ask, or as long as the client stays. Tells the state of the moment it ends. */
export async function waitFor(
  node: FleetNode,
  id: string,
  wait: "delivered" | "surfaced" | "settled",
  timeout: string,
  signal: AbortSignal,
): Promise<MessageView> {
  if (signal.aborted) return node.message(id);
  const over = new AbortController();
  const end = () => over.abort();
  const deadline = setTimeout(end, durationMs(timeout));
  signal.addEventListener("abort", end, { once: true });
  try {
    return await node.wait(id, wait, over.signal);
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener("abort", end);
  }
}
