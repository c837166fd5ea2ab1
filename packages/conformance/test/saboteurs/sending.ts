import { answerTo } from "../../src/bytes.js";
import { withHost, withLink } from "../rigs.js";
import { failure, withResult, type Row } from "./sabotage.js";

/** Channels that carry something else, elsewhere, or say so wrongly. */
export const sending: readonly Row[] = [
  [
    "send/delivers-identical-bytes",
    /65536 bytes arrive as they were sent/,
    "cuts frames off at 65,535 bytes",
    (channel) =>
      withHost(channel, (host) => ({ receive: (bytes) => host.receive(bytes.subarray(0, 65_535)) })),
  ],
  [
    "send/delivers-identical-bytes",
    /bytes arrive as they were sent/,
    "takes bytes for text",
    (channel) =>
      withHost(channel, (host) => ({
        receive: (bytes) => host.receive(Buffer.from(Buffer.from(bytes).toString())),
      })),
  ],
  [
    "send/delivers-identical-bytes",
    /bytes arrive as they were sent/,
    "takes the buffer around a frame for the frame",
    (channel) =>
      withLink(channel, ({ send }) => ({
        send: async (frame, options) => {
          const { buffer, length } = frame.bytes;
          return await send({ ...frame, bytes: new Uint8Array(buffer).subarray(0, length) }, options);
        },
      })),
  ],
  [
    "send/both-directions",
    /UNREACHABLE/,
    "sends only one way",
    (channel) =>
      withLink(channel, ({ send }, { node }) => ({
        send: async (frame, options) =>
          node === "bravo" ? failure("UNREACHABLE") : await send(frame, options),
      })),
  ],
  [
    "send/both-directions",
    /a string, not a Uint8Array/,
    "hands over text",
    (channel) =>
      withHost(channel, (host) => ({
        async receive(bytes) {
          await host.receive("a frame" as never);
          return await host.receive(bytes);
        },
      })),
  ],
  [
    "send/three-peers",
    /once more than they were sent|was handed \d of 2/,
    "sends everything to whom it first sent to",
    (channel) =>
      withLink(channel, ({ send }) => {
        let first: Parameters<typeof send>[0]["to"] | undefined;
        return {
          async send(frame, options) {
            first ??= frame.to;
            return await send({ ...frame, to: first }, options);
          },
        };
      }),
  ],
  [
    "send/effect-matches-traits",
    /the result's effect/,
    "says that it delivered what it stored",
    withResult((result) => (result.ok ? { ok: true, effect: "stores" } : result)),
  ],
  [
    "send/answer-returned",
    /the answer is the one given/,
    "drops the answer",
    withResult((result) => (result.ok ? { ok: true, effect: "delivers" } : result)),
  ],
  [
    "send/answer-returned",
    /no answer is made up/,
    "answers in the far daemon's place when that gives no answer",
    withResult((result) => (result.ok ? { answer: Uint8Array.of(1), ...result } : result)),
  ],
  [
    "send/awaits-verdict",
    /send\(\) waits/,
    "says that a frame was delivered before the far daemon has said so",
    (channel) =>
      withHost(channel, (host) => ({
        async receive(bytes) {
          void host.receive(bytes);
          return { code: "taken", answer: answerTo(bytes) };
        },
      })),
  ],
  [
    "send/again",
    /it is answered again|was handed 1 of 2/,
    "keeps its own list of what it has sent",
    (channel) =>
      withLink(channel, ({ send }) => {
        const sent = new Set<string>();
        return {
          async send(frame, options) {
            if (sent.has(frame.id)) return { ok: true, effect: "delivers" };
            sent.add(frame.id);
            return await send(frame, options);
          },
        };
      }),
  ],
  [
    "send/later-is-BUSY",
    /expected BUSY, got UNREACHABLE/,
    "takes a busy peer for a dead one",
    withResult((result) => (!result.ok && result.error.code === "BUSY" ? failure("UNREACHABLE") : result)),
  ],
  [
    "send/later-is-BUSY",
    /does not try again/,
    "tries a busy peer again by itself",
    (channel) =>
      withLink(channel, ({ send }) => ({
        async send(frame, options) {
          const result = await send(frame, options);
          return !result.ok && result.error.code === "BUSY" ? await send(frame, options) : result;
        },
      })),
  ],
  [
    "send/refused-is-REFUSED",
    /expected REFUSED/,
    "takes a refused frame for a delivered one",
    withResult((result) =>
      !result.ok && result.error.code === "REFUSED" ? { ok: true, effect: "delivers" } : result,
    ),
  ],
];
