import {
  ChannelError,
  maxPacketBytes,
  type Channel,
  type ChannelHost,
  type Frame,
  type Link,
  type SendResult,
  type Verdict,
} from "@multifleet/core";
import { Hub, type Port } from "./hub.js";

/** What {@link memory} takes. */
export interface MemoryOptions {
  /** The hub that this node shares with its peers. Without one, which no config file can name, opening says `MISCONFIGURED`. */
  readonly hub?: Hub;
}

/** A channel between the nodes of one process. */
export function memory({ hub }: MemoryOptions = {}): Channel {
  return {
    contract: 1,
    name: "memory",
    traits: { effect: "delivers", inbound: true, maxFrameBytes: maxPacketBytes, rank: 9 },
    async open(host, { signal }) {
      if (signal.aborted) throw new ChannelError("ABORTED", "opening was aborted");
      if (!(hub instanceof Hub)) throw new ChannelError("MISCONFIGURED", "channel-memory needs a hub");
      return open(hub, host);
    },
  };
}

function open(hub: Hub, host: ChannelHost): Link {
  const port: Port = { host, attempts: new Set() };
  let isOpen = true;
  let settle: () => void;
  const closed = new Promise<undefined>((resolve) => (settle = () => resolve(undefined)));
  hub.join(port);
  return {
    addresses: [],
    closed,
    reaches: (to) => hub.has(to),
    async send(frame, { signal }) {
      if (signal.aborted) return failure("ABORTED", "the send was aborted");
      if (!isOpen) return failure("CLOSED", "the link is closed");
      if (frame.bytes.length > maxPacketBytes)
        return failure("TOO_LARGE", `more than ${maxPacketBytes} bytes`);
      const far = hub.portOf(frame.to);
      if (far === undefined) return failure("UNREACHABLE", `${frame.to} is not on this hub`);
      return await attempt(port, far, frame, signal);
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      hub.leave(port);
      settle();
    },
  };
}

/** Hands a frame to the far daemon; the first of its verdict, an abort, and an end of either link decides. */
async function attempt(port: Port, far: Port, frame: Frame, signal: AbortSignal): Promise<SendResult> {
  return await new Promise((resolve) => {
    const end = (result: SendResult) => {
      port.attempts.delete(ours);
      signal.removeEventListener("abort", abort);
      resolve(result);
    };
    const ours = { to: frame.to, fail: (error: ChannelError) => end({ ok: false, error }) };
    const abort = () => end(failure("ABORTED", "the send was aborted"));
    port.attempts.add(ours);
    signal.addEventListener("abort", abort);
    // A copy, as every other medium makes one: neither side sees what the other does to its bytes.
    void far.host.receive(frame.bytes.slice()).then((verdict) => end(resultOf(verdict)));
  });
}

function resultOf(verdict: Verdict): SendResult {
  switch (verdict.code) {
    case "taken":
      return { ok: true, effect: "delivers", ...(verdict.answer && { answer: verdict.answer.slice() }) };
    case "refused":
      return failure("REFUSED", verdict.reason);
    case "later":
      return failure("BUSY", verdict.reason);
  }
}

function failure(code: ChannelError["code"], message: string): SendResult {
  return { ok: false, error: new ChannelError(code, message) };
}
