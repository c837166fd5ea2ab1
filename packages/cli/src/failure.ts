/** The command was not done, for this reason. It goes to stderr, and under `--json` to stdout as `{"error":{"code","message",...}}`. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** Stable, for programs: a problem code of the local API, or one of this program's own. */
  readonly code: string;
  /** What to do about it, one line. */
  readonly hint: string | undefined;
  /** What else the local API said, such as `limit`, `retry_after_s`, or the `id` and `state` of a message that was rejected. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { hint?: string; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** The command line itself is wrong: exit 2. */
export class Misuse extends Error {
  override readonly name = "Misuse";
  /** The command whose help is named below the message, where it is known. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.command = command;
  }
}

/** What a caught value says, for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
