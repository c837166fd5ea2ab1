import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** An error of this channel. */
export function natsError(code: ChannelErrorCode, message: string, cause?: unknown): ChannelError {
  return new ChannelError(code, `nats: ${message}`, cause === undefined ? {} : { cause });
}

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string, cause?: unknown): SendResult {
  return { ok: false, error: natsError(code, message, cause) };
}

/** What was thrown, as a result. */
export function failed(thrown: unknown): SendResult {
  return { ok: false, error: asChannelError(thrown) };
}

/** What was thrown, as the cascade understands it. */
export function asChannelError(thrown: unknown): ChannelError {
  return thrown instanceof ChannelError ? thrown : natsError("INTERNAL", messageOf(thrown), thrown);
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error && thrown.message !== "" ? thrown.message : codeOf(thrown);
}

/** The code that Node or the NATS client gave an error. */
export function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.message;
}

/** The client's codes for a login that the server turned down. */
const turnedDown: ReadonlySet<string> = new Set([
  "AUTHORIZATION_VIOLATION",
  "AUTHENTICATION_EXPIRED",
  "ACCOUNT_EXPIRED",
  "BAD_AUTHENTICATION",
  "PERMISSIONS_VIOLATION",
]);

/** Why no connection came about. What the client says holds no secret: it never sees one in its errors. */
export function failureToConnect(thrown: unknown, where: string): ChannelError {
  if (thrown instanceof ChannelError) return thrown;
  const code = codeOf(thrown);
  if (turnedDown.has(code))
    return natsError("DENIED", `${where} refused this login: ${messageOf(thrown)}`, thrown);
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code))
    return natsError(
      "DENIED",
      `no trusted TLS connection to ${where}: ${messageOf(thrown)} (${code})`,
      thrown,
    );
  return natsError("UNREACHABLE", `no connection to ${where}: ${messageOf(thrown)}`, thrown);
}
