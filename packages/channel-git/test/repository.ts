import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A configuration of git in which nothing of this machine or its user counts. */
export const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.invalid",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.invalid",
};

/** A real bare repository in a temporary directory, which also has room for what its nodes need. */
export class Repository {
  readonly base: string;
  readonly path: string;
  #spools = 0;

  private constructor(base: string) {
    this.base = base;
    this.path = join(base, "mail.git");
  }

  static async make(...more: readonly string[]): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), "mf-git-")));
    await run("git", ["init", "-q", "--bare", "--template=", ...more, repository.path], { env: environment });
    await mkdir(join(repository.path, "hooks"));
    // Nothing of git's housekeeping is to run on after a test, and no test is about a power cut.
    const settings = "[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[core]\n\tfsync = none\n";
    await appendFile(join(repository.path, "config"), settings);
    return repository;
  }

  /** A place for one more node's own directory. */
  spool(): string {
    this.#spools += 1;
    return join(this.base, `spool-${this.#spools}`);
  }

  async git(...argv: readonly string[]): Promise<string> {
    const { stdout } = await run("git", ["--git-dir", this.path, ...argv], {
      env: environment,
      maxBuffer: 1e8,
    });
    return stdout.trim();
  }

  /** The refs of this channel that are there. */
  async refs(): Promise<string[]> {
    const said = await this.git("for-each-ref", "--format=%(refname)", "refs/multifleet");
    return said === "" ? [] : said.split("\n");
  }

  async vanish(): Promise<void> {
    await rename(this.path, `${this.path}.away`);
  }

  async comeBack(): Promise<void> {
    await rename(`${this.path}.away`, this.path);
  }

  async dispose(): Promise<void> {
    await rm(this.base, { recursive: true, force: true });
  }
}
