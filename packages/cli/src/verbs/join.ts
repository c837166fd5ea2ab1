import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import { during, type Context } from "../context.js";
import { bold } from "../screen.js";

export async function run({ positionals, options }: CallOf<"join">, context: Context): Promise<number> {
  const { code } = positionals;
  const request = { code, ...(options.node === undefined ? {} : { node: options.node }) };
  const joined = await during(context, "joining", api.join(context.daemon(), request));
  const { out } = context;
  if (context.json) {
    out.json(joined);
    return 0;
  }
  out.line("This is ", bold(joined.node), ` of fleet ${joined.fleet} now.`);
  out.line(joined.peers.length === 0 ? "It has no peers yet." : `Peers: ${joined.peers.join(", ")}`);
  const [first] = joined.peers;
  if (first !== undefined) out.line(`Try: multifleet check ${first}${context.at}`);
  return 0;
}
