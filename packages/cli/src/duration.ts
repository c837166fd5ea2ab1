const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const form = /^(\d{1,9})(ms|s|m|h|d)$/;
const lifetime = /^\d{1,9}[smhd]$/;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** A duration such as `90s` or `1h` in milliseconds; undefined when it is none. */
export function milliseconds(text: string): number | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  return Number(parts[1]) * units[parts[2] as keyof typeof units];
}

/** Whether `text` says how long something lives: whole seconds, minutes, hours or days, or an RFC 3339 time. */
export function isTime(text: string): boolean {
  return lifetime.test(text) || (instant.test(text) && !Number.isNaN(Date.parse(text)));
}
