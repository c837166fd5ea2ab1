import {
  ChannelError,
  type ChannelErrorCode,
  type ChannelHost,
  type Frame,
  type Link,
  type NodeId,
  type RelayAsk,
  type SendResult,
} from "@multifleet/core";
import type { Forwarder } from "./forwarder.js";
import type { Settings } from "./options.js";
import { race, type Ended } from "./race.js";

/** What an open channel is made of. */
export interface LinkParts {
  readonly host: ChannelHost;
  readonly forwarder: Forwarder;
  readonly settings: Settings;
  readonly ask: RelayAsk;
  readonly maxFrameBytes: number;
}

/** Opens the way through other nodes. */
export function openLink(parts: LinkParts): Link {
  const { host, forwarder } = parts;
  const underWay = new Set<(error: ChannelError) => void>();
  let isOpen = true;
  let settle: () => void;
  const closed = new Promise<undefined>((resolve) => (settle = () => resolve(undefined)));
  const unwatch = forwarder.watch((event) => host.report(event));
  return {
    addresses: [],
    closed,
    reaches: (to) => isOpen && forwarder.reaches(to),
    send(frame, { signal }) {
      const refusal = check(parts, frame, isOpen, signal);
      return refusal === undefined ? carry(parts, frame, signal, underWay) : Promise.resolve(refusal);
    },
    status: () => ({ under_way: underWay.size }),
    [Symbol.asyncDispose]() {
      if (!isOpen) return Promise.resolve();
      isOpen = false;
      unwatch();
      for (const end of underWay) end(new ChannelError("CLOSED", "the link was closed"));
      settle();
      return Promise.resolve();
    },
  };
}

function check(
  { maxFrameBytes, forwarder }: LinkParts,
  frame: Frame,
  isOpen: boolean,
  signal: AbortSignal,
): SendResult | undefined {
  if (signal.aborted) return failure("ABORTED", "the send was aborted");
  if (!isOpen) return failure("CLOSED", "the link is closed");
  if (frame.bytes.length > maxFrameBytes) return failure("TOO_LARGE", `more than ${maxFrameBytes} bytes`);
  if (!forwarder.reaches(frame.to))
    return failure("UNREACHABLE", `no node is known to pass on to ${frame.to}`);
  return undefined;
}

/** Asks the relays; the first of their word, an abort and the end of the link decides. */
async function carry(
  { host, forwarder, settings, ask }: LinkParts,
  frame: Frame,
  signal: AbortSignal,
  underWay: Set<(error: ChannelError) => void>,
): Promise<SendResult> {
  const limit = new AbortController();
  let reason = new ChannelError("ABORTED", "the send was aborted");
  const end = (error: ChannelError) => {
    reason = error;
    limit.abort();
  };
  const abort = () => limit.abort();
  underWay.add(end);
  signal.addEventListener("abort", abort);
  try {
    const relays = forwarder.candidates(frame.to).slice(0, settings.candidates);
    if (relays.length === 0) return failure("UNREACHABLE", `no node is known to pass on to ${frame.to}`);
    const ended = new Promise<undefined>((resolve) => {
      limit.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    const { hedgeMs } = settings;
    const outcome = await Promise.race([
      ended,
      race(forwarder, relays, frame, { ask, hedgeMs, signal: limit.signal }),
    ]);
    if (limit.signal.aborted || outcome === undefined) return { ok: false, error: reason };
    for (const { reply } of outcome.failed) host.count(`relay_${reply.outcome}`);
    return outcome.won === undefined ? failureOf(frame.to, outcome.failed) : success(outcome.won);
  } finally {
    underWay.delete(end);
    signal.removeEventListener("abort", abort);
  }
}

function success({ relay, reply }: Ended): SendResult {
  if (reply.outcome === "stored") return { ok: true, effect: "stores", path: `at ${relay}` };
  const path = `through ${relay}${reply.beyond === "" ? "" : ` and ${reply.beyond}`}`;
  const { answer } = reply;
  return { ok: true, effect: "delivers", path, ...(answer.length === 0 ? {} : { answer }) };
}

/** What is best known of the far node decides; that a relay passes nothing on says nothing of it, so that another may be asked. */
const codes: readonly (readonly [Reply: Ended["reply"]["outcome"], ChannelErrorCode])[] = [
  ["later", "BUSY"],
  ["turned_away", "REFUSED"],
  ["busy", "BUSY"],
];

function failureOf(to: NodeId, failed: readonly Ended[]): SendResult {
  const said = failed.map(({ relay, reply }) => {
    const why = reply.reason === "" ? "" : ` (${reply.reason.replaceAll("_", " ")})`;
    return `${relay}: ${reply.outcome}${why}`;
  });
  const code = codes.find(([outcome]) => failed.some(({ reply }) => reply.outcome === outcome))?.[1];
  return failure(code ?? "UNREACHABLE", `${to} through ${said.join(", ")}`);
}

function failure(code: ChannelErrorCode, message: string): SendResult {
  return { ok: false, error: new ChannelError(code, message) };
}
