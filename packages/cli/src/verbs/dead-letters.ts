import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { Misuse } from "../failure.js";
import { dim } from "../screen.js";
import { ends, shortfall, stateStyled } from "../states.js";
import { since } from "../units.js";

const most = 100;

export async function run({ positionals }: CallOf<"dead-letters">, context: Context): Promise<number> {
  const { action, id } = positionals;
  if (action === undefined) return list(context);
  if (id === undefined)
    throw new Misuse("dead-letters retry needs ID: which one to send again", "dead-letters");
  const answer = await api.retry(context.daemon(), id);
  if (context.json) context.out.json(answer);
  else context.out.line(answer.id, "  ", stateStyled(answer.state));
  if (!ends.includes(answer.state)) return 0;
  context.err.line(`multifleet: ${shortfall(answer.state, answer.reason)}`);
  return 1;
}

async function list(context: Context): Promise<number> {
  const { messages: letters } = await api.deadLetters(context.daemon(), most);
  const { out } = context;
  if (context.json) {
    out.json(letters);
    return 0;
  }
  if (letters.length === 0) {
    out.line("No dead letters.");
    return 0;
  }
  out.table([
    ["id", "state", "to", "when", "subject, reason"].map(dim),
    ...letters.map(({ id, state, to, settled, subject, reason }) => [
      id,
      stateStyled(state),
      to,
      settled === undefined ? "" : since(Date.parse(settled)),
      reason === undefined ? subject : `${subject}: ${reason}`,
    ]),
  ]);
  if (letters.length === most) out.line(dim(`The newest ${most}.`));
  out.line();
  out.line(`Send one again with: multifleet dead-letters retry ID${context.at}`);
  return 0;
}
