import { fleetId, type ChannelHost, type MediumEvent, type NodeId, type Verdict } from "@multifleet/core";
import { answerTo } from "./bytes.js";

/** A frame as the channel handed it over: the very array, and what was in it then. */
export interface Arrival {
  readonly given: Uint8Array;
  readonly copy: Uint8Array;
}

/** The daemon as the kit plays it: takes every frame unless told otherwise, and remembers all that a channel said. */
export class Host implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleetId("conformance");
  readonly arrivals: Arrival[] = [];
  readonly events: MediumEvent[] = [];
  readonly counts = new Map<string, number>();
  /** What the channel did that no channel may do. Not thrown at it: a channel might catch that. */
  readonly complaints: string[] = [];
  /** Whether the link is disposed: every word is then one too many. */
  isGone = false;
  /** What this daemon says of a frame. */
  judge: (bytes: Uint8Array) => Verdict | Promise<Verdict> = take;
  readonly #addresses: (to: NodeId) => readonly string[];
  readonly #waiting = new Set<() => void>();

  constructor(node: NodeId, addresses: (to: NodeId) => readonly string[]) {
    this.node = node;
    this.#addresses = addresses;
  }

  async receive(bytes: Uint8Array): Promise<Verdict> {
    if (this.isGone) this.complaints.push("receive() after the link was disposed");
    if (!(bytes instanceof Uint8Array)) {
      this.complaints.push(`receive() was given a ${typeof bytes}, not a Uint8Array`);
      return { code: "refused", reason: "not bytes" };
    }
    this.arrivals.push({ given: bytes, copy: bytes.slice() });
    this.#tell();
    return await this.judge(bytes);
  }

  count(event: string): void {
    if (!/^[a-z][a-z0-9_]*$/.test(event)) this.complaints.push(`count(${event}): events are snake_case`);
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    this.#tell();
  }

  report(event: MediumEvent): void {
    if (event.state !== "up" && event.state !== "down")
      this.complaints.push(`report(): neither up nor down: ${String(event.state)}`);
    if (this.isGone) this.complaints.push("report() after the link was disposed");
    this.events.push(event);
    this.#tell();
  }

  /** Those that the node's link told; of other channels the kit knows none. */
  addresses(to: NodeId, channel?: string): readonly string[] {
    return channel === undefined ? this.#addresses(to) : [];
  }

  /** Resolves when `condition` holds, looking at each word of the channel. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  #tell(): void {
    for (const look of this.#waiting) look();
  }
}

/** A daemon's plain yes, with an answer to carry back. */
export function take(bytes: Uint8Array): Verdict {
  return { code: "taken", answer: answerTo(bytes) };
}

/** What keeps a daemon silent until a case lets it speak: so a frame is held in flight. */
export class Gate {
  readonly #opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.#opened = new Promise((resolve) => (this.open = resolve));
  }

  /** A `judge` that waits for this gate before it says `verdict`. */
  before(verdict: (bytes: Uint8Array) => Verdict): (bytes: Uint8Array) => Promise<Verdict> {
    return async (bytes) => {
      await this.#opened;
      return verdict(bytes);
    };
  }
}
