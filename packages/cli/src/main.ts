import type { Context, Input } from "./context.js";
import { Failure, Misuse, reasonOf } from "./failure.js";
import { findDaemon, homeOf, namedPort } from "./home.js";
import { parse, type Parsed } from "./parse.js";
import { quoted } from "./quoted.js";
import { Screen, type Sink } from "./screen.js";
import { verbs } from "./verbs.js";
import { version } from "./version.js";

/** The process, as far as a command may see it. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Input;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Runs one command line. @returns The exit code: 0 done, 1 not done with the reason on stderr, 2 a wrong command line. */
export async function main(argv: readonly string[], around: Surroundings): Promise<number> {
  const out = new Screen(around.stdout, around.env);
  const err = new Screen(around.stderr, around.env);
  let parsed: Parsed;
  try {
    parsed = parse(argv);
  } catch (error) {
    if (error instanceof Misuse) return misused(error, err);
    throw error;
  }
  try {
    return await run(parsed, around, out, err);
  } catch (error) {
    if (error instanceof Misuse) return misused(error, err);
    const failure =
      error instanceof Failure ? error : new Failure("internal", reasonOf(error), { cause: error });
    if (parsed.globals["json"] === true)
      out.json({
        error: { code: failure.code, message: failure.message, hint: failure.hint, ...failure.details },
      });
    err.line(`multifleet: ${failure.message}`);
    if (failure.hint !== undefined) err.line(failure.hint);
    // Only an error that nobody foresaw has a stack worth reading, and only for who looks for it.
    if (failure.code === "internal" && around.env["MULTIFLEET_LOG"] === "debug" && error instanceof Error)
      for (const line of (error.stack ?? "").split("\n")) err.line(line);
    return 1;
  }
}

async function run(parsed: Parsed, around: Surroundings, out: Screen, err: Screen): Promise<number> {
  const { command, globals } = parsed;
  if (globals["version"] === true) {
    if (globals["json"] === true) out.json({ version: version() });
    else out.line(version());
    return 0;
  }
  if (command === undefined || command === "help" || globals["help"] === true) {
    const { showHelp } = await import("./help.js");
    return showHelp(parsed, out, err);
  }
  const named = globals["home"] as string | undefined;
  const home = homeOf(named, around.env);
  const context: Context = {
    home,
    at: named === undefined ? "" : ` --home ${quoted(home)}`,
    env: around.env,
    stdin: () => around.stdin,
    out,
    err,
    json: globals["json"] === true,
    daemon: () => findDaemon(home, namedPort(globals["port"] as number | undefined, around.env)),
  };
  const verb = await verbs[command]();
  // The parser has checked that what it gives is what the command of this name takes.
  return verb.run(parsed as never, context);
}

function misused(error: Misuse, err: Screen): number {
  err.line(`multifleet: ${error.message}`);
  err.line(`See: multifleet ${error.command === undefined ? "" : `${error.command} `}--help`);
  return 2;
}
