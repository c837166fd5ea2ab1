import type { AttemptView, InboxItem, MessageView } from "../views.js";

/** A message that its sender's daemon has accepted. */
export interface Accepted {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Its body, which no other message of the demo has. */
  readonly body: string;
}

/** What became of the messages to one node. */
export interface Line {
  readonly to: string;
  readonly sent: number;
  /** At their senders, in state delivered or surfaced. */
  readonly delivered: number;
  readonly inInbox: number;
  readonly lost: number;
  readonly twice: number;
}

/** The demo's books, made from what senders and receivers themselves say. */
export interface Tally {
  readonly lines: readonly Line[];
  readonly total: Line;
  /** How many items of the inboxes came by each channel. */
  readonly byChannel: Readonly<Record<string, number>>;
  /** Milliseconds from an attempt's failure to the next one's start, ascending. */
  readonly fallbacks: readonly number[];
  /** Nothing lost, nothing twice, nothing without a receipt, and nothing in an inbox that nobody sent. */
  readonly ok: boolean;
}

/**
 * Counts. A message is lost where the receiver's inbox does not have it, and twice where it has it more than once, under whatever id:
 * bodies are compared, too.
 *
 * @param messages How each accepted message stands at its sender
 * @param inboxes By node, the whole of its inbox
 */
export function tally(
  accepted: readonly Accepted[],
  messages: ReadonlyMap<string, MessageView>,
  inboxes: ReadonlyMap<string, readonly InboxItem[]>,
): Tally {
  const lines = [...inboxes].map(([to, items]): Line => {
    const sent = accepted.filter((message) => message.to === to);
    const copies = sent.map(
      ({ id, body }) => items.filter((item) => item.id === id || item.body === body).length,
    );
    const states = sent.map(({ id }) => messages.get(id)?.state);
    return {
      to,
      sent: sent.length,
      delivered: states.filter((state) => state === "delivered" || state === "surfaced").length,
      inInbox: items.length,
      lost: copies.filter((count) => count === 0).length,
      twice: copies.filter((count) => count > 1).length,
    };
  });
  const sum = (of: (line: Line) => number) => lines.reduce((total, line) => total + of(line), 0);
  const total: Line = {
    to: "all",
    sent: accepted.length,
    delivered: sum(({ delivered }) => delivered),
    inInbox: sum(({ inInbox }) => inInbox),
    lost: sum(({ lost }) => lost),
    twice: sum(({ twice }) => twice),
  };
  const byChannel: Record<string, number> = {};
  for (const { channel } of [...inboxes.values()].flat()) byChannel[channel] = (byChannel[channel] ?? 0) + 1;
  return {
    lines,
    total,
    byChannel,
    fallbacks: [...messages.values()]
      .flatMap(({ attempts }) => fallbacks(attempts))
      .toSorted((a, b) => a - b),
    ok:
      total.lost === 0 && total.twice === 0 && total.delivered === total.sent && total.inInbox === total.sent,
  };
}

/** What it took, each time that a channel failed, until the next one was started. */
export function fallbacks(attempts: readonly AttemptView[]): number[] {
  const inOrder = attempts.toSorted((a, b) => a.at - b.at);
  return inOrder.flatMap(({ at, ms, outcome, channel }, place) => {
    const next = inOrder[place + 1];
    if (next === undefined || ms === undefined || next.channel === channel) return [];
    const failed = outcome !== undefined && !["delivered", "stored", "woke", "ABORTED"].includes(outcome);
    // A hedge starts before the failure: then nothing was waited for.
    return failed ? [Math.max(0, next.at - (at + ms))] : [];
  });
}

/** The value that a share of the ascending `values` does not exceed. */
export function quantile(values: readonly number[], share: number): number | undefined {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
