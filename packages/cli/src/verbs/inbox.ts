import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { Misuse } from "../failure.js";
import { bold, cyan, dim, type Part } from "../screen.js";
import { lines } from "../text.js";
import { channelName, since } from "../units.js";
import type { InboxItem } from "../views.js";

/** The most items that the API gives at once. */
const page = 1000;
const linesShown = 12;

export async function run({ options }: CallOf<"inbox">, context: Context): Promise<number> {
  const { session, unsurfaced, follow, fetch, take, limit } = options;
  if (fetch) await api.fetch(context.daemon());
  if (take !== undefined) {
    if (follow || session !== undefined || unsurfaced)
      throw new Misuse("--take names one item: it goes with no --session, --unsurfaced or --follow", "inbox");
    return taken(take, context);
  }
  const filter = { ...(session === undefined ? {} : { session }), ...(unsurfaced ? { unsurfaced } : {}) };
  if (follow) {
    const { followInbox } = await import("../following.js");
    return followInbox(context, filter, limit, (item) => {
      if (context.json) context.out.json(item);
      else show(item, context, linesShown);
    });
  }
  const items = await newest(context, filter, limit);
  if (context.json) context.out.json(items);
  else if (items.length === 0) context.out.line(unsurfaced ? "Nothing new." : "The inbox is empty.");
  else for (const item of items) show(item, context, linesShown);
  return 0;
}

/** Prints an item whole, and only then says that it was given to someone. */
async function taken(id: string, context: Context): Promise<number> {
  const daemon = context.daemon();
  const item = await api.item(daemon, id);
  if (context.json) context.out.json(item);
  else show(item, context, Number.POSITIVE_INFINITY);
  await api.surface(daemon, id);
  return 0;
}

/** The newest items that fit: the API tells them from the oldest on. */
export async function newest(
  context: Context,
  filter: { readonly session?: string; readonly unsurfaced?: boolean },
  limit: number,
): Promise<InboxItem[]> {
  const daemon = context.daemon();
  let items: InboxItem[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const more: Awaited<ReturnType<typeof api.inbox>> = await api.inbox(daemon, {
      ...filter,
      after,
      limit: page,
    });
    items = [...items, ...more.items].slice(-Math.max(1, limit));
    after = more.next;
  }
  return limit === 0 ? [] : items;
}

function show(item: InboxItem, { out, at }: Context, most: number): void {
  const from = item.session === undefined ? item.from : `${item.from}/${item.session}`;
  const to: Part[] = item.to_session === undefined ? [] : [dim(" for "), item.to_session];
  const what = item.reply_to === undefined ? item.type : `${item.type} to ${item.reply_to}`;
  const surfaced = item.surfaced === undefined ? cyan("new") : dim("surfaced");
  out.line(bold(item.id), "  ", surfaced);
  out.line(
    dim("from "),
    from,
    ...to,
    dim(`, ${what}, by ${channelName(item.channel)}, ${since(Date.parse(item.received))}`),
  );
  out.line("  ", bold(item.subject));
  const body = item.body === "" ? [] : lines(item.body);
  const shown = body.length > most ? body.slice(0, most - 1) : body;
  for (const line of shown) out.line(`  ${line}`.trimEnd());
  if (shown.length < body.length)
    out.line(dim(`  ... ${body.length - shown.length} more lines: multifleet inbox --take ${item.id}${at}`));
  out.line();
}
