import type { NodeId } from "@multifleet/core";
import type { Attempt, MessageState, Sent } from "@multifleet/mailbox";
import type { MessageView } from "../node.js";

/** The one word for how far a message is. */
export function shownState(message: Sent): MessageState | "surfaced" {
  return message.state === "delivered" && message.surfacedAt > 0 ? "surfaced" : message.state;
}

/**
 * @param running The attempts as far as they are known, while the message is pending: newer than those kept.
 * @param trouble What went wrong last on the way to its receiver.
 */
export function messageView(
  message: Sent,
  from: NodeId,
  running: readonly Attempt[],
  trouble?: string,
): MessageView {
  const { id, type, to, subject, session, toSession, replyTo, key, reason, settledAt, surfacedAt } = message;
  const pending = message.state === "accepted" || message.state === "sent";
  const attempts = pending && running.length > 0 ? running : message.attempts;
  return {
    ...{ id, state: shownState(message), type, from, to, subject },
    ...(session === "" ? {} : { session }),
    ...(toSession === "" ? {} : { to_session: toSession }),
    ...(replyTo === "" ? {} : { reply_to: replyTo }),
    ...(key === "" ? {} : { key }),
    created: time(message.created),
    expires: time(message.expires),
    ...(settledAt > 0 ? { settled: time(settledAt) } : {}),
    ...(surfacedAt > 0 ? { surfaced: time(surfacedAt) } : {}),
    ...(pending ? { reason: waiting(attempts, trouble) } : reason === "" ? {} : { reason }),
    attempts,
    ...(message.receipt.length > 0 ? { receipt: receiptView(message) } : {}),
  };
}

function receiptView(message: Sent): NonNullable<MessageView["receipt"]> {
  return {
    from: message.to,
    outcome: message.state,
    digest: Buffer.from(message.digest).toString("hex"),
    sealed: Buffer.from(message.receipt).toString("base64"),
  };
}

/** Why a message is still waiting, in one line. */
function waiting(attempts: readonly Attempt[], trouble: string | undefined): string {
  const holder = attempts.findLast(({ outcome }) => outcome === "stored");
  if (holder !== undefined)
    return `${holder.channel} holds it${place(holder)} for the receiver, whose receipt has not come yet`;
  const last = attempts.at(-1);
  if (last === undefined)
    return trouble === undefined ? "no channel has been tried yet" : `waits for the peer; ${trouble}`;
  if (last.outcome === undefined) return `${last.channel} is being tried`;
  return `${last.channel}: ${last.outcome}${last.reason === undefined ? "" : `, ${last.reason}`}`;
}

/** Which of several stores has it, where the channel says so. */
function place({ reason }: Attempt): string {
  return reason === undefined ? "" : ` ${reason}`;
}

function time(at: number): string {
  return new Date(at).toISOString();
}
