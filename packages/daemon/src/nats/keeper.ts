import { processMark } from "@multifleet/mailbox";
import { background, type NodeCounters } from "../books.js";
import { explain } from "../failure.js";
import type { Log } from "../log.js";
import { readPrivate, removePrivate, writePrivate } from "../private-files.js";
import type { NatsFiles } from "./configuration.js";
import { LogFile } from "./log-file.js";
import { findServer } from "./program.js";
import { run, sendSignal, type Run } from "./run.js";
import type { NatsServerView } from "./view.js";

export interface KeeperHost {
  readonly files: NatsFiles;
  readonly counters: NodeCounters;
  readonly log: Log;
  /** Takes the passwords out of a line that the server wrote. */
  hide(line: string): string;
}

/** First wait before a server that died is started again, and the longest, in milliseconds; doubled each time, with full jitter. */
const firstWait = 500;
const longestWait = 30_000;

/** A server that lived so long, in milliseconds, was sound: what it dies of then is a new trouble. */
const sound = 30_000;

/** Milliseconds that a server may take until it takes connections: it reads its streams first. */
const startDeadline = 20_000;

/** Keeps a server running once it was started, until it is stopped: one that dies is started again. */
export class Keeper {
  /** Each time it takes connections. */
  onReady: () => void = () => undefined;
  state: NatsServerView["state"] = "off";
  since = Date.now();
  reason = "";
  restarts = 0;
  readonly #host: KeeperHost;
  #run: Run | undefined;
  /** Rises with each stop. */
  #lease = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: KeeperHost) {
    this.#host = host;
  }

  get pid(): number | undefined {
    return this.#run?.pid;
  }

  /** Starts it; resolves once it takes connections, has ended, or has taken too long. @throws Error when no process can be made. */
  async start(program: string): Promise<void> {
    this.#failures = 0;
    this.become("starting", "");
    await this.#start(program);
  }

  /** Ends it, and leaves it so. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#lease++;
    const ending = this.#run;
    this.#run = undefined;
    this.become("off", "");
    await ending?.stop();
  }

  become(state: NatsServerView["state"], reason: string): void {
    this.state = state;
    this.since = Date.now();
    this.reason = reason;
  }

  /** Ends a server that a daemon left behind which had no time to end it, and whose watcher was ended too. */
  endOrphan(): void {
    const { files, counters, log } = this.#host;
    const text = readPrivate(files.process);
    if (text === undefined) return;
    const left = orphanIn(text);
    if (left !== undefined && processMark(left.pid) === left.mark) {
      counters.count("nats_server_orphans_total");
      log.warn("nats_server_orphan", { pid: left.pid });
      // At once: two servers must never have the same streams open. JetStream bears it.
      sendSignal(left.pid, "SIGKILL");
    }
    removePrivate(files.process);
  }

  async #start(program: string): Promise<void> {
    const { files, counters } = this.#host;
    const lease = this.#lease;
    const started = await run(program, files.configuration, this.#logger());
    // Stopped in the meantime.
    if (lease !== this.#lease) return started.stop();
    counters.count("nats_server_starts_total");
    this.#run = started;
    const mark = processMark(started.pid);
    writePrivate(files.process, JSON.stringify({ pid: started.pid, mark }));
    const ended = started.ended.then((reason) => this.#over(started, reason));
    let deadline: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => (deadline = setTimeout(done, startDeadline)));
    await Promise.race([this.#attend(started), ended, late]);
    clearTimeout(deadline);
  }

  #logger(): (line: string) => void {
    const { files, counters, log } = this.#host;
    const file = new LogFile(files.log);
    return (line) => {
      try {
        file.write(this.#host.hide(line));
      } catch (thrown) {
        // Once is enough to be told of a full disk; how often is counted.
        if (counters.value("nats_server_log_errors_total") === 0)
          log.error("nats_server_log_failed", { reason: explain(thrown) });
        counters.count("nats_server_log_errors_total");
      }
    };
  }

  async #attend(started: Run): Promise<void> {
    await started.ready;
    if (this.#run !== started) return;
    this.become("running", "");
    this.#host.log.info("nats_server_ready", { pid: started.pid });
    this.onReady();
  }

  /** The process is gone: asked to go, or to be started again. */
  #over(over: Run, reason: string): void {
    const { files, counters, log } = this.#host;
    removePrivate(files.process);
    if (this.#run !== over) return;
    this.#run = undefined;
    counters.count("nats_server_exits_total");
    const lived = this.state === "running" ? Date.now() - this.since : 0;
    if (lived > sound) this.#failures = 0;
    const wait = Math.random() * Math.min(firstWait * 2 ** this.#failures, longestWait);
    this.#failures++;
    this.become("waiting", this.#host.hide(reason));
    log.error("nats_server_ended", { reason: this.reason, again_in_ms: Math.round(wait) });
    this.#timer = setTimeout(() => background(this.#again(), "nats", this.#host), wait);
  }

  async #again(): Promise<void> {
    this.restarts++;
    const program = findServer(process.env["PATH"]);
    if (program === undefined) {
      this.become("missing", "nats-server is no longer on the daemon's PATH");
      return;
    }
    await this.#start(program);
  }
}

function orphanIn(text: string): { readonly pid: number; readonly mark: string } | undefined {
  try {
    const { pid, mark } = JSON.parse(text) as { pid?: unknown; mark?: unknown };
    return typeof pid === "number" && pid > 1 && typeof mark === "string" ? { pid, mark } : undefined;
  } catch {
    // What cannot be read names no process, and none is ended.
    return undefined;
  }
}
