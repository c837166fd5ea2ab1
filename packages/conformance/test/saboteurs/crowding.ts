import { type SendResult } from "@multifleet/core";
import { withHost, withLink } from "../rigs.js";
import { type Row } from "./sabotage.js";

/** Channels that mix frames up, or whose memory is whose. */
export const crowding: readonly Row[] = [
  [
    "send/concurrent",
    /each frame gets its own answer/,
    "gives two frames that are under way at once each other's answers",
    (channel) =>
      withLink(channel, ({ send }) => {
        let held: ((result: SendResult) => void) | undefined;
        let underWay = 0;
        return {
          async send(frame, options) {
            underWay += 1;
            const result = await send(frame, options);
            underWay -= 1;
            if (held === undefined && underWay === 0) return result;
            return await new Promise((resolve) => {
              held?.(result);
              held = resolve;
              if (underWay === 0) resolve(result);
            });
          },
        };
      }),
  ],
  [
    "send/concurrent",
    /once more than they were sent/,
    "sends a frame twice when much is under way",
    (channel) =>
      withLink(channel, ({ send }) => {
        let underWay = 0;
        return {
          async send(frame, options) {
            underWay += 1;
            if (underWay === 50) await send(frame, options);
            return await send(frame, options).finally(() => (underWay -= 1));
          },
        };
      }),
  ],
  [
    "send/does-not-mutate-bytes",
    /the frame's bytes are unchanged/,
    "encodes a frame in the sender's own memory",
    (channel) =>
      withLink(channel, ({ send }) => ({
        async send(frame, options) {
          const sending = send(frame, options);
          frame.bytes.fill(0, 0, 1);
          frame.bytes.fill(1, 1, 2);
          return await sending;
        },
      })),
  ],
  [
    "send/does-not-mutate-bytes",
    /read only|Cannot assign/,
    "puts its own bytes into the sender's frame",
    (channel) =>
      withLink(channel, ({ send }) => ({
        send: async (frame, options) => await send(Object.assign(frame, { bytes: frame.bytes }), options),
      })),
  ],
  [
    "receive/does-not-retain",
    /bytes that bravo was handed changed afterwards/,
    "receives every frame into the same memory",
    (channel) =>
      withHost(channel, (host) => {
        const memory = new Uint8Array(100_000);
        return {
          async receive(bytes) {
            memory.set(bytes);
            return await host.receive(memory.subarray(0, bytes.length));
          },
        };
      }),
  ],
  [
    "receive/many-senders",
    /own answer|was handed/,
    "joins frames that arrive together into one",
    (channel) =>
      withHost(channel, (host) => {
        let current: ReturnType<typeof host.receive> | undefined;
        return { receive: (bytes) => (current ??= host.receive(bytes).finally(() => (current = undefined))) };
      }),
  ],
  [
    "receive/host-slow",
    /own answer|was handed/,
    "drops frames while more than twenty wait for the daemon",
    (channel) =>
      withHost(channel, (host) => {
        let waiting = 0;
        return {
          async receive(bytes) {
            if (waiting > 20) return { code: "taken" };
            waiting += 1;
            return await host.receive(bytes).finally(() => (waiting -= 1));
          },
        };
      }),
  ],
];
