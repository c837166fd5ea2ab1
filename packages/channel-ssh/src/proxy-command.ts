import { spawn } from "node:child_process";
import { Duplex } from "node:stream";

/**
 * Runs the user's own `ProxyCommand` and speaks through it, by the user's shell as ssh does. What stands in it is the user's; the names that
 * were put into it are of an allow list of characters. It ends with the stream.
 */
export function runProxyCommand(command: string): { readonly stream: Duplex; readonly gone: Promise<void> } {
  const child = spawn("/bin/sh", ["-c", `exec ${command}`], {
    stdio: ["pipe", "pipe", "ignore"],
    // A group of its own: some of these commands are pipelines.
    detached: true,
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const gone = new Promise<void>((resolve) => {
    child.on("exit", () => resolve());
    child.on("error", (error) => {
      stream.destroy(error);
      if (child.pid === undefined) resolve();
    });
  });
  stream.on("close", () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      // It ended this moment.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  });
  return { stream, gone };
}
