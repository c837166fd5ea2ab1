import { accessSync, constants } from "node:fs";
import { isIP } from "node:net";
import * as z from "zod";
import { Problem } from "../problem.js";
import { freePort } from "./ports.js";

/** What may be asked of a server of one's own: each member has a default, and none at all means those of the last time. */
export interface NatsRequest {
  readonly role?: "single" | "leaf" | "cluster";
  /** The address on which it listens, for clients and for other servers. */
  readonly listen?: string;
  readonly port?: number;
  /** Of a leaf: the hub's URL for leaf nodes, without a login. */
  readonly hub?: string;
  /** A credentials file for the hub, as `nsc` writes it. */
  readonly creds?: string;
  readonly user?: string;
  readonly password?: string;
  readonly cluster_name?: string;
  /** Of a cluster: each server's `HOST:PORT` for routes; this server's own may be among them. */
  readonly routes?: readonly string[];
  readonly cluster_port?: number;
  /** The port on which leaf nodes of this fleet are let in. */
  readonly leaf_port?: number;
  readonly share?: boolean;
}

const port = z.int().min(1).max(65_535);

/** What a server is set up with, as it is kept in `nats/server.json`. */
export const settingsSchema = z.strictObject({
  enabled: z.boolean(),
  role: z.enum(["single", "leaf", "cluster"]),
  host: z.string(),
  port,
  hub: z
    .strictObject({
      url: z.string(),
      creds: z.string().optional(),
      user: z.string().optional(),
      password: z.string().optional(),
    })
    .optional(),
  cluster: z.strictObject({ name: z.string(), port, routes: z.array(z.string()) }).optional(),
  leafPort: port.optional(),
  share: z.boolean(),
});

export type NatsSettings = z.infer<typeof settingsSchema>;

/**
 * Checks what was asked, and fills it up with the usual ports of NATS. Port 0 becomes one that is free now, and stays.
 *
 * @param fleet Names the cluster where nothing else does.
 * @throws Problem `bad_request`
 */
export async function settle(asked: NatsRequest, fleet: string): Promise<NatsSettings> {
  const role = roleOf(asked);
  const host = asked.listen ?? "127.0.0.1";
  if (isIP(host) === 0) refuse(`listen is ${JSON.stringify(host)}: use an address, such as 0.0.0.0`);
  if (asked.share === true && isLocal(host))
    refuse("share needs listen: other machines cannot reach a server on loopback");
  const numbered = async (given: number | undefined, usual: number) =>
    given === 0 ? freePort(host) : (given ?? usual);
  return {
    enabled: true,
    role,
    host,
    port: await numbered(asked.port, 4222),
    share: asked.share === true,
    ...(role === "leaf" ? { hub: hubOf(asked) } : {}),
    ...(role === "cluster"
      ? { cluster: { ...clusterOf(asked, host, fleet), port: await numbered(asked.cluster_port, 6222) } }
      : {}),
    ...(asked.leaf_port === undefined ? {} : { leafPort: await numbered(asked.leaf_port, 7422) }),
  };
}

/** Whether an address leads to this machine only. */
export function isLocal(host: string): boolean {
  return host === "::1" || host === "localhost" || host.startsWith("127.");
}

function roleOf(asked: NatsRequest): NatsSettings["role"] {
  const {
    hub,
    routes,
    role = hub !== undefined ? "leaf" : routes !== undefined ? "cluster" : "single",
  } = asked;
  const only = (to: NatsSettings["role"], keys: readonly (keyof NatsRequest)[]) => {
    const given = keys.find((key) => asked[key] !== undefined);
    if (role !== to && given !== undefined) refuse(`${given} is for the role ${to}, and this is ${role}`);
  };
  only("leaf", ["hub", "creds", "user", "password"]);
  only("cluster", ["routes", "cluster_name", "cluster_port"]);
  return role;
}

function hubOf({ hub, creds, user, password }: NatsRequest): NonNullable<NatsSettings["hub"]> {
  if (hub === undefined) refuse("a leaf needs hub: the URL of its hub, such as nats-leaf://HOST:7422");
  const [, scheme = "nats-leaf", rest = ""] = /^(?:([a-z-]+):\/\/)?(.*)$/is.exec(hub) ?? [];
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
  // Not shown where it may hold a login.
  if (url !== undefined && (url.username !== "" || url.password !== ""))
    refuse("hub has a login in its URL; give it as creds (a credentials file), or as user and password");
  const schemes = ["nats-leaf", "nats", "tls", "ws", "wss"];
  if (url === undefined || !schemes.includes(scheme) || url.search !== "" || url.hash !== "")
    refuse(`hub is ${JSON.stringify(hub)}: use a URL such as nats-leaf://HOST:7422 or tls://HOST:7422`);
  if (creds !== undefined && user !== undefined)
    refuse("creds and user are one too many: there is one login");
  if (creds !== undefined && !isReadable(creds))
    refuse(`creds is ${JSON.stringify(creds)}, and cannot be read`);
  if ((user === undefined) !== (password === undefined)) refuse("user and password go together");
  // The URL class takes its own default port away.
  const given = /:(\d+)\/?$/.exec(rest)?.[1] ?? "7422";
  return {
    url: `${scheme}://${url.hostname}:${given}`,
    ...(creds === undefined ? {} : { creds }),
    ...(user === undefined || password === undefined ? {} : { user, password }),
  };
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function clusterOf({ routes = [], cluster_name: name }: NatsRequest, host: string, fleet: string) {
  if (routes.length === 0)
    refuse("a cluster needs routes: HOST:6222 of each of its servers, the same on all of them");
  const read = routes.map((route) => {
    const [, bare = ""] = /^(?:nats-route:\/\/|nats:\/\/)?(.*?)\/?$/is.exec(route) ?? [];
    const url = URL.canParse(`http://${bare}`) ? new URL(`http://${bare}`) : undefined;
    if (url === undefined || url.username !== "" || url.pathname !== "/" || url.search !== "")
      refuse("routes has one that is not HOST:PORT; members of a fleet need no login in it");
    return { name: url.hostname, at: `${url.hostname}:${/:(\d+)$/.exec(bare)?.[1] ?? "6222"}` };
  });
  if (isLocal(host) && read.some((each) => !isLocal(each.name.replaceAll(/[[\]]/g, ""))))
    refuse(
      "a cluster over several machines needs listen, such as 0.0.0.0: the others could not reach this one",
    );
  if (name !== undefined && !/^[\w.-]{1,64}$/.test(name))
    refuse(`cluster_name is ${JSON.stringify(name)}: use letters, digits, _, . and -`);
  return { name: name ?? fleet, routes: read.map(({ at }) => at) };
}

function refuse(detail: string): never {
  throw new Problem("bad_request", detail);
}
