import { ChannelError, type ChannelErrorCode, type SendResult } from "@multifleet/core";

/** An error of this channel. */
export function channelError(code: ChannelErrorCode, message: string, cause?: unknown): ChannelError {
  return new ChannelError(code, `git: ${message}`, cause === undefined ? {} : { cause });
}

/** A send that failed. */
export function failure(code: ChannelErrorCode, message: string): SendResult {
  return { ok: false, error: channelError(code, message) };
}

/** Whatever was thrown, as an error of this channel. */
export function asChannelError(thrown: unknown): ChannelError {
  if (thrown instanceof ChannelError) return thrown;
  return channelError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown), thrown);
}

/** Thrown when a remote sends more than it may. */
export class Oversized extends ChannelError {
  constructor(what: string) {
    super("INTERNAL", `git: ${what}`);
  }
}

/** Thrown when what a remote sent is not what git sends. */
export class Malformed extends ChannelError {
  constructor(what: string) {
    super("INTERNAL", `git: what the remote sent is not git's: ${what}`);
  }
}

/** The code that Node gave an error, such as `ECONNREFUSED`. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}

/** What git, ssh and the hooks of remotes say, and what it means; the first that fits. */
const sayings: readonly (readonly [pattern: RegExp, code: ChannelErrorCode, remedy: string])[] = [
  [
    /host key verification failed/i,
    "DENIED",
    'its host key is not known to ssh or has changed: connect to it once by hand with "ssh", and compare the key',
  ],
  [
    /permission denied \(|too many authentication failures/i,
    "DENIED",
    "ssh found no key that it takes: add one to the ssh agent or to the ssh configuration, and to the host",
  ],
  [/no space left|disk quota exceeded|file too large/i, "BUSY", "the remote's disk is full: make room there"],
  [
    /exceeds maximum allowed size|too large|larger than|size limit|file size/i,
    "TOO_LARGE",
    "the remote takes no pushes of this size",
  ],
  [
    /dubious ownership|safe\.directory/i,
    "DENIED",
    "the repository is another user's: see safe.directory in git's documentation",
  ],
  [
    /could not resolve|connection refused|timed out|no route to host|network is unreachable|connection reset|connection closed/i,
    "UNREACHABLE",
    "",
  ],
  [
    /hook declined|unable to create temporary object directory|permission denied|read-only|insufficient permission|access denied|not allowed|write access|protected|forbidden|prohibited|denied/i,
    "DENIED",
    "the remote lets this user read only, or its hooks refuse the push: give it the right to write",
  ],
  [
    /does not appear to be a git repository|repository .*not found|no such file|not a git repository|does not exist/i,
    "UNREACHABLE",
    "no repository is there, or this user does not see it",
  ],
];

/** What a remote or a program on the way to it said, as the cascade understands it. */
export function failureOf(said: string, where: string): ChannelError {
  const text = printable(said);
  const [, code = "INTERNAL", remedy = ""] = sayings.find(([pattern]) => pattern.test(text)) ?? [];
  const hint = remedy === "" ? "" : ` (${remedy})`;
  return channelError(code, `${where}: ${text === "" ? "it ended without a word" : text}${hint}`);
}

/** A stranger's words, safe for a log line or a terminal. */
export function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, " ")
    .trim()
    .slice(0, 300);
}
