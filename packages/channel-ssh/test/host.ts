import {
  fleetId,
  newPacketId,
  nodeId,
  type Channel,
  type ChannelHost,
  type Frame,
  type Link,
  type MediumEvent,
  type SendResult,
} from "@multifleet/core";

export const mac2 = nodeId("mac2");

/** The sender's daemon, as a test plays it: knows where mac2 is, and remembers what it is told. */
export class Host implements ChannelHost {
  readonly node = nodeId("mac1");
  readonly fleet = fleetId("home");
  readonly counts: string[] = [];
  readonly events: MediumEvent[] = [];
  /** Addresses of mac2, by channel. */
  readonly known: Record<string, readonly string[]>;
  #told: () => void = () => undefined;

  constructor(known: Record<string, readonly string[]>) {
    this.known = known;
  }

  receive(): Promise<never> {
    throw new Error("a channel that does not receive handed something over");
  }

  count(event: string): void {
    this.counts.push(event);
  }

  report(event: MediumEvent): void {
    this.events.push(event);
    this.#told();
  }

  addresses(to: string, channel = ""): readonly string[] {
    return to === mac2 ? (this.known[channel] ?? []) : [];
  }

  /** Resolves with the next event. */
  async next(): Promise<MediumEvent | undefined> {
    await new Promise<void>((resolve) => (this.#told = resolve));
    return this.events.at(-1);
  }
}

/** An open link from mac1, with its host. */
export interface Open extends AsyncDisposable {
  readonly link: Link;
  readonly host: Host;
  send(bytes?: Uint8Array, signal?: AbortSignal): Promise<SendResult>;
}

export async function open(channel: Channel, known: Record<string, readonly string[]>): Promise<Open> {
  const host = new Host(known);
  const link = await channel.open(host, { signal: new AbortController().signal });
  return {
    link,
    host,
    send: (bytes = frame().bytes, signal = new AbortController().signal) =>
      link.send({ ...frame(), bytes }, { signal }),
    [Symbol.asyncDispose]: () => Promise.resolve(link[Symbol.asyncDispose]()),
  };
}

let drawn = 0;

/** A frame like no other. */
export function frame(size = 512): Frame {
  drawn += 1;
  const bytes = new Uint8Array(size).fill(drawn % 256);
  new DataView(bytes.buffer).setUint32(0, drawn);
  return { id: newPacketId(Date.now()), to: mac2, bytes };
}

/** What a failed send says, or that it did not fail. */
export function fault(result: SendResult): { readonly code: string; readonly message: string } {
  if (result.ok) return { code: `ok, ${result.effect}`, message: "" };
  return { code: result.error.code, message: result.error.message };
}
