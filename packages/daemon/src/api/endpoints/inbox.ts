import type { Item } from "@multifleet/mailbox";
import * as z from "zod";
import { endpoint } from "../endpoint.js";
import { byId, field, flag, limit, wholeNumber } from "../schemas.js";
import { item, viewItem } from "../views.js";

const group = "Inbox";
/** About how much text one answer carries. */
const pageBytes = 4_194_304;

/** The first items that fit one answer, at least one. */
function page(items: readonly Item[]): readonly Item[] {
  let bytes = 0;
  const end = items.findIndex((each, i) => (bytes += each.body.length) > pageBytes && i > 0);
  return end < 0 ? items : items.slice(0, end);
}

export const inbox = [
  endpoint({
    name: "fetchInbox",
    group,
    method: "POST",
    path: "/fetch",
    summary:
      "Reads now what media hold that cannot tell of news, such as a git remote on another host. What is found arrives as any other message.",
    access: "token",
    response: z.strictObject({ fetching: z.literal(true) }),
    status: 202,
    problems: [],
    handle({ node }) {
      node.fetch();
      return { fetching: true as const };
    },
  }),

  endpoint({
    name: "listInbox",
    group,
    method: "GET",
    path: "/inbox",
    summary: "Lists the items of the inbox in the order in which they may be shown.",
    access: "token",
    query: z.strictObject({
      after: wholeNumber(0, Number.MAX_SAFE_INTEGER)
        .exactOptional()
        .describe("Only items after this position."),
      session: field.exactOptional().describe("Only items for this agent session."),
      unsurfaced: flag.exactOptional().describe("`true`: only items that no agent session was given yet."),
      limit,
    }),
    response: z.strictObject({
      items: z.array(item),
      next: z
        .number()
        .exactOptional()
        .describe("Present when there may be more: the `after` that goes on from here."),
    }),
    status: 200,
    problems: [],
    handle({ node, query }) {
      const found = node.inbox(query);
      const items = page(found);
      const last = items.at(-1);
      const more = items.length < found.length || found.length === query.limit;
      return { items: items.map(viewItem), ...(more && last !== undefined && { next: last.position }) };
    },
  }),

  endpoint({
    name: "getItem",
    group,
    method: "GET",
    path: "/inbox/:id",
    summary: "Shows an item of the inbox.",
    access: "token",
    params: byId,
    response: item,
    status: 200,
    problems: ["bad_id", "unknown_item"],
    handle: ({ node, params }) => viewItem(node.item(params.id)),
  }),

  endpoint({
    name: "surfaceItem",
    group,
    method: "POST",
    path: "/inbox/:id/surfaced",
    summary: "Confirms that an agent session was given the item; its sender learns it.",
    access: "token",
    params: byId,
    response: z.strictObject({ id: z.string(), state: z.literal("surfaced") }),
    status: 200,
    problems: ["bad_id", "unknown_item", "store_failed", "disk_full"],
    handle: ({ node, params }) => node.surface(params.id),
  }),

  endpoint({
    name: "removeItem",
    group,
    method: "DELETE",
    path: "/inbox/:id",
    summary: "Forgets an item's content. The same message never comes again.",
    access: "token",
    params: byId,
    status: 204,
    problems: ["bad_id", "unknown_item", "store_failed", "disk_full"],
    handle: ({ node, params }) => node.remove(params.id),
  }),
];
