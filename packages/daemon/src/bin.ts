import { writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { configJsonSchema, readConfig } from "./config.js";
import { createDaemon } from "./daemon.js";
import { explain, StartFailure } from "./failure.js";
import { defaultHome, openHome } from "./home.js";
import { isLogLevel, jsonLog, type LogLevel } from "./log.js";
import { version } from "./version.js";

const usage = `multifleet-daemon ${version}: runs this machine's node in the foreground.

  --home DIR       where its keys and messages are (MULTIFLEET_HOME; default ~/.multifleet)
  --node NAME      its name, at the first start (MULTIFLEET_NODE_ID; default: the host's)
  --port N         the local API's port on 127.0.0.1 (MULTIFLEET_PORT; default 8855, 0 for any)
  --listen HOST    where the packet listener listens, such as 0.0.0.0 (default 127.0.0.1)
  --config FILE    another configuration than the home's config.json (MULTIFLEET_CONFIG)
  --print-config   prints the configuration in force and its JSON Schema, and ends
  --log LEVEL      error, warn, info or silent (MULTIFLEET_LOG; default info)
  --help, --version

At the first start it makes a home, a key and a fleet of one node. MULTIFLEET_JOIN takes an invitation.`;

const flags = {
  home: { type: "string" },
  node: { type: "string" },
  port: { type: "string" },
  listen: { type: "string" },
  config: { type: "string" },
  "print-config": { type: "boolean" },
  log: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** Exit codes: 0 ended as asked, 1 could not start or run, 2 called wrongly. */
async function main(): Promise<number> {
  let values: ReturnType<typeof parse>;
  try {
    values = parse();
  } catch (thrown) {
    return fail(`${explain(thrown)}\nTry: multifleet-daemon --help`, 2);
  }
  if (values.help === true) return say(usage);
  if (values.version === true) return say(version);
  const { env } = process;
  const port = values.port ?? env.MULTIFLEET_PORT;
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    return fail(`the port is ${JSON.stringify(port)}: use a whole number from 0 to 65535`, 2);
  }
  const level = values.log ?? env.MULTIFLEET_LOG ?? "info";
  if (!isLogLevel(level))
    return fail(`the log level is ${JSON.stringify(level)}: use error, warn, info or silent`, 2);
  const home = values.home ?? defaultHome(env);
  const configFile = values.config ?? env.MULTIFLEET_CONFIG;
  if (values["print-config"] === true) {
    const path = configFile ?? openHome(home).config;
    return say(JSON.stringify({ path, config: readConfig(path), schema: configJsonSchema() }, undefined, 2));
  }
  return run(level, {
    home,
    ...optional("node", values.node ?? env.MULTIFLEET_NODE_ID),
    ...optional("port", port === undefined ? undefined : Number(port)),
    ...optional("listen", values.listen),
    ...optional("configFile", configFile),
    ...optional("join", env.MULTIFLEET_JOIN),
  });
}

function parse() {
  return parseArgs({ options: flags, allowPositionals: false, strict: true }).values;
}

async function run(level: LogLevel, options: Parameters<typeof createDaemon>[0]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), level);
  const stop = new Promise<string>((done) => {
    process.once("SIGINT", () => done("SIGINT"));
    process.once("SIGTERM", () => done("SIGTERM"));
  });
  const daemon = await createDaemon({ ...options, log });
  const where = daemon.port === undefined ? "" : ` on http://127.0.0.1:${daemon.port}`;
  say(`multifleet: node ${daemon.name} is ready${where} (home ${daemon.home})`);
  const signal = await stop;
  log.info("node_stopping", { signal });
  await daemon.close();
  log.info("node_stopped");
  return 0;
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: Value });
}

function say(text: string): number {
  writeSync(1, `${text}\n`);
  return 0;
}

function fail(text: string, code: number): number {
  writeSync(2, `multifleet-daemon: ${text}\n`);
  return code;
}

main().then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    const detail =
      thrown instanceof StartFailure
        ? thrown.message
        : `${explain(thrown)}\n${thrown instanceof Error ? (thrown.stack ?? "") : ""}`;
    process.exit(fail(detail, 1));
  },
);
