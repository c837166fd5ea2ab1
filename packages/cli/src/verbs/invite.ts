import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { bold, dim } from "../screen.js";
import { count, since } from "../units.js";

export async function run({ options }: CallOf<"invite">, context: Context): Promise<number> {
  const { uses, expires, lan } = options;
  const invitation = await api.invite(context.daemon(), { uses, expires, lan });
  const { out, err } = context;
  if (context.json) {
    out.json(invitation);
    return 0;
  }
  out.line(bold(invitation.code));
  // The code alone is on stdout, so that a program can take it; what a person is to do is beside it.
  err.line();
  err.line("On the other machine, where `npx multifleet-daemon` runs:");
  err.line("  npx multifleet join CODE --node NAME");
  err.line(
    dim(
      `Good for ${count(invitation.uses, "machine")}, ends ${since(Date.parse(invitation.expires))}. It is a secret.`,
    ),
  );
  if (invitation.addresses.length > 0) err.line(dim(`It leads to ${invitation.addresses.join(", ")}.`));
  if (invitation.note !== undefined) err.line(invitation.note);
  return 0;
}
