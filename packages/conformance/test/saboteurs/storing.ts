import { withHost, withLink } from "../rigs.js";
import { failure, type Row } from "./sabotage.js";

/** Channels that store, and lose or keep too much. */
export const storing: readonly Row[] = [
  [
    "send/again",
    /INTERNAL/,
    "cannot store a frame that it has stored before",
    (channel) =>
      withLink(channel, ({ send }) => {
        const sent = new Set<string>();
        return {
          async send(frame, options) {
            if (sent.has(frame.id)) return failure("INTERNAL");
            sent.add(frame.id);
            return await send(frame, options);
          },
        };
      }),
  ],
  [
    "receive/waiting",
    /was handed 0 of 1/,
    "sees only what is stored while it is open",
    (channel) => ({
      ...channel,
      async open(host, options) {
        let opened = false;
        const late = withHost(channel, (inner) => ({
          receive: async (bytes) => (opened ? await inner.receive(bytes) : { code: "later", reason: "" }),
        }));
        const link = await late.open(host, options);
        // What was waiting is read within a few turns of the loop.
        setTimeout(() => (opened = true), 50);
        return link;
      },
    }),
  ],
  [
    "receive/later-stays",
    /was handed 1 of 2/,
    "throws away what the daemon could not take now",
    (channel) =>
      withHost(channel, (host) => ({
        async receive(bytes) {
          const verdict = await host.receive(bytes);
          return verdict.code === "later" ? { code: "refused", reason: verdict.reason } : verdict;
        },
      })),
  ],
  [
    "receive/settled-once",
    /once more than they were sent|was handed/,
    "leaves in its store what the daemon refused",
    (channel) =>
      withHost(channel, (host) => ({
        async receive(bytes) {
          const verdict = await host.receive(bytes);
          return verdict.code === "refused" ? { code: "later", reason: verdict.reason } : verdict;
        },
      })),
  ],
];
