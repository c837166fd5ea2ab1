import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A peer in a process of its own. */
export class Child {
  readonly address: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, address: string) {
    this.#process = process;
    this.address = address;
  }

  /** @param program what opens a channel and calls `serve` of peer.mjs; `at` is where it listens */
  static async start(program: URL, at: string | number): Promise<Child> {
    const started = fork(fileURLToPath(program), [String(at)], { execArgv: [] });
    const [address] = await once(started, "message");
    return new Child(started, String(address));
  }

  get pid(): string {
    return String(this.#process.pid);
  }

  /** Sends it a signal; it need not have come into effect. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#process.kill(name);
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }
}
