import type { ServerResponse } from "node:http";
import type { EventSource, NodeEvent } from "../node.js";
import { fixedHeaders } from "./respond.js";

/**
 * Writes a node's events to a client until either goes away, as server-sent events. Nothing is queued for it: a client that reads
 * slowly gets what the node still holds whenever its connection drains, and an event `lost` when some of it is gone by then. One whose
 * connection does not drain for a whole keep-alive period is cut off, and can resume with Last-Event-ID.
 *
 * The keep-alive timer runs from one write to the next and only while a client is here: without traffic neither side would ever learn
 * that the other is gone, and what forwards the connection would forget it.
 *
 * @param after The last event that the client has seen; it begins with the next. Without it, with what happens from now on.
 * @param options.onCut Called when it is cut off.
 */
export function streamEvents(
  response: ServerResponse,
  events: EventSource,
  after: number | undefined,
  options: { readonly signal: AbortSignal; readonly keepAliveMs: number; onCut(): void },
): void {
  let cursor = after ?? events.last;
  let full = false;

  const write = (text: string) => {
    full = !response.write(text);
    keepAlive.refresh();
  };

  const keepAlive = setTimeout(() => {
    if (full) {
      options.onCut();
      response.destroy();
    } else write(": keep-alive\n\n");
  }, options.keepAliveMs);

  const pump = () => {
    if (full || cursor === events.last) return;
    const held = events.since(cursor) ?? [];
    if (held.length === 0) {
      const notice = { after: cursor, resumed_after: events.last };
      cursor = events.last;
      write(`event: lost\nid: ${cursor}\ndata: ${JSON.stringify(notice)}\n\n`);
    }
    for (const event of held) {
      cursor = event.id;
      write(frame(event));
      if (full) return;
    }
  };

  const unsubscribe = events.subscribe(pump);
  const end = () => response.end();
  options.signal.addEventListener("abort", end, { once: true });
  response.on("drain", () => {
    full = false;
    pump();
  });
  response.on("close", () => {
    clearTimeout(keepAlive);
    unsubscribe();
    options.signal.removeEventListener("abort", end);
  });

  response.writeHead(200, { ...fixedHeaders, "content-type": "text/event-stream" });
  write("retry: 1000\n\n");
  pump();
  if (options.signal.aborted) end();
}

function frame({ id, type, at, data }: NodeEvent): string {
  return `event: ${type}\nid: ${id}\ndata: ${JSON.stringify({ at, ...data })}\n\n`;
}
