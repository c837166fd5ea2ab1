import type { SFTPWrapper } from "ssh2";
import { ChannelError } from "@multifleet/core";
import { said, sshError } from "./failure.js";
import { called } from "./until.js";

/** Status codes of the SFTP protocol, version 3, section 7. */
const noSuchFile = 2;
const permissionDenied = 3;
const anyFailure = 4;

/** What a server said of a file, as the cascade understands it. A full disk is only `failure` to it: then it is asked for the room left. */
export async function sftpError(error: unknown, sftp: SFTPWrapper, directory: string): Promise<ChannelError> {
  if (error instanceof ChannelError) return error;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  switch (code) {
    case noSuchFile:
      return sshError(
        "UNREACHABLE",
        `there is no seed directory at ${directory} there; a daemon makes it at its first start`,
        error,
      );
    case permissionDenied:
      return sshError("DENIED", `the server lets nobody write to ${directory}`, error);
    case anyFailure:
      if (await isFull(sftp, directory))
        return sshError("BUSY", `the disk of ${directory} there is full`, error);
      return sshError("INTERNAL", `the server cannot write to ${directory}: ${said(error)}`, error);
    default:
      // Without a status it is no word of the server's: the session ended under it, or it cannot flush.
      if (/extended request/.test(String(message)))
        return sshError(
          "DENIED",
          `the server's SFTP cannot flush files to the disk or rename them safely`,
          error,
        );
      return sshError("CLOSED", `the SFTP session ended: ${said(error)}`, error);
  }
}

/** Does something about an error that is the server's own word, and not the end of the session. */
export function whereRefused(error: unknown, note: () => void): void {
  if (error instanceof Error && "code" in error && typeof error.code === "number") note();
}

async function isFull(sftp: SFTPWrapper, directory: string): Promise<boolean> {
  try {
    const { f_bavail: blocks, f_favail: files } = await called<{ f_bavail: number; f_favail: number }>(
      (done) => sftp.ext_openssh_statvfs(directory, done as never),
    );
    return blocks < 16 || files === 0;
  } catch {
    return false;
  }
}
