import { lstatSync, readFileSync, type Stats } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../failure.js";
import { quoted } from "../quoted.js";
import { findings, type Finding } from "./finding.js";

const { ok, note, wrong } = findings("home");
const posix = process.platform !== "win32";
const directories = ["store", "seed", "logs"];
const files = ["node.key", "fleet.json", "api.token", "config.json", "daemon.json"];
const secrets: Readonly<Record<string, string>> = {
  "node.key": "who can read this key speaks as this node",
  "fleet.json": "it holds the fleet's secret",
  "api.token": "who can read this token sends and reads as you",
};

/** Looks at the home as the daemon does at its start: it refuses one that others can look into. */
export function checkHome(home: string): Finding[] {
  const stat = statOf(home);
  if (stat === undefined)
    return [
      note(
        `${home} does not exist yet`,
        "the first start of the daemon makes it",
        `npx multifleet-daemon --home ${quoted(home)}`,
      ),
    ];
  if (stat instanceof Error)
    return [wrong(`${home} cannot be looked at: ${stat.message}`, "the daemon keeps everything there")];
  if (!stat.isDirectory())
    return [
      wrong(
        `${home} is not a directory`,
        "the daemon keeps everything there",
        `mv ${quoted(home)} ${quoted(`${home}.old`)}`,
      ),
    ];
  const found = [
    ...openness(home, stat, "700", "others can look into the home; the daemon refuses to start"),
    ...directories.flatMap((name) => look(join(home, name), "700", "the daemon refuses to start")),
    ...files.flatMap((name) =>
      look(
        join(home, name),
        "600",
        `${secrets[name] ?? "it is this node's own"}; the daemon refuses to start`,
      ),
    ),
    ...config(join(home, "config.json")),
  ];
  return found.length > 0 ? found : [ok(`${home}, closed to others`)];
}

function look(path: string, mode: "600" | "700", why: string): Finding[] {
  const stat = statOf(path);
  if (stat === undefined) return [];
  if (stat instanceof Error) return [wrong(`${path} cannot be looked at: ${stat.message}`, why)];
  return openness(path, stat, mode, why);
}

function openness(path: string, stat: Stats, wanted: string, why: string): Finding[] {
  if (!posix) return [];
  const found: Finding[] = [];
  if (process.getuid !== undefined && stat.uid !== process.getuid())
    found.push(
      wrong(`${path} belongs to user ${stat.uid}`, why, `sudo chown -R "$(id -un)" ${quoted(path)}`),
    );
  if ((stat.mode & 0o077) !== 0)
    found.push(
      wrong(
        `${path} is open to others (mode ${(stat.mode & 0o777).toString(8).padStart(4, "0")})`,
        why,
        `chmod ${wanted} ${quoted(path)}`,
      ),
    );
  return found;
}

function config(path: string): Finding[] {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    return [
      wrong(
        `${path} cannot be used: ${reasonOf(error)}`,
        "the daemon refuses to start with it",
        `npx multifleet-daemon --config ${quoted(path)} --print-config`,
      ),
    ];
  }
}

/** What is there; undefined where nothing is. */
function statOf(path: string): Stats | Error | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return error as Error;
  }
}
