import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** An error of this channel. */
export function sshError(code: ChannelErrorCode, message: string, cause?: unknown): ChannelError {
  return new ChannelError(code, `ssh: ${message}`, cause === undefined ? {} : { cause });
}

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string, cause?: unknown): SendResult {
  return { ok: false, error: sshError(code, message, cause) };
}

/** A send that was ended by its own signal. */
export function aborted(): SendResult {
  return failure("ABORTED", "the send was aborted");
}

/** What an unknown value that was thrown says. */
export function said(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

/** Words of another machine, safe for a log line or a terminal, and not too many. */
export function printable(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)} ...` : line;
}

const byMedium: Readonly<Record<string, ChannelErrorCode>> = {
  ECONNREFUSED: "UNREACHABLE",
  EHOSTUNREACH: "UNREACHABLE",
  ENETUNREACH: "UNREACHABLE",
  EHOSTDOWN: "UNREACHABLE",
  EADDRNOTAVAIL: "UNREACHABLE",
  ENOTFOUND: "UNREACHABLE",
  EAI_AGAIN: "UNREACHABLE",
  ECONNRESET: "CLOSED",
  EPIPE: "CLOSED",
  ETIMEDOUT: "TIMEOUT",
  "client-timeout": "TIMEOUT",
  "client-authentication": "DENIED",
};

/** What the library or the system said of a connection, as the cascade understands it. */
export function connectionError(error: unknown, what: string): ChannelError {
  if (error instanceof ChannelError) return error;
  const { code, level } = error as { readonly code?: unknown; readonly level?: unknown };
  const known = byMedium[String(code)] ?? byMedium[String(level)] ?? "INTERNAL";
  return sshError(known, `${what}: ${said(error)}`, error);
}
