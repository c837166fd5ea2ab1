import { ChannelError, type Channel, type ChannelHost, type SendResult } from "@multifleet/core";
import { withLink } from "../rigs.js";

/** How an honest channel is broken. */
export type Change = (channel: Channel) => Channel;

/** A saboteur: the case that must catch it, what that says of it, and what it does wrong. */
export type Row = readonly [caughtBy: string, saying: RegExp, does: string, change: Change];

/** What saboteurs leave behind, for the test to clear. */
export const remains = new Set<() => void>();

/** A signal that never fires. */
export const never = new AbortController().signal;
/** What never settles. */
export const hang = new Promise<never>(() => undefined);

/** A send that failed. */
export function failure(code: ChannelError["code"]): SendResult {
  return { ok: false, error: new ChannelError(code, "sabotage") };
}

/** Breaks the results of sends. */
export function withResult(change: (result: SendResult) => SendResult | Promise<SendResult>): Change {
  return (channel) =>
    withLink(channel, ({ send }) => ({
      send: async (frame, options) => await change(await send(frame, options)),
    }));
}

/** Runs `begin` when a link opens, and what that returns when it is disposed. */
export function whileOpen(begin: (host: ChannelHost) => () => void): Change {
  return (channel) =>
    withLink(channel, (link, host) => {
      const end = begin(host);
      return {
        async [Symbol.asyncDispose]() {
          end();
          await link[Symbol.asyncDispose]();
        },
      };
    });
}
