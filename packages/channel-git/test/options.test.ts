import { ChannelError } from "@multifleet/core";
import { expect, test } from "vitest";
import { Host } from "../../../test/host.js";
import { git } from "../src/index.js";
import type { GitOptions } from "../src/options.js";
import { Fleet } from "./fleet.js";

const cover = (await Fleet.of("alpha")).cover("alpha");
const good = { remote: "/srv/mail.git", directory: "/nowhere/git", cover };

/** What `open` says of options as they may stand in a config file. */
async function complaint(options: unknown): Promise<string> {
  const { signal } = new AbortController();
  const error = await git(options as GitOptions)
    .open(new Host("alpha"), { signal })
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  if (!(error instanceof ChannelError)) throw new Error("it opened, or threw something else");
  return `${error.code}: ${error.message}`;
}

test.each([
  [null, "MISCONFIGURED: git: options is null, and must be an object"],
  [{ ...good, remot: 1 }, 'MISCONFIGURED: git: there is no option "remot"; there are remote, remotes,'],
  [
    { ...good, remote: "ext::sh" },
    'MISCONFIGURED: git: remote is "ext::sh", and must be a git remote such as',
  ],
  [{ ...good, remote: "--upload-pack=x" }, 'MISCONFIGURED: git: remote is "--upload-pack=x"'],
  [{ ...good, remotes: "/srv/x" }, 'MISCONFIGURED: git: remotes is "/srv/x", and must be a list'],
  [{ ...good, remotes: ["x"] }, 'MISCONFIGURED: git: remotes is ["x"], and must be a list'],
  [{ ...good, remote: undefined }, "MISCONFIGURED: git: remote is missing"],
  [{ ...good, directory: "git" }, 'MISCONFIGURED: git: directory is "git", and must be an absolute path'],
  [{ ...good, directory: undefined }, "MISCONFIGURED: git: directory is missing"],
  [{ ...good, cover: undefined }, "MISCONFIGURED: git: cover is missing, and must be a FrameCover"],
  [{ ...good, cover: {} }, "MISCONFIGURED: git: cover is {}, and must be a FrameCover"],
  [{ ...good, timeoutMs: 5 }, "MISCONFIGURED: git: timeoutMs is 5, and must be a whole number from 1000"],
  [{ ...good, maxInboundBytes: 1 }, "MISCONFIGURED: git: maxInboundBytes is 1"],
  [
    { ...good, ssh: "-oProxyCommand=x" },
    'MISCONFIGURED: git: ssh is "-oProxyCommand=x", and must be the name',
  ],
  [{ ...good, ssh: "ssh -v" }, 'MISCONFIGURED: git: ssh is "ssh -v", and must be the name of a program'],
])("options %j are refused with a line that says what to do", async (options, line) => {
  expect(await complaint(options)).toContain(line);
});

test("a password in a remote that is refused is not repeated", async () => {
  const said = await complaint({ ...good, remote: "https://me:s3cret@host/x?y" });
  expect(said).toContain("https://...@host");
  expect(said).not.toContain("s3cret");
});
