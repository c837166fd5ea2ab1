import { ChannelError } from "@multifleet/core";
import { channelError } from "./failure.js";
import { Session, type Connection } from "./session.js";

/** What ends an exchange from outside. */
export interface Bounds {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * Opens a session, uses it and closes it, whatever happens.
 *
 * @param wanted Which refs are of interest.
 * @throws ChannelError, `ABORTED` when the signal fired and `TIMEOUT` when it took too long.
 */
export async function exchange<Result>(
  connection: Connection,
  wanted: (ref: string) => boolean,
  { signal, timeoutMs }: Bounds,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  let isLate = false;
  const end = () => void connection.close();
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  signal.addEventListener("abort", end);
  try {
    signal.throwIfAborted();
    return await use(await Session.open(connection, wanted));
  } catch (error) {
    if (signal.aborted) throw channelError("ABORTED", "the exchange was aborted", error);
    if (isLate) throw channelError("TIMEOUT", `${connection.where} took more than ${timeoutMs} ms`, error);
    throw error instanceof ChannelError ? error : await connection.fault();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    await connection.close();
  }
}
