import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { bold, dim, green, red, yellow, type Part } from "../screen.js";
import { ends, shortfall, stateStyled } from "../states.js";
import { channelName, since, took } from "../units.js";
import type { AttemptView, MessageView } from "../views.js";

export async function run({ positionals }: CallOf<"status">, context: Context): Promise<number> {
  const message = await api.message(context.daemon(), positionals.id);
  if (context.json) context.out.json(message);
  else show(message, context);
  return 0;
}

function show(message: MessageView, { out }: Context): void {
  const { id, state, reason, attempts, receipt } = message;
  out.line(bold(id), "  ", stateStyled(state), ...said(reason));
  out.line();
  const rows: Part[][] = [
    ["subject", message.subject],
    ["from", place(message.from, message.session)],
    ["to", place(message.to, message.to_session)],
    ["type", message.type],
  ];
  if (message.reply_to !== undefined) rows.push(["answers", message.reply_to]);
  if (message.key !== undefined) rows.push(["key", message.key]);
  rows.push(["created", moment(message.created)]);
  if (message.settled !== undefined) rows.push(["settled", moment(message.settled)]);
  else rows.push(["expires", moment(message.expires)]);
  if (message.surfaced !== undefined) rows.push(["surfaced", moment(message.surfaced)]);
  rows.push([
    "receipt",
    receipt === undefined
      ? dim("none yet")
      : `${receipt.outcome}, signed by ${receipt.from}, for digest ${receipt.digest.slice(0, 16)}`,
  ]);
  out.table(
    rows.map(([name = "", value = ""]) => [dim(typeof name === "string" ? name : name.text), value]),
    "  ",
  );
  out.line();
  if (attempts.length === 0) {
    out.line(
      dim(ends.includes(state) ? "  It was never handed to a channel." : "  Not handed to a channel yet."),
    );
    return;
  }
  out.table([["channel", "outcome", "time", "reason"].map(dim), ...attempts.map(row)], "  ");
  if (!ends.includes(state) && receipt === undefined) {
    out.line();
    out.line(`  ${shortfall(state, reason)}. It goes on by itself.`);
  }
}

function row({ channel, rank, outcome, ms, reason }: AttemptView): Part[] {
  return [channelName(channel, rank), outcomeStyled(outcome), took(ms), reason ?? ""];
}

function outcomeStyled(outcome: string | undefined): Part {
  if (outcome === undefined) return yellow("under way");
  if (outcome === "delivered") return green(outcome);
  return outcome === "stored" || outcome === "woke" || outcome === "ABORTED" ? dim(outcome) : red(outcome);
}

function said(reason: string | undefined): Part[] {
  return reason === undefined || reason === "" ? [] : [`  ${reason}`];
}

function place(node: string, session: string | undefined): string {
  return session === undefined ? node : `${node}/${session}`;
}

function moment(time: string): string {
  return `${time} (${since(Date.parse(time))})`;
}
