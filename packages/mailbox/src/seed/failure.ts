import { ChannelError, type ChannelErrorCode } from "@multifleet/core";

const codes: Readonly<Record<string, ChannelErrorCode>> = {
  MISSING: "UNREACHABLE",
  ENOENT: "UNREACHABLE",
  ENOTDIR: "UNREACHABLE",
  UNSAFE: "DENIED",
  EACCES: "DENIED",
  EPERM: "DENIED",
  EROFS: "DENIED",
  // There will be room again, and this machine's other channels may not need any.
  ENOSPC: "BUSY",
  EDQUOT: "BUSY",
};

/** What the file system said, as the cascade understands it. */
export function sendFailure(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const { name, code, message } = error as Error & { readonly code?: unknown };
  if (name === "AbortError")
    return new ChannelError("ABORTED", "seed: the send was aborted", { cause: error });
  const known = typeof code === "string" ? codes[code] : undefined;
  return new ChannelError(known ?? "INTERNAL", `seed: ${message}`, { cause: error });
}

/** The same for `open`, which knows fewer codes. */
export function openFailure(error: unknown): ChannelError {
  const failure = sendFailure(error);
  if (failure.code !== "BUSY") return failure;
  return new ChannelError("INTERNAL", failure.message, { cause: error });
}
