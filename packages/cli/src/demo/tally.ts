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
  /** What does not balance, a line each. */
  readonly faults: readonly string[];
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
  const faults: string[] = [];
  const lines = [...inboxes].map(([to, items]): Line => {
    const sent = accepted.filter((message) => message.to === to);
    const copies = sent.map(({ id, body }) => items.filter((item) => item.id === id || item.body === body));
    const states = sent.map(({ id }) => messages.get(id)?.state);
    for (const [at, { id }] of sent.entries()) {
      const found = copies[at] ?? [];
      const state = states[at] ?? "unknown";
      if (found.length === 0) faults.push(`${id} is not in the inbox of ${to}`);
      if (found.length > 1)
        faults.push(`${id} is ${found.length} times in the inbox of ${to}: ${waysOf(found)}`);
      if (!isDelivered(state)) faults.push(`${id} to ${to} is ${state} at its sender`);
    }
    for (const { id } of items.filter((item) => !copies.some((found) => found.includes(item))))
      faults.push(`${id} is in the inbox of ${to}, and was not sent to it`);
    return {
      to,
      sent: sent.length,
      delivered: states.filter(isDelivered).length,
      inInbox: items.length,
      lost: copies.filter((found) => found.length === 0).length,
      twice: copies.filter((found) => found.length > 1).length,
    };
  });
  const sum = (of: (line: Line) => number) => lines.reduce((total, line) => total + of(line), 0);
  const byChannel: Record<string, number> = {};
  for (const { channel } of [...inboxes.values()].flat()) byChannel[channel] = (byChannel[channel] ?? 0) + 1;
  return {
    lines,
    total: {
      to: "all",
      sent: sum(({ sent }) => sent),
      delivered: sum(({ delivered }) => delivered),
      inInbox: sum(({ inInbox }) => inInbox),
      lost: sum(({ lost }) => lost),
      twice: sum(({ twice }) => twice),
    },
    byChannel,
    faults,
    fallbacks: [...messages.values()]
      .flatMap(({ attempts }) => fallbacks(attempts))
      .toSorted((one, other) => one - other),
    ok: faults.length === 0,
  };
}

const isDelivered = (state: string | undefined): boolean => state === "delivered" || state === "surfaced";

/** The channels that copies came by, in the order in which they came. */
function waysOf(copies: readonly InboxItem[]): string {
  return copies.map(({ id, channel, received }) => `${id} by ${channel} at ${received}`).join(", ");
}

/**
 * What it took, each time that a channel failed, until the next one was started: up to the one that first took the message. What comes
 * after that is no falling through: it waits for a receipt, and tries again when the receiver shows itself.
 */
export function fallbacks(attempts: readonly AttemptView[]): number[] {
  const inOrder = attempts.toSorted((a, b) => a.at - b.at);
  const taken = inOrder.findIndex(({ outcome }) => outcome === "delivered" || outcome === "stored");
  return inOrder
    .slice(0, taken < 0 ? inOrder.length : taken)
    .flatMap(({ at, ms, outcome, channel }, place) => {
      const next = inOrder[place + 1];
      if (next === undefined || ms === undefined || next.channel === channel) return [];
      // One that was ended by us failed in nothing; a hedge starts before the failure, so that nothing was waited for.
      return outcome === undefined || outcome === "ABORTED" ? [] : [Math.max(0, next.at - (at + ms))];
    });
}

/** The value that a share of the ascending `values` does not exceed. */
export function quantile(values: readonly number[], share: number): number | undefined {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
