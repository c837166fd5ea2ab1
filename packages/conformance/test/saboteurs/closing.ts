import { createServer } from "node:net";
import { ChannelError, type Link } from "@multifleet/core";
import { withHost, withLink } from "../rigs.js";
import { failure, hang, remains, whileOpen, withResult, type Row } from "./sabotage.js";

/** Channels that do not close, or close too much. */
export const closing: readonly Row[] = [
  [
    "close/handles",
    /TCPSERVERWRAP/,
    "leaves a server listening",
    whileOpen(() => {
      const server = createServer().listen(0, "127.0.0.1");
      remains.add(() => server.close());
      return () => undefined;
    }),
  ],
  [
    "close/handles",
    /Timeout of .*saboteurs/,
    "leaves a timer armed",
    whileOpen(() => {
      const timer = setTimeout(() => undefined, 60_000);
      remains.add(() => clearTimeout(timer));
      return () => undefined;
    }),
  ],
  [
    "close/handles",
    /an interval runs|left open/,
    "leaves an interval running that does not keep the process alive",
    whileOpen(() => {
      // lint: polling-ok This is what the kit has to find.
      const timer = setInterval(() => undefined, 60_000).unref();
      remains.add(() => clearInterval(timer));
      return () => undefined;
    }),
  ],
  [
    "close/handles",
    /left on the medium/,
    "stays on the medium",
    (channel) => withLink(channel, () => ({ [Symbol.asyncDispose]: async () => undefined })),
  ],
  [
    "close/idempotent",
    /CLOSED/,
    "closes what was opened since when it is disposed again",
    (channel) => {
      let current: Link | undefined;
      return {
        ...channel,
        async open(host, options) {
          const link = await channel.open(host, options);
          current = link;
          return { ...link, [Symbol.asyncDispose]: async () => await current?.[Symbol.asyncDispose]() };
        },
      };
    },
  ],
  [
    "close/idempotent",
    /sabotage/,
    "cannot be disposed twice",
    (channel) =>
      withLink(channel, (link) => {
        let closed = false;
        return {
          async [Symbol.asyncDispose]() {
            if (closed) throw new Error("sabotage");
            closed = true;
            await link[Symbol.asyncDispose]();
          },
        };
      }),
  ],
  [
    "close/silent",
    /receive\(\) after the link was disposed/,
    "goes on receiving when it was disposed",
    (channel) => withLink(channel, () => ({ [Symbol.asyncDispose]: async () => undefined })),
  ],
  [
    "close/silent",
    /report\(\) after the link was disposed/,
    "goes on reporting when it was disposed",
    (channel) =>
      withLink(channel, (link, host) => ({
        async [Symbol.asyncDispose]() {
          await link[Symbol.asyncDispose]();
          setImmediate(() => host.report({ state: "down" }));
        },
      })),
  ],
  [
    "close/sends-fail-CLOSED",
    /expected CLOSED, got UNREACHABLE/,
    "does not know that it is closed",
    withResult((result) => (!result.ok && result.error.code === "CLOSED" ? failure("UNREACHABLE") : result)),
  ],
  [
    "close/in-flight-ends",
    /send\(\) ends/,
    "forgets the sends under way when it is disposed",
    withResult((result) => (!result.ok && result.error.code === "CLOSED" ? hang : result)),
  ],
  [
    "close/under-a-verdict",
    /disposing a link ends/,
    "waits for ever for a verdict that came too late",
    (channel) => {
      let judging = 0;
      const counted = withHost(channel, (host) => ({
        async receive(bytes) {
          judging += 1;
          return await host.receive(bytes).finally(() => (judging -= 1));
        },
      }));
      return withLink(counted, (link) => ({
        async [Symbol.asyncDispose]() {
          if (judging > 0) await hang;
          await link[Symbol.asyncDispose]();
        },
      }));
    },
  ],
  [
    "close/closed-settles",
    /closed settles/,
    "never settles closed",
    (channel) => withLink(channel, () => ({ closed: hang })),
  ],
  [
    "close/closed-settles",
    /an open link is not closed/,
    "settles closed while it is open",
    (channel) => withLink(channel, () => ({ closed: Promise.resolve(undefined) })),
  ],
  [
    "close/closed-settles",
    /undefined/,
    "calls its own disposal a failure",
    (channel) =>
      withLink(channel, ({ closed }) => ({
        closed: closed.then(() => new ChannelError("CLOSED", "sabotage")),
      })),
  ],
  [
    "reopen/works",
    /CLOSED/,
    "is closed for good once it was closed",
    (channel) => {
      let closed = false;
      return withLink(channel, (link) => ({
        send: async (frame, options) => (closed ? failure("CLOSED") : await link.send(frame, options)),
        async [Symbol.asyncDispose]() {
          closed = true;
          await link[Symbol.asyncDispose]();
        },
      }));
    },
  ],
];
