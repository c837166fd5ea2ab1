import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { detect, isCapability, readGitHead, findGitDirectory } from "../src/index.js";

/** A directory with programs of ours, alone on the PATH. */
class Programs implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "programs-"));
  readonly devices = join(this.directory, "dev");

  constructor() {
    mkdirSync(this.devices);
  }

  add(name: string, script: string): void {
    const path = join(this.directory, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }

  detect(more: { readonly patience?: number; readonly signal?: AbortSignal } = {}) {
    const { directory, devices } = this;
    return detect({ signal: new AbortController().signal, env: { PATH: directory }, devices, ...more });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const unix = process.platform !== "win32";

test.runIf(unix)("programs are found on the PATH, each with its version", async () => {
  using programs = new Programs();
  programs.add("git", "echo git version 2.39.5");
  programs.add("ssh", "echo 'OpenSSH_9.2p1 Debian-2' >&2");
  programs.add("claude", "echo '2.1.7 (Claude Code)'");
  const found = await programs.detect();
  expect(found.capabilities.filter((name) => name !== "gpu")).toEqual(["claude", "git", "ssh"]);
  expect(found.tools).toEqual({ git: "2.39.5", ssh: "9.2p1", claude: "2.1.7" });
  expect(found.capabilities.every(isCapability)).toBe(true);
});

test.runIf(unix)("one that hangs, fails or never stops talking is there, without a version", async () => {
  using programs = new Programs();
  programs.add("codex", "exec /bin/sleep 600");
  programs.add("gemini", "exit 3");
  programs.add("docker", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
  const found = await programs.detect({ patience: 300 });
  expect(found.capabilities.filter((name) => name !== "gpu")).toEqual(["codex", "docker", "gemini"]);
  expect(found.tools).toEqual({});
});

test.runIf(unix)("nothing is started any more once it was called off", async () => {
  using programs = new Programs();
  programs.add("git", "echo git version 2.39.5");
  expect((await programs.detect({ signal: AbortSignal.abort() })).tools).toEqual({});
});

test.runIf(process.platform === "linux")("a device of NVIDIA's or its tool is a gpu", async () => {
  using programs = new Programs();
  expect((await programs.detect()).capabilities).not.toContain("gpu");
  writeFileSync(join(programs.devices, "nvidia0"), "");
  expect((await programs.detect()).capabilities).toContain("gpu");
  rmSync(join(programs.devices, "nvidia0"));
  programs.add("nvidia-smi", "exit 1");
  expect((await programs.detect()).capabilities).toContain("gpu");
});

test("a capability's name is 1 to 32 of a-z, 0-9 and hyphens", () => {
  for (const name of ["gpu", "db", "cursor-agent", "a".repeat(32)])
    expect(isCapability(name), name).toBe(true);
  for (const name of ["", "GPU", "-x", "a b", "a/b", "ü", "a".repeat(33), 1, null])
    expect(isCapability(name), String(name)).toBe(false);
});

test("the commit of a repository is read from its files, loose, packed, detached or in a work tree of its own", () => {
  using programs = new Programs();
  const { directory } = programs;
  const git = join(directory, ".git");
  const inside = join(directory, "src", "deep");
  mkdirSync(join(git, "refs", "heads"), { recursive: true });
  mkdirSync(inside, { recursive: true });
  expect(findGitDirectory(inside)).toBe(git);
  expect(readGitHead(git)).toBe(null);
  writeFileSync(join(git, "HEAD"), "ref: refs/heads/main\n");
  expect(readGitHead(git)).toBe(null);
  const [packed, loose, detached] = ["a", "b", "c"].map((digit) => digit.repeat(40));
  writeFileSync(join(git, "packed-refs"), `# pack-refs with: peeled\n${packed} refs/heads/main\n`);
  expect(readGitHead(git)).toBe(packed);
  writeFileSync(join(git, "refs", "heads", "main"), `${loose}\n`);
  expect(readGitHead(git)).toBe(loose);
  const tree = join(directory, "tree");
  const own = join(git, "worktrees", "tree");
  mkdirSync(tree);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(tree, ".git"), `gitdir: ${own}\n`);
  writeFileSync(join(own, "commondir"), "../..\n");
  writeFileSync(join(own, "HEAD"), "ref: refs/heads/main\n");
  const found = findGitDirectory(tree);
  expect(found).toBe(own);
  expect(readGitHead(own)).toBe(loose);
  writeFileSync(join(own, "HEAD"), `${detached}\n`);
  expect(readGitHead(own)).toBe(detached);
  writeFileSync(join(own, "HEAD"), "ref: refs/../../../etc/passwd\n");
  expect(readGitHead(own)).toBe(null);
});
