import { join } from "node:path";
import type { FrameCover } from "@multifleet/core/age";
import type { Parts } from "../parts.js";
import type { OwnOptions } from "./discover.js";

/** Where the packet listener of `http` listens, as kept in the store: a choice that was made by a command outlives the run. */
export interface KeptListener {
  readonly host?: string;
  readonly port?: number;
}

/** The drawer of the store in which {@link KeptListener} lies. */
export const listenerDrawer = "packet-listener";

/** What the daemon itself tells its own channels, by name: the config's options go before these. */
export function ownOptions(parts: Parts, port?: number): OwnOptions {
  const { home, mailbox, apiPort, listen, config } = parts;
  const kept = mailbox.get<KeptListener>(listenerDrawer) ?? {};
  const beside = typeof apiPort === "number" && apiPort > 0 && apiPort < 65_535 ? apiPort + 1 : 0;
  const cover = frameCover(parts);
  const remotes = configured(config, "git");
  return {
    http: { host: listen ?? kept.host ?? "127.0.0.1", port: port ?? kept.port ?? beside },
    ipc: { path: home.socket },
    seed: { directory: home.seed },
    ...natsOptions(parts),
    ssh: { enabled: configured(config, "ssh").length > 0 },
    git: { enabled: remotes.length > 0, directory: join(home.directory, "git"), cover, remotes },
    discord: { cover },
    relay: { forwarder: parts.forwarder },
    wol: { ...parts.waking },
  };
}

/** Where peers are reached by a channel, as the config says. */
function configured({ peers = {} }: Parts["config"], channel: string): readonly string[] {
  return [...new Set(Object.values(peers).flatMap((channels) => channels[channel] ?? []))];
}

/** What in `channels.nats` says that its servers are the user's own affair. */
const ownLogin = ["servers", "token", "tokenFile", "user", "nkey", "nkeyFile", "creds"] as const;

/**
 * The NATS servers to use: those of the config alone; else the node's own server; else those of the environment; else those that other
 * members share.
 */
export function natsOptions({ config, nats }: Parts): OwnOptions {
  const setting = config.channels?.["nats"];
  if (typeof setting === "object" && ownLogin.some((key) => setting[key] !== undefined)) return {};
  const url = process.env["NATS_URL"] ?? "";
  const found = nats.clientOptions() ?? (url === "" ? nats.sharedOptions() : { servers: url.split(",") });
  return found === undefined ? {} : { nats: { enabled: true, ...found } };
}

/** Hides frames from carriers that others run, by the keys of the fleet's membership as it is at each frame. */
function frameCover({ identity, fleet }: Parts): FrameCover {
  const made = async () => {
    const age = await import("@multifleet/core/age");
    return age.frameCover(identity.age.identity, (node) => fleet.member(node)?.recipient);
  };
  return {
    cover: async (frame, to) => (await made()).cover(frame, to),
    uncover: async (bytes) => (await made()).uncover(bytes),
  };
}
