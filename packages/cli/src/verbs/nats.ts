import { resolve } from "node:path";
import { api } from "../api.js";
import type { CallOf } from "../commands.js";
import { during, type Context } from "../context.js";
import { Failure, Misuse } from "../failure.js";
import { bold, dim, green, red, yellow, type Part } from "../screen.js";
import { secretLine } from "../stdin.js";
import { count, span } from "../units.js";
import type { NatsServerView } from "../views.js";

type Options = CallOf<"nats">["options"];

export async function run({ positionals, options }: CallOf<"nats">, context: Context): Promise<number> {
  const { action = "status" } = positionals;
  const misplaced = misplacedIn(options, action);
  if (misplaced !== undefined) throw new Misuse(`nats ${action} does not take --${misplaced}`, "nats");
  const daemon = context.daemon();
  if (action === "up") {
    const body = await requestOf(options, context);
    try {
      return show(await during(context, "starting nats-server", api.natsUp(daemon, body)), context);
    } catch (error) {
      if (context.json || !(error instanceof Failure) || error.code !== "nats_server_missing") throw error;
      return tellMissing(error, context);
    }
  }
  if (action === "down") {
    const server = await during(context, "ending nats-server", api.natsDown(daemon, options.purge));
    if (context.json) context.out.json(server);
    else
      context.out.line(options.purge ? "Ended; its streams are removed." : "Ended. What it stored is kept.");
    return 0;
  }
  const server = await api.natsServer(daemon);
  return show(server, context);
}

/** An option that is given, and is not for this action. */
function misplacedIn(options: Options, action: string): string | undefined {
  return Object.entries(options).find(([name, value]) => {
    const given = value !== undefined && value !== false;
    return given && (name === "purge" ? action !== "down" : action !== "up");
  })?.[0];
}

/** What `POST /nats` takes, of what was given: nothing where nothing was. */
async function requestOf(options: Options, context: Context): Promise<object> {
  const { role, hub, creds, user, routes, listen, share } = options;
  const given = {
    role,
    hub,
    // The daemon runs elsewhere: a path means a file of the one who typed it.
    creds: creds === undefined ? undefined : resolve(creds),
    user,
    password: user === undefined ? undefined : await passwordOf(user, context),
    routes: routes?.split(",").map((route) => route.trim()),
    cluster_name: options["cluster-name"],
    cluster_port: options["cluster-port"],
    listen,
    leaf_port: options["leaf-port"],
    port: options["server-port"],
    share: share ? true : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Never from the command line, which every program of the machine can read. */
async function passwordOf(user: string, context: Context): Promise<string> {
  const given = context.env["NATS_PASSWORD"] ?? (await secretLine(`password of ${user}: `, context));
  if (given === "")
    throw new Misuse("--user needs a password, in NATS_PASSWORD or on standard input", "nats");
  return given;
}

/** What to install, each way on a line of its own. */
function tellMissing({ message, details }: Failure, { err }: Context): number {
  err.line(`multifleet: ${message}`);
  const { install } = details;
  for (const line of Array.isArray(install) ? install : []) err.line(`  ${String(line)}`);
  return 1;
}

function show(server: NatsServerView, context: Context): number {
  const { out, err } = context;
  const { state, reason } = server;
  const well = state === "running" || state === "off" || state === "starting";
  if (context.json) out.json(server);
  else out.table(rows(server));
  if (well) return 0;
  err.line(`multifleet: the nats-server is ${state}${reason === undefined ? "" : `: ${reason}`}`);
  return 1;
}

function rows(server: NatsServerView): Part[][] {
  const { state, role, cluster, shared, restarts = 0 } = server;
  if (state === "off") return [["nats-server", stateOf(server)]];
  const about: [string, string | undefined][] = [
    ["version", server.version],
    ["role", role],
    ["clients", server.listen],
    ["hub", server.hub],
    ["domain", server.domain],
    ["cluster", cluster && `${cluster.name} on ${cluster.listen}, with ${cluster.routes.join(", ")}`],
    ["leaf nodes", server.leafnodes],
    ["shared", shared?.join(", ")],
    ["restarts", restarts === 0 ? undefined : count(restarts, "time")],
    ["config", server.config],
    ["streams", server.store],
    ["log", server.log],
  ];
  const known = about.flatMap(([name, value]) => (value === undefined ? [] : [[dim(name), value]]));
  return [["nats-server", stateOf(server)], ...known];
}

function stateOf({ state, since: at }: NatsServerView): Part {
  if (state === "off") return bold("off");
  const text = at === undefined ? state : `${state} for ${span(Date.now() - Date.parse(at))}`;
  if (state === "running") return green(text);
  return state === "starting" ? yellow(text) : red(text);
}
