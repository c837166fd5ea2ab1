/** Where a node writes what happens to it: one event name in snake_case and its facts. Never a key, a token or a message's text. */
export interface Log {
  info(event: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(event: string, facts?: Readonly<Record<string, unknown>>): void;
  error(event: string, facts?: Readonly<Record<string, unknown>>): void;
}

const levels = ["error", "warn", "info", "silent"] as const;

/** How much is logged, as `MULTIFLEET_LOG` says it. */
export type LogLevel = (typeof levels)[number];

export function isLogLevel(text: string): text is LogLevel {
  return (levels as readonly string[]).includes(text);
}

/** Logs as one JSON object a line. */
export function jsonLog(write: (line: string) => void, level: LogLevel): Log {
  const enabled = level === "silent" ? [] : levels.slice(0, levels.indexOf(level) + 1);
  const at =
    (name: LogLevel) =>
    (event: string, facts: Readonly<Record<string, unknown>> = {}) => {
      if (!enabled.includes(name)) return;
      write(`${JSON.stringify({ at: new Date().toISOString(), level: name, event, ...facts })}\n`);
    };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}
