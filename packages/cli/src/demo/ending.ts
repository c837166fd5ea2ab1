import { api } from "../api.js";
import { bold, dim, green, red, type Part } from "../screen.js";
import { channelName, took } from "../units.js";
import type { InboxItem, MessageView } from "../views.js";
import { right } from "./narrator.js";
import type { Stage } from "./stage.js";
import { quantile, tally, type Tally } from "./tally.js";

/** Counts what became of everything, by the senders' states and the receivers' inboxes, and shows it. */
export async function count(stage: Stage): Promise<Tally> {
  const messages = new Map<string, MessageView>();
  for (const daemon of stage.daemons)
    for (const { id, from } of stage.accepted)
      if (from === daemon.name) messages.set(id, await api.message(daemon.access(), id));
  const inboxes = new Map<string, readonly InboxItem[]>();
  for (const daemon of stage.daemons) inboxes.set(daemon.name, await stage.inbox(daemon));
  const counted = tally(stage.accepted, messages, inboxes);
  show(counted, stage);
  return counted;
}

function show(counted: Tally, { narrator }: Stage): void {
  const { lines, total, byChannel, fallbacks, ok } = counted;
  narrator.say();
  const heads = ["", "sent", "delivered", "in the inbox", "lost", "twice"];
  const cells = heads.map((head) => Math.max(head.length, 4));
  narrator.table([
    heads.map((head, at) => dim(right(head, cells[at] ?? 0))),
    ...[...lines, total].map(({ to, sent, delivered, inInbox, lost, twice }): Part[] => [
      to === "all" ? "in all" : `to ${to}`,
      ...[sent, delivered, inInbox].map((value, at) => right(value, cells[at + 1] ?? 0)),
      ...[lost, twice].map((value, at) => (value === 0 ? green : red)(right(value, cells[at + 4] ?? 0))),
    ]),
  ]);
  narrator.say();
  const channels = Object.entries(byChannel).toSorted(([, a], [, b]) => b - a);
  narrator.table([
    [dim("arrived by"), channels.map(([name, many]) => `${channelName(name)} ${many}`).join(", ")],
    [dim("fell through"), fallThrough(fallbacks)],
  ]);
  narrator.say();
  const verdict = `${total.lost} lost, ${total.twice} twice, ${total.delivered} of ${total.sent} with the receiver's signed receipt`;
  narrator.say("    ", bold(""), ok ? green(verdict) : red(verdict));
  narrator.event("result", { ...counted, fallbacks: undefined, fallback_ms: summary(fallbacks) });
}

function fallThrough(fallbacks: readonly number[]): string {
  if (fallbacks.length === 0) return "never";
  const { p50, max } = summary(fallbacks);
  const next = (ms: number | undefined) => (ms !== undefined && ms < 1 ? "under 1 ms" : took(ms));
  return `${fallbacks.length} times; the next began after ${next(p50)} (p50), ${next(max)} (max)`;
}

function summary(fallbacks: readonly number[]) {
  return { count: fallbacks.length, p50: quantile(fallbacks, 0.5), max: fallbacks.at(-1) };
}
