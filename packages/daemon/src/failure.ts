/** A start that cannot go on: one line that says what is wrong, where, and what to do. The program prints it and ends with exit code 1. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
}

/** What a thrown value says, on one line, for a log or a `reason`. */
export function explain(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = (thrown as { code?: unknown }).code;
  const text = thrown.message.split("\n", 1)[0] ?? "";
  return typeof code === "string" && !text.includes(code) ? `${code}: ${text}` : text;
}
