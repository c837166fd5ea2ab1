import { ChannelError, type ChannelErrorCode } from "@multifleet/core";

/** What went wrong with a terminal. Nothing secret goes into the message. */
export function failed(code: ChannelErrorCode, message: string, cause?: unknown): ChannelError {
  return new ChannelError(code, `superset: ${message}`, cause === undefined ? {} : { cause });
}

/** Another's words, safe for a log line or a terminal. */
export function printable(text: unknown): string {
  const shown = typeof text === "string" ? text : (JSON.stringify(text) ?? "nothing");
  return shown.slice(0, 256).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}
