/** `2 peers`, `1 peer`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** A time taken: `0.42 ms`, `17 ms`, `2.1 s`. */
export function took(ms: number | undefined): string {
  if (ms === undefined) return "";
  if (ms < 10) return `${Number(ms.toPrecision(2))} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A span of time in its largest whole unit: `3 minutes`. */
export function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 90) return count(seconds, "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return count(minutes, "minute");
  const hours = Math.round(minutes / 60);
  return hours < 36 ? count(hours, "hour") : count(Math.round(hours / 24), "day");
}

/** How long ago, or how far ahead, `at` is. */
export function since(at: number, now = Date.now()): string {
  if (Math.abs(now - at) < 1000) return "now";
  return at < now ? `${span(now - at)} ago` : `in ${span(at - now)}`;
}

/** A number of bytes in binary units. */
export function bytes(number: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [number, 0];
  while (value >= 1024 && unit < names.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${names[unit]}`;
}

const ranks: Readonly<Record<string, string>> = {
  discord: "P0",
  nats: "P1",
  http: "P2",
  relay: "P3",
  seed: "P4",
  ssh: "P5",
  wol: "P6",
  git: "P7",
  ipc: "P8",
};

/** A channel with the number that people know it by; one of another's making has none. */
export function channelName(channel: string, rank = ranks[channel]): string {
  return rank === undefined || rank === "" ? channel : `${rank} ${channel}`;
}
