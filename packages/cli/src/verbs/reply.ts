import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { send } from "../sending.js";
import { bodyOf } from "../stdin.js";
import { inert } from "../text.js";

const longest = 1024;

export async function run({ positionals, options }: CallOf<"reply">, context: Context): Promise<number> {
  const item = await api.item(context.daemon(), positionals.id);
  const body = await bodyOf(positionals.body, context, "reply");
  // It answers as the session that was asked, unless another is named.
  const session = options.session ?? item.to_session;
  const request = {
    type: "reply",
    payload: { subject: options.subject ?? repeated(item.subject), body },
    replyTo: positionals.id,
    ...(session === undefined ? {} : { session }),
  };
  return send(context, request, options);
}

function repeated(subject: string): string {
  const text = inert(subject);
  const whole = /^re: /i.test(text) ? text : `Re: ${text}`;
  // A subject has its limit; half a character at the cut is left out.
  const bytes = Buffer.from(whole);
  return bytes.length <= longest
    ? whole
    : bytes
        .subarray(0, longest)
        .toString("utf8")
        .replace(/\ufffd$/, "");
}
