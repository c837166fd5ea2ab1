import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Channel } from "@multifleet/core";
import type { Config } from "../config.js";
import { explain, StartFailure } from "../failure.js";
import { catalog } from "./catalog.js";
import { joinNamesakes } from "./namesakes.js";

/**
 * A channel package's entry: its default export makes the channel from its options, or several where one connection carries them all, such
 * as a request and a store on one NATS server.
 */
type Factory = (options: Readonly<Record<string, unknown>>) => Channel | readonly Channel[];

/** Options that the daemon itself has for its own channels, beneath what the config says. `enabled`: on though nobody named it. */
export type OwnOptions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const here = dirname(fileURLToPath(import.meta.url));

/** The channels to open, and those that are installed but cannot be used as they are. */
export interface Discovered {
  readonly channels: readonly Channel[];
  /** Names of channels whose options come from the config: if one of these cannot open at the start, the user must be told. */
  readonly configured: ReadonlySet<string>;
  /** By channel, what it was made for: its own name or that of the channel it came with. */
  readonly madeFor: ReadonlyMap<string, string>;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * The channels to open: those of the catalog that are on by default, those that the config names, and those that are installed beside
 * the daemon or in the home's own `node_modules` and say so in the `multifleet` field of their package.json. Nothing is looked
 * for in the working directory unless the config names it, so that a daemon started in a stranger's checkout runs none of its code.
 *
 * @param only Those that are made for this name, and no others.
 * @throws StartFailure for a channel that the config names and that cannot be had.
 */
export async function discoverChannels(
  config: Config["channels"],
  home: string,
  own: OwnOptions,
  only?: string,
): Promise<Discovered> {
  const settings = config ?? {};
  const installed = [
    ...Object.keys(catalog).filter((name) => catalog[name]?.byDefault || own[name]?.["enabled"] === true),
    ...installedChannels(home),
  ];
  const channels: Channel[] = [];
  const configured = new Set<string>();
  const madeFor = new Map<string, string>();
  const skipped: { name: string; reason: string }[] = [];
  for (const name of new Set([...installed, ...Object.keys(settings)])) {
    const setting = settings[name];
    if (setting === false || (only !== undefined && name !== only)) continue;
    const { enabled: _, ...given } = own[name] ?? {};
    const options = { ...given, ...(typeof setting === "object" ? setting : {}) };
    try {
      const factory = await load(name, home);
      if (factory === undefined && setting === undefined) continue;
      for (const channel of make(name, factory, options, home)) {
        if (settings[channel.name] === false) continue;
        channels.push(channel);
        madeFor.set(channel.name, name);
        if (typeof setting === "object") configured.add(channel.name);
      }
    } catch (thrown) {
      if (setting !== undefined || !(thrown instanceof StartFailure)) throw thrown;
      skipped.push({ name, reason: thrown.message });
    }
  }
  return { channels: joinNamesakes(channels), configured, madeFor, skipped };
}

function make(
  name: string,
  factory: Factory | undefined,
  options: Readonly<Record<string, unknown>>,
  home: string,
): readonly Channel[] {
  const module = moduleOf(name);
  if (factory === undefined) throw new StartFailure(`channels.${name}: ${absent(name, module, home)}`);
  try {
    const made = factory(options);
    return Array.isArray(made) ? (made as readonly Channel[]) : [made as Channel];
  } catch (thrown) {
    throw new StartFailure(`channels.${name}: ${explain(thrown)}`, { cause: thrown });
  }
}

/** A name that is nobody's we know of may be a typing error: the command that would install a stranger's package is not given for it. */
function absent(name: string, module: string, home: string): string {
  const owner = Object.keys(catalog).find((each) => catalog[each]?.also === name);
  if (owner !== undefined)
    return `it comes with ${owner}, and its options stand in channels.${owner}; only false can stand here`;
  if (name !== module || name.startsWith("@") || name.startsWith("multifleet-channel-"))
    return `the package ${module} is not installed. Install it beside the daemon, or with: npm install --prefix ${quoted(home)} ${module}`;
  return `there is neither a channel nor an installed package of this name; the channels are ${Object.keys(catalog).join(", ")}, and those of others are named by their package`;
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** The default export of a channel's package; undefined when the package is not installed. @throws StartFailure */
async function load(name: string, home: string): Promise<Factory | undefined> {
  const module = moduleOf(name);
  const url = resolve(module, home);
  if (url === undefined) return undefined;
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(url)) as { readonly default?: unknown };
  } catch (thrown) {
    throw new StartFailure(`channels.${name}: ${module} cannot be loaded: ${explain(thrown)}`, {
      cause: thrown,
    });
  }
  if (typeof loaded.default === "function") return loaded.default as Factory;
  throw new StartFailure(`channels.${name}: ${module} has no default export that makes a channel`);
}

function moduleOf(name: string): string {
  return catalog[name]?.module ?? name;
}

/** Finds a module as the daemon would, then in the home, then in the working directory. */
function resolve(module: string, home: string): string | undefined {
  try {
    return import.meta.resolve(module);
  } catch (thrown) {
    if (!isAbsent(thrown)) throw thrown;
  }
  for (const place of [home, process.cwd()]) {
    try {
      return pathToFileURL(createRequire(join(place, "package.json")).resolve(module)).href;
    } catch (thrown) {
      if (!isAbsent(thrown)) throw thrown;
    }
  }
  return undefined;
}

function isAbsent(thrown: unknown): boolean {
  const { code } = thrown as { code?: unknown };
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
}

/** Packages of others, named `channel-...` within a scope or `multifleet-channel-...`, that say they are channels. */
function installedChannels(home: string): string[] {
  const own = new Set(Object.values(catalog).map((entry) => entry.module));
  const found: string[] = [];
  for (const modules of [...ancestors(here), join(home, "node_modules")]) {
    for (const name of packagesIn(modules)) {
      if (!own.has(name) && isChannel(join(modules, name, "package.json"))) found.push(name);
    }
  }
  return found;
}

function packagesIn(modules: string): string[] {
  const names = entries(modules);
  const scoped = names
    .filter((name) => name.startsWith("@"))
    .flatMap((scope) => entries(join(modules, scope)).map((name) => `${scope}/${name}`));
  return [
    ...names.filter((name) => name.startsWith("multifleet-channel-")),
    ...scoped.filter((name) => name.includes("/channel-")),
  ];
}

function isChannel(manifest: string): boolean {
  try {
    const { multifleet } = JSON.parse(readFileSync(manifest, "utf8")) as {
      multifleet?: { channel?: unknown; auto?: unknown };
    };
    // A channel that cannot do without options says `"auto": false`, and is used once the config names it.
    return typeof multifleet?.channel === "string" && multifleet.auto !== false;
  } catch {
    // Whatever lies there is not an installed channel; one that the config names is told of when it is loaded.
    return false;
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    if (
      (thrown as NodeJS.ErrnoException).code === "ENOENT" ||
      (thrown as NodeJS.ErrnoException).code === "ENOTDIR"
    )
      return [];
    throw thrown;
  }
}

function ancestors(directory: string): string[] {
  const found: string[] = [];
  for (let at = directory; ; at = dirname(at)) {
    found.push(join(at, "node_modules"));
    if (dirname(at) === at) return found;
  }
}
