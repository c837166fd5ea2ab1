import type { Config } from "../config.js";
import { StartFailure } from "../failure.js";
import { catalog } from "./catalog.js";

/**
 * Refuses a config that says where a peer is by a channel of no known name: it is a typing error, and nothing would ever use it.
 *
 * @param open Names of the channels that this node has.
 * @throws StartFailure that names the key and the names there are
 */
export function checkHints({ peers = {}, channels = {} }: Config, open: readonly string[]): void {
  // What a channel of others that is off calls itself is not known.
  if (Object.entries(channels).some(([name, setting]) => setting === false && !(name in catalog))) return;
  const ours = Object.entries(catalog).flatMap(([name, { also = name }]) => [name, also]);
  const known = [...new Set([...ours, ...open])];
  for (const [peer, hints] of Object.entries(peers))
    for (const name of Object.keys(hints))
      if (!known.includes(name))
        throw new StartFailure(
          `config.json: "peers.${peer}.${name}" is for no channel; there are ${known.toSorted().join(", ")}`,
        );
}
