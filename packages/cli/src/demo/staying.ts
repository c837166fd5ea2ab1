import { realpathSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { follow } from "../events.js";
import { quoted } from "../quoted.js";
import { reasonOf } from "../failure.js";
import { bold, dim } from "../screen.js";
import { channelName } from "../units.js";
import { daemonProgram, type Daemon } from "./daemon.js";
import type { Stage } from "./stage.js";

/** Leaves the three nodes up, says what to try, and shows what happens at them until the signal fires. */
export async function stay(stage: Stage, signal: AbortSignal): Promise<void> {
  const { mac1, mac2, mac3, narrator, daemons } = stage;
  const program = programLine();
  const at = ({ home }: Daemon) => `--home ${quoted(home)}`;
  const tries: [does: string, line: string][] = [
    ["send one yourself", `${program} send mac2 hello "are you there?" --wait delivered ${at(mac1)}`],
    ["read it", `${program} inbox --unsurfaced ${at(mac2)}`],
    ["see every way to mac3", `${program} check mac3 ${at(mac1)}`],
    [
      "kill mac3, send to it, and see it wait",
      `kill -9 ${mac3.pid}; ${program} send mac3 hi "later" ${at(mac1)}`,
    ],
    ["see how each is", `curl -s http://127.0.0.1:${mac1.access().port}/health`],
  ];
  narrator.say();
  narrator.say(bold("The three nodes stay up. In another terminal:"));
  for (const [does, line] of tries) {
    narrator.say();
    narrator.say(dim(`  # ${does}`));
    narrator.say(`  ${line}`);
  }
  narrator.say();
  narrator.say(dim("What happens is shown here. Ctrl-C ends everything and removes the homes."));
  narrator.say();
  for (const daemon of daemons)
    void watch(daemon).catch((error: unknown) => narrator.say(`  ${daemon.name}: ${reasonOf(error)}`));
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });

  async function watch(daemon: Daemon): Promise<void> {
    const events = await follow(daemon.access());
    signal.addEventListener("abort", () => events.close());
    for await (const { type, data } of events) {
      const { id, from, to, state, subject, channel } = data as Record<string, string | undefined>;
      if (type === "inbox" && from !== undefined)
        narrator.say(`  ${daemon.name}  inbox  from ${from}: ${subject ?? ""}  `, dim(`${state} ${id}`));
      if (type === "message")
        narrator.say(`  ${daemon.name}  to ${to}: ${subject}  `, bold(state ?? ""), dim(`  ${id}`));
      if (type === "channel" && channel !== undefined)
        narrator.say(dim(`  ${daemon.name}  ${channelName(channel)} ${state ?? ""}`));
    }
    if (signal.aborted) return;
    narrator.say(`  ${daemon.name} ended (${await daemon.gone}). Start it again with:`);
    narrator.say(`  ${daemonLine(program)} ${at(daemon)}`);
  }
}

/** How this program is called here, so that what is printed can be typed. */
function programLine(): string {
  const [, script = ""] = process.argv;
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((directory) => same(join(directory, "multifleet"), script));
  if (found) return "multifleet";
  return process.env["npm_command"] === "exec"
    ? "npx multifleet"
    : `node ${quoted(relative(process.cwd(), realpathSync(script)))}`;
}

/** How the daemon is called where this program is called so. */
function daemonLine(program: string): string {
  return program.startsWith("node ")
    ? `node ${quoted(relative(process.cwd(), daemonProgram()))}`
    : `${program}-daemon`;
}

function same(path: string, script: string): boolean {
  try {
    return realpathSync(path) === realpathSync(script);
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === "ENOENT" ||
      (error as NodeJS.ErrnoException).code === "ENOTDIR"
    )
      return false;
    throw error;
  }
}
