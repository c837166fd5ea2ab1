import { maxPacketBytes } from "@multifleet/core";
import { isSnowflake } from "./options.js";

/**
 * The largest attachment, in bytes: a frame, and what age adds to it (a header of some 200 bytes, and 16 for every 64 KiB). Discord takes ten times as much
 * from every bot.
 */
export const maxAttachmentBytes = maxPacketBytes + 8_192;

/** A message of ours in the channel, as Discord tells of it. */
export interface Post {
  readonly id: string;
  readonly author: string;
  readonly tag: string;
  /** What hangs on it: undefined where that is not exactly one file of a size that a frame can have. */
  readonly file: { readonly url: string; readonly size: number } | undefined;
}

const mark = "Multi-Fleet packet, removed by its receiver: ";
const content = new RegExp(`^${mark}([0-9a-f]{32})$`);

/** Flag of a message that nobody's phone rings for. */
const suppressNotifications = 1 << 12;

/** What people read in the channel: what this is, and for whom in a form that only the receiver knows. */
export function contentOf(tag: string): string {
  return mark + tag;
}

/** The body of a request that posts `file`. */
export function formOf(tag: string, file: Uint8Array): FormData {
  const form = new FormData();
  const message = {
    content: contentOf(tag),
    flags: suppressNotifications,
    allowed_mentions: { parse: [] },
    attachments: [{ id: 0, filename: "packet.age" }],
  };
  form.set("payload_json", JSON.stringify(message));
  form.set("files[0]", new Blob([file], { type: "application/octet-stream" }), "packet.age");
  return form;
}

/** The id of the message that Discord says it stored. */
export function idIn(answer: unknown): string | undefined {
  const id = field(answer, "id");
  return isSnowflake(id) ? id : undefined;
}

/** Reads a message; undefined for everything that is not one of ours in `channel`, such as what people say there. */
export function readPost(message: unknown, channel: string): Post | undefined {
  const [id, text] = [field(message, "id"), field(message, "content")];
  if (!isSnowflake(id) || typeof text !== "string" || field(message, "channel_id") !== channel)
    return undefined;
  const tag = content.exec(text)?.[1];
  if (tag === undefined) return undefined;
  const author = String(field(field(message, "author"), "id"));
  return { id, author, tag, file: fileOf(field(message, "attachments")) };
}

function fileOf(attachments: unknown): Post["file"] {
  if (!Array.isArray(attachments) || attachments.length !== 1) return undefined;
  const [url, size] = [field(attachments[0], "url"), field(attachments[0], "size")];
  if (typeof url !== "string" || url.length > 2_048 || !Number.isSafeInteger(size)) return undefined;
  if (Number(size) < 1 || Number(size) > maxAttachmentBytes) return undefined;
  return { url, size: Number(size) };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
