import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** A failure of this channel, in the words of the contract. */
export function fault(code: ChannelErrorCode, message: string, cause?: unknown): ChannelError {
  return new ChannelError(code, `discord: ${message}`, cause === undefined ? {} : { cause });
}

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string, cause?: unknown): SendResult {
  return { ok: false, error: fault(code, message, cause) };
}

/** The code that Node gave an error, such as `ECONNREFUSED`. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}

/** Codes of a connection that ended under a request. */
const ends: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** What a request that got no answer means. */
export function faultOfRequest(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const code = codeOf(error);
  const message = error instanceof Error && error.message !== "" ? error.message : code;
  if (ends.has(code)) return fault("CLOSED", `the connection ended: ${message}`, error);
  return fault("UNREACHABLE", `no answer from Discord: ${message}`, error);
}

/** What an answer other than success means. `code` is Discord's own, where it gave one. */
export function faultOfStatus(status: number, code: unknown, text: string, cause?: unknown): ChannelError {
  const said = `Discord answered ${status}${typeof code === "number" && code > 0 ? `, code ${code}` : ""}: ${printable(text)}`;
  if (status === 401) return fault("DENIED", `${said}. The token is not valid, or not any more`, cause);
  if (status === 403) return fault("DENIED", `${said}. The bot lacks a permission in the channel`, cause);
  if (status === 404) return fault("DENIED", `${said}. The channel is gone, or the bot cannot see it`, cause);
  if (status === 413 || code === 40_005) return fault("TOO_LARGE", said, cause);
  if (status === 429) return fault("BUSY", said, cause);
  if (status >= 500) return fault("UNREACHABLE", said, cause);
  return fault("INTERNAL", said, cause);
}

/** A stranger's words, safe for a log line or a terminal. */
function printable(text: string): string {
  return text.slice(0, 200).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, " ");
}
