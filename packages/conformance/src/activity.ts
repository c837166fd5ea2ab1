import { AsyncLocalStorage, createHook } from "node:async_hooks";
import assert from "node:assert/strict";
import { armedBy } from "./armed-by.js";
import { Clocks, Timer } from "./timer.js";

/** What a channel may hold of the operating system. Each tells at once when it is closed, not when it is collected. */
const handles = new Set([
  "TCPWRAP",
  "TCPSERVERWRAP",
  "PIPEWRAP",
  "PIPESERVERWRAP",
  "UDPWRAP",
  "TTYWRAP",
  "PROCESSWRAP",
  "FSEVENTWRAP",
  "STATWATCHER",
  "SIGNALWRAP",
  "MESSAGEPORT",
  "FILEHANDLE",
]);
/** Work under way: timers, and requests to the file system, to name servers, to other programs. */
const underWay = /^(Timeout|Immediate)$|REQ/;

/** When nothing new has begun for so many ms, all is at rest. */
const quietMs = 25;
/** Node tells that a handle is closed a few turns of the loop later: so many ms are plenty, on a busy machine too. */
const closingMs = 500;
/** A channel at rest runs out of timers long before so many have fired. */
const endless = 1_000;

interface Resource {
  readonly type: string;
  readonly held: object;
  /** The timer that it is, and the file and line that armed it. */
  readonly timer?: Timer;
  readonly origin?: string;
}

/**
 * What code run through it starts: handles, timers, requests. It follows the calls and their consequences, so the test
 * runner's own sockets and timers do not count; neither do timers that Node arms for itself, nor the kit's deadlines.
 */
export class Activity {
  readonly #within = new AsyncLocalStorage<true>();
  readonly #live = new Map<number, Resource>();
  readonly #begun: string[] = [];
  readonly #keepAliveMs: number | undefined;
  readonly #init = (id: number, type: string, trigger: number, held: object) =>
    this.#started(id, type, trigger, held);
  readonly #hook = createHook({
    init: this.#init,
    before: (id) => this.#fired(id),
    destroy: (id) => this.#ended(id),
  });
  #onStart: (resource: Resource) => void = () => undefined;
  #onFire: (resource: Resource) => void = () => undefined;
  #onEnd: () => void = () => undefined;

  /** Timers of exactly `keepAliveMs` are left alone. */
  constructor(keepAliveMs?: number) {
    this.#keepAliveMs = keepAliveMs;
  }

  /** Runs `body` and watches what it starts, until it ends. */
  async watch<T>(body: () => Promise<T>): Promise<T> {
    this.#hook.enable();
    try {
      return await this.#within.run(true, body);
    } finally {
      this.#hook.disable();
    }
  }

  /** Passes when nothing was started at all. */
  async checkInert(): Promise<void> {
    await this.#settled();
    assert.deepEqual(this.#begun, [], "what has been started");
  }

  /** Passes when all handles are closed, and no timer is left that keeps the process alive or never ends. */
  async checkClosed(): Promise<void> {
    await this.#settled();
    const open = () => [...this.#live.values()].filter(isOpen).map(nameOf);
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, closingMs);
      this.#onEnd = () => {
        if (open().length > 0) return;
        clearTimeout(late);
        resolve();
      };
      this.#onEnd();
    });
    this.#onEnd = () => undefined;
    assert.deepEqual(open(), [], "what is left open");
    await this.checkRest();
  }

  /**
   * Passes when nothing goes on by itself. Time is made to run: every armed timer fires after 1 ms, whatever its delay, and
   * the clocks show that delay as passed. Deadlines and leases then run out; what polls arms its timer for ever.
   */
  async checkRest(): Promise<void> {
    const clocks = new Clocks();
    try {
      await new Promise<void>((resolve, reject) => {
        const quiet = setTimeout(resolve, quietMs);
        const fail = (what: string, resource: Resource) => reject(new Error(`${what}: ${nameOf(resource)}`));
        let fired = 0;
        this.#onFire = (resource) => {
          quiet.refresh();
          fired += 1;
          if (fired > endless) fail("a timer is armed again and again", resource);
        };
        this.#onStart = (resource) => {
          quiet.refresh();
          if (resource.type === "STATWATCHER") fail("a file is polled", resource);
          const { timer } = resource;
          if (timer?.isInterval === true) return fail("an interval runs", resource);
          if (timer === undefined) return;
          clocks.pass(timer.ms);
          timer.ms = 1;
        };
        for (const resource of this.#live.values()) {
          this.#onStart(resource);
          if (resource.timer?.isInterval === false) resource.timer.refresh();
        }
      });
    } finally {
      this.#onStart = this.#onFire = () => undefined;
      clocks.restore();
    }
  }

  /** Resolves once nothing has begun for a while: some things begin a few turns of the loop after they were asked for. */
  async #settled(): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const quiet = setTimeout(resolve, quietMs);
      late = setTimeout(resolve, 10 * quietMs);
      this.#onStart = () => quiet.refresh();
    });
    clearTimeout(late);
    this.#onStart = () => undefined;
  }

  #started(id: number, type: string, trigger: number, held: object): void {
    if (!handles.has(type) && !underWay.test(type)) return;
    if (this.#within.getStore() !== true && !this.#follows(type, trigger)) return;
    let resource: Resource = { type, held };
    if (type === "Timeout" || type === "Immediate") {
      const origin = armedBy(this.#init);
      if (origin === undefined) return;
      resource = { type, held, origin };
    }
    if (type === "Timeout") {
      const timer = new Timer(held);
      if (timer.ms === this.#keepAliveMs) return;
      resource = { ...resource, timer };
    }
    this.#live.set(id, resource);
    this.#begun.push(nameOf(resource));
    this.#onStart(resource);
  }

  /** Whether something made outside of any context comes from what is known. */
  #follows(type: string, trigger: number): boolean {
    // An accepted connection names its server; an opened file names nothing, but the request for it is still there.
    if (type !== "FILEHANDLE") return this.#live.has(trigger);
    return [...this.#live.values()].some((resource) => resource.type === "FSREQPROMISE");
  }

  #fired(id: number): void {
    const resource = this.#live.get(id);
    if (resource?.origin !== undefined) this.#onFire(resource);
  }

  #ended(id: number): void {
    if (this.#live.delete(id)) this.#onEnd();
  }
}

function isOpen({ type, held, timer }: Resource): boolean {
  if (timer !== undefined) return timer.isRef || timer.isInterval;
  // A closed file is forgotten only when it is collected; until then its number is negative.
  if (type === "FILEHANDLE") return Number(Reflect.get(held, "fd")) >= 0;
  return handles.has(type);
}

function nameOf({ type, origin }: Resource): string {
  return origin === undefined ? type : `${type} of ${origin}`;
}
