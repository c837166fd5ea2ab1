import { spawn } from "node:child_process";
import { sshError } from "./failure.js";

/** What a program came to. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const maxOutput = 1_024 * 1_024;
const timeout = 5_000;

/**
 * Runs one of OpenSSH's own programs: a fixed list of arguments, no shell, nothing on its input. @throws ChannelError `UNREACHABLE` where it is
 * not installed, `TIMEOUT` where it does not end within 5 s, `ABORTED`, `INTERNAL`
 */
export async function run(program: string, args: readonly string[], signal: AbortSignal): Promise<Ran> {
  if (signal.aborted) throw sshError("ABORTED", "the link was closed");
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    const output = { out: "", err: "" };
    let why: Error | undefined;
    const end = (error: Error) => {
      why ??= error;
      child.kill("SIGKILL");
    };
    const take = (name: "out" | "err") => (chunk: string) => {
      output[name] += chunk;
      if (output[name].length > maxOutput) end(sshError("INTERNAL", `${program} says more than fits`));
    };
    child.stdout.setEncoding("utf8").on("data", take("out"));
    child.stderr.setEncoding("utf8").on("data", take("err"));
    const abort = () => end(sshError("ABORTED", "the link was closed"));
    signal.addEventListener("abort", abort, { once: true });
    const timer = setTimeout(
      () => end(sshError("TIMEOUT", `${program} did not end within ${timeout / 1_000} s`)),
      timeout,
    );
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      settle();
      reject(error.code === "ENOENT" ? missing(program, error) : sshError("INTERNAL", error.message, error));
    });
    child.on("close", (code) => {
      settle();
      if (why === undefined) resolve({ code, ...output });
      else reject(why);
    });
  });
}

function missing(program: string, cause: unknown) {
  const remedy: Partial<Record<NodeJS.Platform, string>> = {
    win32: "Add-WindowsCapability -Online -Name OpenSSH.Client",
    darwin: "xcode-select --install",
  };
  const command = remedy[process.platform] ?? "apt-get install openssh-client";
  return sshError(
    "UNREACHABLE",
    `${program} is not on the PATH, and it reads the ssh configuration; install it with: ${command}`,
    cause,
  );
}
