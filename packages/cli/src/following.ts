import { api } from "./api.js";
import type { Context } from "./context.js";
import { follow } from "./events.js";
import { Failure } from "./failure.js";
import { readRunning } from "./home.js";
import { untilRunning } from "./running.js";
import { newest } from "./verbs/inbox.js";
import type { InboxItem } from "./views.js";

interface Filter {
  readonly session?: string;
  readonly unsurfaced?: boolean;
}

/**
 * Gives the newest items, then each that comes in, until the process is ended. An event only says that there is something to read:
 * what is read begins behind the last item that was given, so nothing is missed or given twice, over restarts of the daemon too.
 */
export async function followInbox(
  context: Context,
  filter: Filter,
  limit: number,
  give: (item: InboxItem) => void,
): Promise<number> {
  let last: { position: number } | undefined;
  let lastEvent: string | undefined;

  /** Follows one daemon to its end. */
  async function followOne(): Promise<void> {
    const daemon = context.daemon();
    const stream = await follow(daemon, lastEvent);
    try {
      if (last === undefined) {
        // The end first: what comes in between is then among the items.
        const [end] = await newest(context, {}, 1);
        const items = await newest(context, filter, limit);
        for (const item of items) give(item);
        last = { position: Math.max(end?.position ?? 0, items.at(-1)?.position ?? 0) };
      }
      await catchUp();
      for await (const event of stream) {
        if (event.id !== "") lastEvent = event.id;
        if (event.type === "inbox" || event.type === "lost") await catchUp();
      }
    } finally {
      stream.close();
    }
  }

  async function catchUp(): Promise<void> {
    const from = last ?? { position: 0 };
    last = from;
    for (let more = true; more;) {
      const { items, next } = await api.inbox(context.daemon(), {
        ...filter,
        after: from.position,
        limit: 100,
      });
      for (const item of items) {
        give(item);
        from.position = item.position;
      }
      more = next !== undefined;
    }
  }

  for (;;) {
    const before = readRunning(context.home);
    try {
      await followOne();
    } catch (error) {
      // The first time it is an answer to the command; later, the daemon that we followed is away for a while.
      if (last === undefined || !(error instanceof Failure) || !passing.has(error.code)) throw error;
    }
    context.err.line("multifleet: the daemon ended; this goes on when it is back");
    await untilRunning(context.home, ({ started }) => started !== before?.started).found;
  }
}

/** What a daemon that ends or starts may answer with. */
const passing = new Set(["not_running", "connection_lost", "shutting_down", "no_token"]);
