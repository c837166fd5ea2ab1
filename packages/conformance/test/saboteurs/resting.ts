// lint: polling-ok One saboteur polls a file, which the kit has to find.
import { unwatchFile, watchFile } from "node:fs";
import { stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { withHost } from "../rigs.js";
import { whileOpen, type Row } from "./sabotage.js";

/** Channels that say nothing of their medium, or too much, or never rest. */
export const resting: readonly Row[] = [
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
