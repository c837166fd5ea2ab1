/**
 * Why a channel could not carry a frame. Closed: the cascade has an answer to each.
 *
 * | code | means | what the cascade does |
 * | --- | --- | --- |
 * | `UNREACHABLE` | refused, no route, nobody listens | next channel at once; this one is down for this peer |
 * | `TIMEOUT` | no answer in time | next channel; this one is suspect for this peer |
 * | `BUSY` | the far side asks us to come back later | next channel; this one keeps its health |
 * | `TOO_LARGE` | too large for this channel | next channel; never again this message here; keeps its health |
 * | `DENIED` | the medium refused our credentials | next channel; down until it says otherwise |
 * | `CLOSED` | the link ended under the send | next channel at once; down |
 * | `INTERNAL` | the channel broke | next channel at once; down |
 * | `REFUSED` | the far door turned the frame away, unsigned | next channel; never again this message here; keeps its health |
 * | `ABORTED` | we ended the attempt ourselves | nothing |
 * | `MISCONFIGURED` | options that cannot work; only from `open` | the channel stays closed and says why |
 *
 * No code ends a message: a carrier may lie or be mistaken, and only the receiver's signed receipt settles a send.
 */
export type ChannelErrorCode =
  | "UNREACHABLE"
  | "TIMEOUT"
  | "BUSY"
  | "TOO_LARGE"
  | "DENIED"
  | "CLOSED"
  | "INTERNAL"
  | "REFUSED"
  | "ABORTED"
  | "MISCONFIGURED";

/** All channel error codes, for tables, tests and generated docs. */
export const channelErrorCodes: readonly ChannelErrorCode[] = [
  "UNREACHABLE",
  "TIMEOUT",
  "BUSY",
  "TOO_LARGE",
  "DENIED",
  "CLOSED",
  "INTERNAL",
  "REFUSED",
  "ABORTED",
  "MISCONFIGURED",
];

/** A channel's failure. Match on `code`; `message` is for people; `cause` is what the medium's library threw. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
  readonly code: ChannelErrorCode;

  constructor(code: ChannelErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
