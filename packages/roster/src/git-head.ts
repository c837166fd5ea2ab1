import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const commit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const most = 4_194_304;

/** Where a repository that `directory` is in keeps its HEAD; undefined where it is in none. gitrepository-layout(5). */
export function findGitDirectory(directory: string): string | undefined {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const candidate = join(at, ".git");
    const text = read(candidate);
    if (text !== undefined) {
      const [, named] = /^gitdir: (.+)$/m.exec(text) ?? [];
      return named === undefined ? undefined : resolve(at, named.trim());
    }
    if (isDirectory(candidate)) return candidate;
    if (dirname(at) === at) return undefined;
  }
}

/** The commit that HEAD is at, read without git; null where there is none yet. */
export function readGitHead(gitDirectory: string): string | null {
  const head = read(join(gitDirectory, "HEAD"))?.trim() ?? "";
  if (commit.test(head)) return head;
  const [, ref] = /^ref: (refs\/[^\0\\]+)$/.exec(head) ?? [];
  if (ref === undefined || ref.includes("..")) return null;
  const common = resolve(gitDirectory, read(join(gitDirectory, "commondir"))?.trim() ?? ".");
  const loose = read(join(common, ref))?.trim() ?? "";
  if (commit.test(loose)) return loose;
  for (const line of (read(join(common, "packed-refs")) ?? "").split("\n")) {
    const [id = "", name] = line.split(" ");
    if (name === ref && commit.test(id)) return id;
  }
  return null;
}

function read(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    return size > most ? undefined : readFileSync(path, "utf8");
  } catch {
    // Not there, or a directory: the caller looks elsewhere.
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
