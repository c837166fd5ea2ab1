import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string, cause?: unknown): SendResult {
  return {
    ok: false,
    error: new ChannelError(code, `wol: ${message}`, cause === undefined ? {} : { cause }),
  };
}

/** A send that was ended by its own signal. */
export function aborted(): SendResult {
  return failure("ABORTED", "the send was aborted");
}
