// lint: polling-ok One saboteur polls a file, which the kit has to find.
import { unwatchFile, watchFile } from "node:fs";
import { stat } from "node:fs/promises";
import { setMaxListeners } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { ChannelError, type Channel, type ChannelHost, type Link, type SendResult } from "@multifleet/core";
import { answerTo } from "../src/bytes.js";
import type { AnyRig } from "../src/rig.js";
import { directoryRig, marked, memoryRig, withHost, withLink } from "./rigs.js";

/** A channel broken on purpose. */
export interface Saboteur {
  readonly does: string;
  /** The case that must catch it, and what that says of it. */
  readonly caughtBy: string;
  readonly saying: RegExp;
  readonly rig: AnyRig;
}

type Change = (channel: Channel) => Channel;

const never = new AbortController().signal;
const hang = new Promise<never>(() => undefined);

function failure(code: ChannelError["code"]): SendResult {
  return { ok: false, error: new ChannelError(code, "sabotage") };
}

/** Breaks the results of sends. */
function withResult(change: (result: SendResult) => SendResult | Promise<SendResult>): Change {
  return (channel) =>
    withLink(channel, ({ send }) => ({
      send: async (frame, options) => await change(await send(frame, options)),
    }));
}

/** Runs `begin` when a link opens, and what that returns when it is disposed. */
function whileOpen(begin: (host: ChannelHost) => () => void): Change {
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

/** Saboteurs of memory, and of the channel that stores: [case, what it says, what the saboteur does, how]. */
type Row = readonly [caughtBy: string, saying: RegExp, does: string, change: Change];

/** What saboteurs leave behind, for the test to clear. */
export const remains = new Set<() => void>();

const ofMemory: readonly Row[] = [
  [
    "contract/shape",
    /name is a lower-case label/,
    "has a name that is no label",
    (channel) => ({ ...channel, name: "My Channel" }),
  ],
  [
    "contract/shape",
    /traits do not change/,
    "changes its traits when it opens",
    (channel) => {
      let { rank } = channel.traits;
      const opening = withLink(channel, () => ({ addresses: [String((rank = 8))] }));
      return {
        ...opening,
        get traits() {
          return { ...channel.traits, rank };
        },
      };
    },
  ],
  [
    "open/inert",
    /Timeout/,
    "arms a timer when it is made",
    (channel) => {
      const timer = setTimeout(() => undefined, 60_000);
      remains.add(() => clearTimeout(timer));
      return channel;
    },
  ],
  [
    "open/inert",
    /TCPSERVERWRAP/,
    "listens when it is made",
    (channel) => {
      const server = createServer().listen(0, "127.0.0.1");
      remains.add(() => server.close());
      return channel;
    },
  ],
  [
    "open/aborts",
    /not a ChannelError: undefined/,
    "opens although its signal has fired",
    (channel) => ({ ...channel, open: (host) => channel.open(host, { signal: never }) }),
  ],
  [
    "open/aborts",
    /not a ChannelError: AbortError/,
    "throws what the platform throws",
    (channel) => ({
      ...channel,
      async open(host, { signal }) {
        signal.throwIfAborted();
        return await channel.open(host, { signal });
      },
    }),
  ],
  [
    "open/aborts",
    /left open/,
    "leaves a server listening when opening was aborted",
    (channel) => ({
      ...channel,
      async open(host, options) {
        const server = createServer().listen(0, "127.0.0.1");
        remains.add(() => server.close());
        const link = await channel.open(host, options);
        server.close();
        return link;
      },
    }),
  ],
  [
    "open/misconfigured-code",
    /'INTERNAL'/,
    "says INTERNAL of options that can never work",
    (channel) => ({
      ...channel,
      async open(host, options) {
        try {
          return await channel.open(host, options);
        } catch (cause) {
          throw new ChannelError("INTERNAL", "sabotage", { cause });
        }
      },
    }),
  ],
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
  [
    "medium/reports-down-and-up",
    /down is reported/,
    "does not say that its medium went down",
    (channel) =>
      withHost(channel, (host) => ({ report: (event) => event.state === "up" && host.report(event) })),
  ],
  [
    "medium/reports-down-and-up",
    /up is reported/,
    "does not say that its medium is back",
    (channel) =>
      withHost(channel, (host) => ({ report: (event) => event.state === "down" && host.report(event) })),
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
    "medium/reports-down-and-up",
    /neither up nor down: flaky/,
    "reports a state that does not exist",
    (channel) =>
      withHost(channel, (host) => ({
        report(event) {
          host.report(event);
          host.report({ state: "flaky" as never });
        },
      })),
  ],
  [
    "counts/errors",
    /count\(Junk found!\): events are snake_case/,
    "counts under a name that no counter can have",
    (channel) => withHost(channel, (host) => ({ count: () => host.count("Junk found!") })),
  ],
  [
    "idle/no-polling",
    /an interval runs/,
    "looks at its medium at intervals",
    whileOpen(() => {
      // lint: polling-ok This is what the kit has to find.
      const timer = setInterval(() => undefined, 60_000);
      return () => clearInterval(timer);
    }),
  ],
  [
    "idle/no-polling",
    /armed again and again/,
    "arms its timer again whenever it fired",
    whileOpen(() => {
      let timer: NodeJS.Timeout;
      const look = () => {
        // lint: polling-ok This is what the kit has to find.
        timer = setTimeout(look, 60_000);
      };
      look();
      return () => clearTimeout(timer);
    }),
  ],
  [
    "idle/no-polling",
    /armed again and again/,
    "refreshes its timer whenever it fired",
    whileOpen(() => {
      const timer: NodeJS.Timeout = setTimeout(() => timer.refresh(), 60_000);
      return () => clearTimeout(timer);
    }),
  ],
  [
    "idle/no-polling",
    /armed again and again/,
    "reads a file, sleeps, and reads it again",
    whileOpen((host) => {
      const stop = new AbortController();
      const poll = async () => {
        // lint: polling-ok This is what the kit has to find.
        while (!stop.signal.aborted) {
          await stat(".");
          await pause(60_000, undefined, { signal: stop.signal });
        }
      };
      void poll().catch(() => host.count("poll_ended"));
      return () => stop.abort();
    }),
  ],
  [
    "idle/no-polling",
    /armed again and again/,
    "asks at every turn of the loop",
    whileOpen(() => {
      let immediate: NodeJS.Immediate;
      const look = () => {
        // lint: polling-ok This is what the kit has to find.
        immediate = setImmediate(look);
      };
      look();
      return () => clearImmediate(immediate);
    }),
  ],
  [
    "idle/no-polling",
    /a file is polled/,
    "has Node look at a file at intervals",
    whileOpen(() => {
      const look = () => undefined;
      // lint: polling-ok This is what the kit has to find.
      watchFile(import.meta.filename, look);
      return () => unwatchFile(import.meta.filename, look);
    }),
  ],
];

const ofStore: readonly Row[] = [
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

/** Where a case can only wait in vain, it need not wait long. */
const inVain = /ends|reported|settles|listeners|was handed/;
const soon = { deadlineMs: 500 };

/** Every saboteur. */
export const saboteurs: readonly Saboteur[] = [
  ...ofMemory.map(([caughtBy, saying, does, change]) => {
    const rig = { ...memoryRig(change), ...(inVain.test(saying.source) && soon) };
    return { caughtBy, saying, does, rig };
  }),
  ...ofStore.map(([caughtBy, saying, does, change]) => {
    return { caughtBy, saying, does, rig: { ...directoryRig(change), ...soon } };
  }),
  {
    caughtBy: "counts/errors",
    saying: /a counter moves/,
    does: "drops junk without a word",
    rig: { ...memoryRig(), ...soon, channel: (hub) => marked(hub as never, false) },
  },
];
