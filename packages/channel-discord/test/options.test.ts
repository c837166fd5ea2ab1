import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import discordByDefault, { discord, type DiscordOptions } from "@multifleet/channel-discord";
import { Host } from "../../../test/host.js";
import { coverOf } from "./covers.js";
import { members } from "./links.js";
import { readToken } from "../src/token.js";

const token = "MTMwMDAwMDAwMDAwMDAwMDAwMQ.GhIjKl.a-token_that-no_one_may_see_anywhere";
const given = { token, channel: "1400000000000000001", cover: coverOf(members, "alpha") };

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "discord-"));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

/** What is said of options that can never work. */
async function complaint(options: unknown): Promise<string> {
  const { signal } = new AbortController();
  const opening = discord(options as DiscordOptions).open(new Host("alpha"), { signal });
  return await opening.then(
    async (link) => {
      await link[Symbol.asyncDispose]();
      return "none";
    },
    ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
  );
}

test("the default export makes the channel, which is tried last of all that store", () => {
  expect(discordByDefault).toBe(discord);
  const { name, traits } = discord(given);
  expect([name, traits]).toEqual([
    "discord",
    { effect: "stores", inbound: true, maxFrameBytes: 786_432, rank: 9 },
  ]);
});

test.each([
  [{ tokens: "x" }, 'there is no option "tokens"'],
  [
    { channel: 1_400_000_000_000_000_000 },
    "channel is 1400000000000000000, and must be a channel's id in quotes",
  ],
  [{ channel: "general" }, 'channel is "general"'],
  [{ channel: undefined }, "channel is missing"],
  [{ cover: undefined }, "cover is missing, and must be left to the daemon"],
  [{ cover: {} }, "cover is not what it should be"],
  [{ api: "http://discord.com/api" }, "an https:// address"],
  [{ api: "http://127.0.0.1.evil.example/api" }, "an https:// address"],
  [{ api: "https://user:pw@discord.com/api" }, "an https:// address"],
  [{ api: "https://discord.com/api/" }, "an https:// address"],
  [{ api: 7 }, "an https:// address"],
  [{ attachmentHosts: [] }, "a list of host names"],
  [{ attachmentHosts: ["https://cdn.discordapp.com"] }, "a list of host names"],
  [{ history: -1 }, "history is -1, and must be a whole number from 0 to 10000"],
  [{ maxWaitMs: 1.5 }, "maxWaitMs is 1.5"],
  [{ requestTimeoutMs: "1s" }, 'requestTimeoutMs is "1s"'],
  [{ tokenFile: "/tmp/x" }, "one of the two"],
  [{ token: undefined }, "one of the two"],
])("%o is an error that says what is wrong and what is allowed", async (wrong, says) => {
  const text = await complaint({ ...given, ...wrong });
  expect(text).toMatch(/^MISCONFIGURED discord: /);
  expect(text).toContain(says);
  expect(text).not.toContain(token);
});

test("options that are no object are an error too", async () => {
  expect(await complaint([])).toContain("options is [], and must be an object");
});

test("a wrong token is not shown, not even in part", async () => {
  const wrong = `Bot ${token}`;
  const text = await complaint({ ...given, token: wrong });
  expect(text).toContain("token is not what it should be");
  for (const part of token.split(".")) expect(text).not.toContain(part);
});

test("a token is read from a file that is its owner's alone", async () => {
  const path = join(home, "token");
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  expect(await readToken(path)).toBe(token);
});

test.skipIf(process.platform === "win32")(
  "a token file that others can read is refused, with what to type",
  async () => {
    const path = join(home, "token");
    await writeFile(path, token);
    for (const mode of [0o644, 0o640, 0o604]) {
      await chmod(path, mode);
      const { token: _, ...rest } = given;
      const text = await complaint({ ...rest, tokenFile: path });
      expect(text).toBe(`MISCONFIGURED discord: others can read ${path}. Type: chmod 600 ${path}`);
    }
  },
);

test("a token file that is missing, or holds something else, is named and not shown", async () => {
  const path = join(home, "token");
  await expect(readToken(path)).rejects.toMatchObject({
    code: "MISCONFIGURED",
    message: expect.stringContaining("ENOENT"),
  });
  for (const text of ["", "too short", `${token} ${token}`, "x".repeat(5_000)]) {
    await writeFile(path, text, { mode: 0o600 });
    const error = await readToken(path).then(
      () => expect.fail("it was read"),
      (thrown: Error) => thrown,
    );
    expect(error.message).toContain(path);
    if (text !== "") expect(error.message).not.toContain(text);
  }
});

test("what makes a channel does nothing until it is opened, whatever it is given", () => {
  expect(discord(undefined as never).name).toBe("discord");
});
