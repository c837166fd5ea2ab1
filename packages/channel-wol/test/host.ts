import { fleetId, nodeId, newPacketId, type ChannelHost, type Frame, type NodeId } from "@multifleet/core";

/** A daemon that knows addresses, and keeps what it is told. */
export class RecordingHost implements ChannelHost {
  readonly node: NodeId;
  readonly fleet = fleetId("home");
  readonly counted: string[] = [];
  known: Readonly<Record<string, readonly string[]>>;

  constructor(known: Readonly<Record<string, readonly string[]>> = {}, name = "mac1") {
    this.node = nodeId(name);
    this.known = known;
  }

  async receive(): Promise<never> {
    throw new Error("nothing comes in by this channel");
  }

  count(event: string): void {
    this.counted.push(event);
  }

  report(): void {
    throw new Error("this channel has no news of its medium");
  }

  addresses(to: NodeId): readonly string[] {
    return this.known[to] ?? [];
  }

  times(event: string): number {
    return this.counted.filter((each) => each === event).length;
  }
}

export function frameTo(name: string): Frame {
  return { id: newPacketId(Date.now()), to: nodeId(name), bytes: Uint8Array.of(1) };
}
