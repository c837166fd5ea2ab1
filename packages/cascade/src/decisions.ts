import type { ChannelErrorCode } from "@multifleet/core";

/** What follows from a failed attempt, besides that the next channel is started at once. */
export interface Decision {
  /** What it says of the channel, for this peer. */
  readonly health: "down" | "suspect" | "kept";
  /** Whether the same message may try the same channel again later. */
  readonly again: boolean;
  /** Whether the packet may have left, so that the receiver may have it. */
  readonly mayHaveLeft: boolean;
}

/** One decision for each code. A code that speaks of the message leaves the channel's health alone: a poison message opens no breaker. */
export const decisions: Readonly<Record<ChannelErrorCode, Decision>> = {
  UNREACHABLE: { health: "down", again: true, mayHaveLeft: false },
  TIMEOUT: { health: "suspect", again: true, mayHaveLeft: true },
  BUSY: { health: "kept", again: true, mayHaveLeft: false },
  TOO_LARGE: { health: "kept", again: false, mayHaveLeft: false },
  DENIED: { health: "down", again: true, mayHaveLeft: false },
  CLOSED: { health: "down", again: true, mayHaveLeft: true },
  INTERNAL: { health: "down", again: true, mayHaveLeft: true },
  REFUSED: { health: "kept", again: false, mayHaveLeft: false },
  ABORTED: { health: "kept", again: true, mayHaveLeft: true },
  MISCONFIGURED: { health: "down", again: true, mayHaveLeft: false },
};
