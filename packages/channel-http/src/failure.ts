import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string, cause?: unknown): SendResult {
  return {
    ok: false,
    error: new ChannelError(code, `http: ${message}`, cause === undefined ? {} : { cause }),
  };
}

/** A send that was ended by its own signal. */
export function aborted(): SendResult {
  return failure("ABORTED", "the send was aborted");
}

/** The code that Node or undici gave an error, such as `ECONNREFUSED`. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}

/** undici's codes for an end that was our own doing: idle for too long, aborted, told by the peer to close, or disposed. */
const ownDoing: ReadonlySet<string> = new Set(["UND_ERR_INFO", "UND_ERR_DESTROYED", "UND_ERR_CLOSED"]);

/** Whether a connection ended for no reason of ours. */
export function isLoss(error: unknown): boolean {
  return !ownDoing.has(codeOf(error));
}

/** Codes of a connection that ended under a request. */
const ends: ReadonlySet<string> = new Set([
  ...ownDoing,
  "UND_ERR_SOCKET",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
]);

/** What a request that got no answer means. `sent`: whether it had reached a connection at all. */
export function failureOfRequest(error: unknown, sent: boolean): SendResult {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (ends.has(code) && (sent || !isLoss(error)))
    return failure("CLOSED", `the connection ended: ${message}`, error);
  if (!sent) return failure("UNREACHABLE", `no connection: ${message || code}`, error);
  return failure("INTERNAL", `not an answer: ${message}`, error);
}

/** What a status other than 200 means for a request of `frames` frames. */
export function failureOfStatus(status: number, frames: number): SendResult {
  // A proxy may turn away a batch where it would pass each frame.
  if (status === 413 && frames === 1) return failure("TOO_LARGE", "the peer answered 413");
  if (status === 413 || status === 429 || status === 503)
    return failure("BUSY", `the peer answered ${status}: come back later`);
  if (status === 401 || status === 403) return failure("DENIED", `the peer answered ${status}`);
  return failure("INTERNAL", `the peer answered ${status}`);
}

/** Why a listener could not be had, and what to do about it. */
export function failureToListen(error: Error, host: string, port: number): ChannelError {
  const cause = { cause: error };
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return new ChannelError(
        "MISCONFIGURED",
        `http: port ${port} on ${host} is in use: end the program that has it, or set another "port"`,
        cause,
      );
    case "EACCES":
      return new ChannelError(
        "MISCONFIGURED",
        `http: port ${port} needs more rights: set one above 1023`,
        cause,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ChannelError(
        "MISCONFIGURED",
        `http: ${host} is no address of this machine: set another "host"`,
        cause,
      );
    default:
      return new ChannelError(
        "INTERNAL",
        `http: cannot listen on ${host} port ${port}: ${error.message}`,
        cause,
      );
  }
}
