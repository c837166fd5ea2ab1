import { watch, type FSWatcher } from "node:fs";
import type { NodeId } from "@multifleet/core";
import { detect, findGitDirectory, readGitHead, type Detected, type Facts } from "@multifleet/roster";
import { background, type NodeCounters } from "../books.js";
import type { Log } from "../log.js";

export interface OwnFactsHost {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly version: string;
  /** As the config declares them. */
  readonly capabilities: readonly string[];
  /** The channels that work to a peer, best first. */
  working(peer: NodeId): readonly string[];
  /** Something here is another than before. */
  changed(): void;
}

/** The most agent sessions that are told, and for how long after they were last active, in milliseconds. */
const mostSessions = 8;
const sessionTime = 86_400_000;

/** What this node can say of itself: what it has, where its work stands, who works on it. */
export class OwnFacts {
  readonly #host: OwnFactsHost;
  readonly #end = new AbortController();
  readonly #sessions = new Map<string, number>();
  #detected: Detected = { capabilities: [], tools: {} };
  #gitDirectory: string | undefined;
  #gitHead: string | null = null;
  #gitStale = true;
  #watcher: FSWatcher | undefined;

  constructor(host: OwnFactsHost) {
    this.#host = host;
    this.#gitDirectory = findGitDirectory(process.cwd());
    this.#follow();
    background(this.#look(), "detect", host);
  }

  facts(kept: readonly NodeId[]): Facts {
    const { version, capabilities, working } = this.#host;
    if (this.#gitStale && this.#gitDirectory !== undefined) this.#gitHead = readGitHead(this.#gitDirectory);
    this.#gitStale = false;
    const channels = kept
      .map((peer) => [peer, working(peer)] as const)
      .filter(([, names]) => names.length > 0);
    return {
      version,
      capabilities: [...new Set([...capabilities, ...this.#detected.capabilities])].toSorted(),
      tools: this.#detected.tools,
      git_head: this.#gitHead,
      sessions: this.#lately(),
      channels: Object.fromEntries(channels),
    };
  }

  /** An agent session has sent something, or read its inbox. */
  active(session: string): void {
    const [newest] = this.#lately();
    this.#sessions.delete(session);
    this.#sessions.set(session, Date.now());
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > mostSessions && oldest !== undefined) this.#sessions.delete(oldest);
    if (newest !== session) this.#host.changed();
  }

  end(): void {
    this.#end.abort();
    this.#watcher?.close();
  }

  #lately(): string[] {
    const since = Date.now() - sessionTime;
    const lately = [...this.#sessions].filter(([, at]) => at >= since);
    return lately.map(([session]) => session).toReversed();
  }

  async #look(): Promise<void> {
    const detected = await detect({ signal: this.#end.signal });
    if (this.#end.signal.aborted) return;
    this.#detected = detected;
    this.#host.changed();
  }

  /** HEAD, the index and the logs are in there, so that a commit or a checkout shows. */
  #follow(): void {
    if (this.#gitDirectory === undefined) return;
    try {
      this.#watcher = watch(this.#gitDirectory, { persistent: false });
    } catch {
      this.#host.counters.count("roster_watch_errors_total");
      return;
    }
    this.#watcher.on("change", () => {
      this.#gitStale = true;
      this.#host.changed();
    });
    this.#watcher.on("error", () => {
      this.#host.counters.count("roster_watch_errors_total");
      this.#watcher?.close();
    });
  }
}
