import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { dim, green, red, yellow, type Part } from "../screen.js";
import { channelName, since, took } from "../units.js";
import type { PathView } from "../views.js";

export async function run({ options }: CallOf<"peers">, context: Context): Promise<number> {
  const { peers } = await api.peers(context.daemon());
  const { out } = context;
  if (options.names) {
    const names = peers.map(({ node }) => node);
    if (context.json) out.json(names);
    else for (const name of names) out.line(name);
    return 0;
  }
  if (context.json) {
    out.json(peers);
    return 0;
  }
  if (peers.length === 0) {
    out.line(`No peers yet. Make a code for another machine with: multifleet invite${context.at}`);
    return 0;
  }
  const rows = peers.flatMap(({ node, last_seen, pending, channels }) => {
    const head = [node, last_seen === undefined ? "never" : since(Date.parse(last_seen)), String(pending)];
    const known = channels.filter(({ state }) => state !== "unreachable");
    if (known.length === 0) return [[...head, red("no channel leads there"), "", ""]];
    return known.map((path, at) => [...(at === 0 ? head : ["", "", ""]), ...pathCells(path)]);
  });
  out.table([["node", "heard", "waiting", "channel", "state", ""].map(dim), ...rows]);
  return 0;
}

function pathCells(path: PathView): Part[] {
  const more = path.state === "up" ? took(path.latency_ms) : (path.reason ?? "");
  return [channelName(path.channel, path.rank), healthStyled(path.state), more];
}

function healthStyled(state: string): Part {
  if (state === "up") return green(state);
  return state === "down" ? red(state) : yellow(state);
}
