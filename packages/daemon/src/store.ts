import { MailboxError, openMailbox, type Mailbox } from "@multifleet/mailbox";
import type { Config } from "./config.js";
import { StartFailure } from "./failure.js";
import type { Home } from "./home.js";

/** Opens the home's store for this process alone. @throws StartFailure */
export async function openStore(home: Home, config: Config): Promise<Mailbox> {
  return openMailbox({ directory: home.store });
}
