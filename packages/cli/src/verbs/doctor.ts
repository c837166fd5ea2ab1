import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import { during, type Context } from "../context.js";
import { checkDaemon } from "../doctor/daemon.js";
import type { Finding } from "../doctor/finding.js";
import { checkDeadLetters, checkHealth, checkPending, checkWays } from "../doctor/fleet.js";
import { checkHome } from "../doctor/home.js";
import { checkClock, checkDisk, checkNode } from "../doctor/machine.js";
import { namedPort } from "../home.js";
import { bold, dim, green, red, yellow } from "../screen.js";
import { count } from "../units.js";

const most = 100;

export async function run({ globals }: CallOf<"doctor">, context: Context): Promise<number> {
  const found = await during(context, "looking", diagnose(context, namedPort(globals.port, context.env)));
  const wrong = found.filter(({ state }) => state === "wrong");
  if (context.json) context.out.json({ ok: wrong.length === 0, findings: found });
  else show(found, context);
  if (wrong.length === 0) return 0;
  context.err.line(`multifleet: ${count(wrong.length, "thing is", "things are")} wrong`);
  return 1;
}

async function diagnose(context: Context, port: number | undefined): Promise<Finding[]> {
  const now = Date.now();
  const { home } = context;
  const found: Finding[] = [checkNode(process.versions.node), checkClock(now), ...checkHome(home)];
  found.push(await checkDisk(home));
  const daemon = await checkDaemon(home, port, () => context.daemon());
  found.push(...daemon.found);
  if (daemon.health === undefined) return found;
  found.push(...checkHealth(daemon.health, now, context.at));
  const access = context.daemon();
  const { results } = await api.check(access, {});
  found.push(...checkWays(results, context.at));
  const [accepted, sent, dead] = await Promise.all([
    api.messages(access, { state: "accepted", limit: most }),
    api.messages(access, { state: "sent", limit: most }),
    api.deadLetters(access, most),
  ]);
  found.push(...checkPending([...accepted.messages, ...sent.messages], now, context.at));
  found.push(...checkDeadLetters(dead.messages, most, context.at));
  return found;
}

function show(found: readonly Finding[], { out }: Context): void {
  const looks = { ok: green("ok   "), note: yellow("note "), wrong: red("wrong") } as const;
  const width = Math.max(...found.map(({ check }) => check.length)) + 2;
  const indent = " ".repeat("wrong".length + 2 + width);
  for (const finding of found) {
    out.line(looks[finding.state], "  ", dim(finding.check.padEnd(width)), finding.what);
    if (finding.state === "ok") continue;
    out.line(indent, dim(finding.why));
    if (finding.fix !== undefined) out.line(indent, bold(finding.fix));
  }
}
