import { setMaxListeners } from "node:events";
import { type SendResult } from "@multifleet/core";
import { withLink } from "../rigs.js";
import { failure, hang, never, withResult, type Row } from "./sabotage.js";

/** Channels that do not stop when they should, or lose sight of a peer. */
export const stopping: readonly Row[] = [
  [
    "send/aborts",
    /send\(\) ends/,
    "does not listen to its signal",
    (channel) =>
      withLink(channel, ({ send }) => ({
        send: async (frame, { signal }) => await send(frame, { signal: signal.aborted ? signal : never }),
      })),
  ],
  [
    "send/aborts",
    /expected ABORTED, got CLOSED/,
    "says CLOSED of a send that we ended",
    withResult((result) => (!result.ok && result.error.code === "ABORTED" ? failure("CLOSED") : result)),
  ],
  [
    "send/aborts",
    /later frames get their own answers/,
    "gives the answer to an aborted frame to the next one",
    (channel) =>
      withLink(channel, ({ send }) => {
        const waiting: ((result: SendResult) => void)[] = [];
        return {
          send: (frame, { signal }) =>
            new Promise((resolve) => {
              if (signal.aborted) return resolve(failure("ABORTED"));
              waiting.push(resolve);
              signal.addEventListener("abort", () => {
                waiting.splice(waiting.indexOf(resolve), 1);
                resolve(failure("ABORTED"));
              });
              void send(frame, { signal: never }).then((result) => waiting.shift()?.(result));
            }),
        };
      }),
  ],
  [
    "send/aborted-before",
    /once more than they were sent/,
    "carries a frame first and looks at its signal then",
    (channel) =>
      withLink(channel, ({ send }) => ({
        async send(frame, { signal }) {
          const result = await send(frame, { signal: never });
          return signal.aborted ? failure("ABORTED") : result;
        },
      })),
  ],
  [
    "send/lets-go-of-signal",
    /the last of 20 listeners/,
    "never stops listening to a signal",
    (channel) =>
      withLink(channel, ({ send }) => ({
        async send(frame, options) {
          setMaxListeners(0, options.signal);
          options.signal.addEventListener("abort", () => undefined);
          return await send(frame, options);
        },
      })),
  ],
  [
    "send/too-large",
    /says it succeeded; expected TOO_LARGE/,
    "carries what fits of a frame that is too large",
    (channel) =>
      withLink(channel, ({ send }) => ({
        send: async (frame, options) =>
          await send({ ...frame, bytes: frame.bytes.subarray(0, channel.traits.maxFrameBytes) }, options),
      })),
  ],
  [
    "send/too-large",
    /once more than they were sent/,
    "says TOO_LARGE of a frame after it has put some of it on the medium",
    (channel) =>
      withLink(channel, ({ send }) => ({
        async send(frame, options) {
          if (frame.bytes.length > channel.traits.maxFrameBytes)
            await send({ ...frame, bytes: frame.bytes.subarray(0, 1_000) }, options);
          return await send(frame, options);
        },
      })),
  ],
  [
    "send/unreachable",
    /send\(\) ends/,
    "waits for a peer that is gone",
    withResult((result) =>
      !result.ok && ["UNREACHABLE", "CLOSED"].includes(result.error.code) ? hang : result,
    ),
  ],
  [
    "send/unreachable",
    /says it succeeded/,
    "keeps a frame for a peer that is gone, and calls it delivered",
    withResult((result) =>
      !result.ok && result.error.code === "UNREACHABLE" ? { ok: true, effect: "delivers" } : result,
    ),
  ],
  [
    "send/unknown-peer",
    /it reaches a stranger/,
    "claims to reach everybody",
    (channel) => withLink(channel, () => ({ reaches: () => true })),
  ],
  [
    "send/unknown-peer",
    /it reaches a peer/,
    "claims to reach nobody",
    (channel) => withLink(channel, () => ({ reaches: () => false })),
  ],
  [
    "send/unknown-peer",
    /expected UNREACHABLE, got INTERNAL/,
    "breaks on a name that it does not know",
    (channel) =>
      withLink(channel, ({ send, reaches }) => ({
        send: async (frame, options) =>
          reaches(frame.to) ? await send(frame, options) : failure("INTERNAL"),
      })),
  ],
  [
    "send/never-rejects",
    /sabotage/,
    "rejects where a peer is gone",
    withResult((result) => {
      if (!result.ok && result.error.code === "UNREACHABLE") throw new Error("sabotage");
      return result;
    }),
  ],
  [
    "send/never-rejects",
    /not a ChannelError/,
    "fails with an error of its own kind",
    withResult((result) =>
      result.ok
        ? result
        : { ok: false, error: Object.assign(new TypeError("sabotage"), { code: "EPIPE" }) as never },
    ),
  ],
];
