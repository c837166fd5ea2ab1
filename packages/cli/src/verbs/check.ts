import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import { during, type Context } from "../context.js";
import { dim, green, red, yellow, type Part } from "../screen.js";
import { channelName, took } from "../units.js";
import type { CheckRow } from "../views.js";

export async function run({ positionals, options }: CallOf<"check">, context: Context): Promise<number> {
  const { node } = positionals;
  const filter = {
    ...(node === undefined ? {} : { peer: node }),
    ...(options.channel === undefined ? {} : { channel: options.channel }),
  };
  const { results: rows } = await during(
    context,
    "trying every channel",
    api.check(context.daemon(), filter),
  );
  if (context.json) context.out.json(rows);
  else show(rows, context);
  return verdict(rows, context);
}

function show(rows: readonly CheckRow[], { out }: Context): void {
  if (rows.length === 0) return;
  out.table([
    ["node", "channel", "effect", "works", "time", ""].map(dim),
    ...rows.map((row): Part[] => [
      row.peer,
      channelName(row.channel, row.rank),
      row.effect,
      worked(row),
      took(row.ms),
      row.works ? "" : (row.reason ?? ""),
    ]),
  ]);
  const remedies = rows.filter(({ works, remedy }) => !works && remedy !== undefined);
  if (remedies.length > 0) out.line();
  for (const { peer, channel, remedy } of remedies) out.line(dim(`${peer} ${channel}: `), remedy ?? "");
}

/** A store that has the probe is neither a yes nor a no. */
function worked({ works, outcome }: CheckRow): Part {
  if (works) return green("yes");
  if (outcome === "stored" || outcome === "woke") return yellow(outcome);
  return outcome === "not_tried" ? dim("not tried") : red("no");
}

function verdict(rows: readonly CheckRow[], { err }: Context): number {
  if (rows.length === 0) {
    err.line(
      "multifleet: there is nothing to try: this node has no peers yet. See: multifleet invite --help",
    );
    return 1;
  }
  const reached = new Set(rows.filter(({ works }) => works).map(({ peer }) => peer));
  const missed = [...new Set(rows.map(({ peer }) => peer))].filter((peer) => !reached.has(peer));
  if (missed.length === 0) return 0;
  err.line(`multifleet: no channel reaches ${missed.join(", ")}`);
  return 1;
}
