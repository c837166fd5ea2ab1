import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { Failure } from "../failure.js";
import { green, red, yellow, type Part } from "../screen.js";
import type { HealthView } from "../views.js";

/** Beyond this many new items a status bar says "more than". */
const most = 100;

export async function run(_call: CallOf<"summary">, context: Context): Promise<number> {
  const { out } = context;
  try {
    const daemon = context.daemon();
    const [health, { items: fresh }] = await Promise.all([
      api.health(daemon),
      api.inbox(daemon, { unsurfaced: true, limit: most }),
    ]);
    const line = summarised(health, fresh.length);
    if (context.json) out.json({ ...line, reasons: health.reasons });
    else out.line(...shown(line));
    if (health.status !== "failed") return 0;
    for (const reason of health.reasons) context.err.line(`multifleet: ${reason}`);
    return 1;
  } catch (error) {
    // A status bar shows stdout alone, so it must say there what is wrong, too.
    if (error instanceof Failure && !context.json)
      out.line("multifleet: ", red(error.code.replaceAll("_", " ")));
    throw error;
  }
}

function summarised({ node, status, peers, messages }: HealthView, fresh: number) {
  const reachable = Object.values(peers).filter(({ channels }) =>
    Object.values(channels).some(({ state }) => state === "up"),
  );
  const waiting = messages["pending"] ?? 0;
  return { node, status, peers: Object.keys(peers).length, reachable: reachable.length, waiting, new: fresh };
}

function shown(line: ReturnType<typeof summarised>): Part[] {
  const status = { ok: green, degraded: yellow }[line.status] ?? red;
  const fresh = line.new === most ? `${most} or more` : String(line.new);
  const peers = `${line.reachable} of ${line.peers} ${line.peers === 1 ? "peer" : "peers"}`;
  return [`${line.node} `, status(line.status), `, ${peers}, ${line.waiting} waiting, ${fresh} new`];
}
