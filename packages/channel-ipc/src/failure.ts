import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string, cause?: unknown): SendResult {
  return {
    ok: false,
    error: new ChannelError(code, `ipc: ${message}`, cause === undefined ? {} : { cause }),
  };
}

/** A send that was ended by its own signal. */
export function aborted(): SendResult {
  return failure("ABORTED", "the send was aborted");
}

/** The code that Node gave an error, such as `ECONNREFUSED`. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}
