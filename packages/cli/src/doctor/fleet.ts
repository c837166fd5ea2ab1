import { channelName, count, since, span } from "../units.js";
import type { HealthView, MessageView } from "../views.js";
import { findings, type Finding } from "./finding.js";

// What arrives in order and in time differs by less, whatever the network does.
const clockTolerance = 60_000;
const shown = 5;

/** What a running node says of itself. @param at What a printed command needs to mean this node's home */
export function checkHealth(health: HealthView, now: number, at: string): Finding[] {
  return [
    ...channels(health, at),
    ...peers(health, at),
    ...clocks(health, now),
    ...store(health),
    ...rest(health, at),
  ];
}

function channels(health: HealthView, at: string): Finding[] {
  const { ok, note, wrong } = findings("channel");
  return Object.entries(health.channels).map(([name, { state, reason, rank, effect }]) => {
    const called = channelName(name, rank);
    if (state === "open" || state === "up") return ok(`${called} is open, ${effect}`);
    const what = `${called} is ${state}${reason === undefined ? "" : `: ${reason}`}`;
    if (state === "off") return note(what, "no message goes that way");
    return wrong(
      what,
      "messages take the other channels, if any are left",
      `npx multifleet-daemon --print-config${at}`,
    );
  });
}

function peers(health: HealthView, at: string): Finding[] {
  const { ok, wrong, note } = findings("peer");
  const entries = Object.entries(health.peers);
  if (entries.length === 0)
    return [note("no peers", "there is nobody to send to", `npx multifleet invite${at}`)];
  return entries.map(([name, { channels: paths, last_seen, pending }]) => {
    const ways = Object.entries(paths).filter(([, { state }]) => state !== "unreachable");
    const up = ways.filter(([, { state }]) => state === "up");
    if (up.length > 0)
      return ok(`${name} by ${up.map(([channel, { rank }]) => channelName(channel, rank)).join(", ")}`);
    const heard = last_seen === undefined ? "never heard" : `heard ${since(Date.parse(last_seen))}`;
    const reasons = ways.map(
      ([channel, { state, reason }]) => `${channel} ${state}${reason === undefined ? "" : ` (${reason})`}`,
    );
    // Not tried yet is no fault.
    if (ways.some(([, { state }]) => state === "unknown"))
      return note(
        `${name}: not tried yet, ${heard}`,
        "whether it is reached shows with the next message",
        `npx multifleet check ${name}${at}`,
      );
    return wrong(
      `${name} is not reached, ${heard}: ${reasons.join(", ") || "no channel leads there"}`,
      pending > 0
        ? `${count(pending, "message")} wait for it; they go when it is back`
        : "messages to it will wait",
      `npx multifleet check ${name}${at}`,
    );
  });
}

function clocks(health: HealthView, now: number): Finding[] {
  const { wrong } = findings("clock");
  return Object.entries(health.peers).flatMap(([name, { last_seen }]) => {
    const ahead = last_seen === undefined ? 0 : Date.parse(last_seen) - now;
    if (ahead < clockTolerance) return [];
    return [
      wrong(
        `${name} was last seen ${span(ahead)} in the future`,
        "one of the two clocks is wrong, and messages expire by the clock",
        process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "timedatectl status",
      ),
    ];
  });
}

function store(health: HealthView): Finding[] {
  const failing = health.store["failing"];
  if (failing === undefined || failing === null || failing === false) return [];
  return [
    findings("store").wrong(
      `the store fails: ${typeof failing === "string" ? failing : JSON.stringify(failing)}`,
      "no message is accepted and none is taken in until it works again",
      "df -h",
    ),
  ];
}

/** What the node itself says is wrong, beside what is said above. */
function rest({ status, reasons, channels: known, store: { failing } }: HealthView, at: string): Finding[] {
  const { ok, wrong } = findings("health");
  if (status === "ok") return [ok("the node says it is well")];
  const names = Object.keys(known);
  const said = (reason: string) =>
    names.some((name) => reason.startsWith(`channel ${name} is `)) ||
    (failing !== undefined && /^the (store|disk) /.test(reason));
  return reasons
    .filter((reason) => !said(reason))
    .map((reason) => wrong(reason, `the node is ${status}`, `npx multifleet peers${at}`));
}

/** Messages that ended other than delivered. */
export function checkDeadLetters(letters: readonly MessageView[], most: number, at: string): Finding[] {
  const { ok, note } = findings("dead letters");
  if (letters.length === 0) return [ok("none")];
  const many = letters.length === most ? `${most} or more` : String(letters.length);
  const [last] = letters;
  return [
    note(
      `${many}, the newest to ${last?.to}: ${last?.state}${last?.reason === undefined ? "" : `, ${last.reason}`}`,
      "they did not arrive and are not tried any more",
      `npx multifleet dead-letters${at}`,
    ),
  ];
}

/** Messages that are on their way. */
export function checkPending(pending: readonly MessageView[], now: number, at: string): Finding[] {
  const { ok, note } = findings("waiting");
  if (pending.length === 0) return [ok("nothing waits")];
  const oldest = pending.toSorted((a, b) => Date.parse(a.created) - Date.parse(b.created)).slice(0, shown);
  return oldest.map(({ id, to, created, state, reason, attempts }) => {
    const last = attempts.findLast((attempt) => attempt.reason !== undefined);
    const because = reason ?? (last === undefined ? "not tried yet" : `${last.channel}: ${last.reason}`);
    return note(
      `${state} for ${span(now - Date.parse(created))}, to ${to}: ${because}`,
      "it is tried until it is delivered or its time is over",
      `npx multifleet status ${id}${at}`,
    );
  });
}
