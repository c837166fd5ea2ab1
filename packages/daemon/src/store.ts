import { InUseError, MailboxError, openMailbox, type Mailbox } from "@multifleet/mailbox";
import type { NodeCounters } from "./books.js";
import type { Config } from "./config.js";
import { StartFailure } from "./failure.js";
import type { Home } from "./home.js";
import type { Log } from "./log.js";

/** Opens the home's store for this process alone. @throws StartFailure */
export async function openStore(
  home: Home,
  config: Config,
  books: { readonly counters: NodeCounters; readonly log: Log; onShown(): void },
): Promise<Mailbox> {
  const { pending, bytes } = config.limits ?? {};
  try {
    return await openMailbox({
      directory: home.store,
      about: `multifleet-daemon on ${home.directory}`,
      limits: {
        ...(pending === undefined ? {} : { messages: pending }),
        ...(bytes === undefined ? {} : { bytes }),
      },
      onShown: () => books.onShown(),
      onError: ({ code, message }) => books.log.error("store_failed", { code, reason: message }),
    });
  } catch (thrown) {
    if (!(thrown instanceof MailboxError)) throw thrown;
    if (thrown instanceof InUseError) {
      throw new StartFailure(
        `a daemon is running on ${home.directory} already (process ${thrown.pid}). Use it, end it, or give another home with --home.`,
        { cause: thrown },
      );
    }
    throw new StartFailure(thrown.message, { cause: thrown });
  }
}
