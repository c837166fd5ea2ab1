import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { stateStyled } from "../states.js";

export async function run({ positionals }: CallOf<"cancel">, context: Context): Promise<number> {
  const message = await api.cancel(context.daemon(), positionals.id);
  if (context.json) context.out.json(message);
  else context.out.line(message.id, "  ", stateStyled(message.state));
  if (message.state === "cancelled") return 0;
  context.err.line(`multifleet: it was too late to take it back: ${message.state}`);
  return 1;
}
