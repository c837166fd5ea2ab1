import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import type { Context } from "../context.js";
import { dim, green, red, yellow, type Part } from "../screen.js";
import { channelName, since, took } from "../units.js";
import type { PathView, RosterView } from "../views.js";

export async function run({ options }: CallOf<"peers">, context: Context): Promise<number> {
  const { peers } = await api.peers(context.daemon());
  const { out } = context;
  if (options.names) {
    const names = peers.map(({ node }) => node);
    if (context.json) out.json(names);
    else for (const name of names) out.line(name);
    return 0;
  }
  const roster = peers.length === 0 ? undefined : await api.roster(context.daemon());
  if (context.json) {
    out.json(peers.map((peer) => ({ ...peer, ...saidOf(peer.node, roster) })));
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
  out.line("");
  out.table([["node", "", "has"].map(dim), ...(roster?.nodes ?? []).map(nodeCells)]);
  return 0;
}

/** What a peer says of itself, as programs read it. */
function saidOf(node: string, roster: RosterView | undefined) {
  const {
    alive = false,
    chief = false,
    capabilities = [],
    tools = {},
  } = roster?.nodes.find((each) => each.node === node) ?? {};
  return { alive, chief, capabilities, tools };
}

/** A node, how it is, and what it has: `claude 2.1.7, git 2.39.5, gpu`. */
function nodeCells({ node, self, alive, chief, capabilities, tools }: RosterView["nodes"][number]): Part[] {
  const state = [self === true ? "this node" : alive ? "alive" : "gone", ...(chief ? ["chief"] : [])].join(
    ", ",
  );
  const has = capabilities.map((name) => (tools[name] === undefined ? name : `${name} ${tools[name]}`));
  return [node, alive ? green(state) : red(state), has.join(", ")];
}

function pathCells(path: PathView): Part[] {
  const more = path.state === "up" ? took(path.latency_ms) : (path.reason ?? "");
  return [channelName(path.channel, path.rank), healthStyled(path.state), more];
}

function healthStyled(state: string): Part {
  if (state === "up") return green(state);
  return state === "down" ? red(state) : yellow(state);
}
