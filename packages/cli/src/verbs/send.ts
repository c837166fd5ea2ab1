import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { send } from "../sending.js";
import { bodyOf } from "../stdin.js";

export async function run({ positionals, options }: CallOf<"send">, context: Context): Promise<number> {
  // The daemon first: nobody should type a long text for one that is not there.
  context.daemon();
  const body = await bodyOf(positionals.body, context, "send");
  const { id, type, session, key, expires, via, "reply-to": replyTo } = options;
  const request = {
    type,
    to: positionals.to,
    payload: { subject: positionals.subject, body },
    ...(id === undefined ? {} : { id }),
    ...(session === undefined ? {} : { session }),
    ...(key === undefined ? {} : { key }),
    ...(expires === undefined ? {} : { expires }),
    ...(via === undefined ? {} : { via }),
    ...(replyTo === undefined ? {} : { replyTo }),
  };
  return send(context, request, options);
}
