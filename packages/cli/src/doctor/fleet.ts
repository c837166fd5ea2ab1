import { channelName, count, since, span } from "../units.js";
import type { CheckRow, HealthView, MessageView } from "../views.js";
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
    ...sleepers(health),
    ...servers(health),
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
  return Object.entries(health.peers).flatMap(([name, { last_seen, clock_offset_ms: offset = 0 }]) => {
    const ahead = last_seen === undefined ? 0 : Date.parse(last_seen) - now;
    if (ahead < clockTolerance && Math.abs(offset) < clockTolerance) return [];
    return [
      wrong(
        ahead < clockTolerance
          ? `the clock of ${name} is ${span(Math.abs(offset))} ${offset > 0 ? "ahead of" : "behind"} this machine's`
          : `${name} was last seen ${span(ahead)} in the future`,
        "one of the two clocks is wrong, and messages expire by the clock",
        process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "timedatectl status",
      ),
    ];
  });
}

/** Peers that could be woken if their MAC address were known. */
function sleepers({ channels: open, peers: known }: HealthView): Finding[] {
  if (open["wol"]?.state !== "open") return [];
  const { note } = findings("wake-up");
  return (
    Object.entries(known)
      .filter(([, { channels: paths }]) => paths["wol"]?.state === "unreachable")
      // What runs on this very machine is awake whenever we are.
      .filter(([, { channels: paths }]) => (paths["ipc"]?.state ?? "unreachable") === "unreachable")
      .map(([name, { channels: paths }]) =>
        note(
          `${name} cannot be woken: ${paths["wol"]?.reason ?? "no address is known for this peer"}`,
          "a machine that sleeps cannot be woken without it",
          `# in config.json: "peers": { "${name}": { "wol": "aa:bb:cc:dd:ee:ff" } }, as \`ip link\` or \`ifconfig\` on ${name} shows it`,
        ),
      )
  );
}

/** The oldest nats-server that keeps what it acknowledged when its machine loses power, and the oldest that is of use at all. */
const natsSafe = [2, 10] as const;
const natsLeast = [2, 9] as const;

function servers({ channels: known }: HealthView): Finding[] {
  const version = known["nats"]?.medium?.["version"];
  const medium = known["jetstream"]?.medium ?? {};
  if (typeof version !== "string") return [];
  const { ok, note, wrong } = findings("nats-server");
  const older = ([major, minor]: readonly [number, number]) => {
    const [has = 0, hasMinor = 0] = version.split(".").map(Number);
    return has < major || (has === major && hasMinor < minor);
  };
  const install = "# a newer one: https://github.com/nats-io/nats-server/releases, or your system's packages";
  if (medium["available"] === false) return [ok(`nats-server ${version}, without JetStream`)];
  if (older(natsLeast))
    return [wrong(`nats-server ${version} is too old`, "its JetStream lacks what is needed here", install)];
  if (older(natsSafe))
    return [
      note(
        `nats-server ${version} flushes to disk every two minutes`,
        "a power cut may take copies that wait in JetStream; their senders still have them. From 2.10 on it can flush always",
        install,
      ),
    ];
  return [ok(`nats-server ${version}`)];
}

/** What trying every channel to every peer came to; the peers that nothing reaches are told of elsewhere. */
export function checkWays(rows: readonly CheckRow[], at: string): Finding[] {
  const { ok, note } = findings("way");
  const configured = rows.filter(({ outcome, state }) => outcome === "failed" && state !== "unreachable");
  const answered = rows.filter(({ works }) => works).length;
  return [
    ...(answered > 0
      ? [
          ok(
            `${count(answered, "way")} to ${count(new Set(rows.map(({ peer }) => peer)).size, "peer")} tried and found to work`,
          ),
        ]
      : []),
    ...configured.map(({ peer, channel, rank, reason = "", remedy }) =>
      note(
        `${channelName(channel, rank)} does not reach ${peer}: ${reason}`,
        "messages to it take its other ways, if there are any",
        remedy ?? `npx multifleet check ${peer} --channel ${channel}${at}`,
      ),
    ),
  ];
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
