import {
  isField,
  isNodeId,
  isPacketId,
  maxBodyBytes,
  maxFieldBytes,
  maxSubjectBytes,
} from "@multifleet/core";
import * as z from "zod";
import { capabilityForm } from "../config.js";

const controls = /[\p{Cc}\u2028\u2029]/u;

export const packetId = z
  .string()
  .refine(isPacketId, "must be 1 to 64 of A-Z, a-z, 0-9, _ and -, beginning with a letter or a digit")
  .describe("1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`, beginning with a letter or a digit.");

export const nodeName = z.string().refine(isNodeId, "must be 1 to 63 of a-z, 0-9 and inner hyphens");

/** A session's name or an ordering key. */
export const field = z
  .string()
  .min(1)
  .refine(isField, `must be at most ${maxFieldBytes} bytes of text without control characters`);

export const recipient = z.string().refine((text) => {
  if (text === "all") return true;
  if (text.startsWith("@")) return capabilityForm.test(text.slice(1));
  const slash = text.indexOf("/");
  if (slash < 0) return isNodeId(text);
  const session = text.slice(slash + 1);
  return isNodeId(text.slice(0, slash)) && session !== "" && isField(session);
}, "must be a node's name, NODE/SESSION, @CAPABILITY, or all");

export const subject = z
  .string()
  .refine(
    (text) => !controls.test(text) && Buffer.byteLength(text) <= maxSubjectBytes,
    `must be one line of at most ${maxSubjectBytes} bytes without control characters`,
  )
  .describe(`One line, at most ${maxSubjectBytes} bytes.`);

export const bodyText = z.string().describe(`Any text, at most ${maxBodyBytes} bytes of UTF-8.`);

/** How long a message lives: its form only. What it comes to is for the node to say. */
export const lifetime = z
  .string()
  .regex(
    /^(?:\d{1,9}(?:s|m|h|d)|\d{4}-\d\d-\d\d[Tt].{5,30})$/,
    "must be like 90s, 1h, 7d or an RFC 3339 time",
  );

/** A whole number in a query, which carries only text. */
export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(least).max(most));

export const flag = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .pipe(z.boolean());

export const limit = wholeNumber(1, 1_000).default(100).describe("The most entries to answer.");

export const byId = z.strictObject({ id: packetId });

const milliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `?wait=` and `?timeout=`, where a message can be waited for. */
export const waiting = z.strictObject({
  wait: z
    .enum(["delivered", "surfaced", "settled"])
    .exactOptional()
    .describe(
      "Answer only once the message is in this state or beyond, or has ended otherwise, or the time is over.",
    ),
  timeout: z
    .string()
    .regex(/^\d{1,6}(?:ms|s|m|h)$/, "must be like 500ms, 30s or 2m")
    .refine((text) => durationMs(text) <= 3_600_000, "must be at most 1h")
    .default("30s")
    .describe("How long to wait; the answer then tells the state of that moment."),
});

/** The milliseconds of a duration such as `30s`. */
export function durationMs(text: string): number {
  const [, count = "", unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(count) * (milliseconds[unit as keyof typeof milliseconds] ?? Number.NaN);
}
