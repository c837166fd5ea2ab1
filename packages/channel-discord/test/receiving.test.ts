import { afterEach, beforeEach, expect, test } from "vitest";
import "discord.js";
import type { Link } from "@multifleet/core";
import type { DiscordOptions } from "@multifleet/channel-discord";
import { Host } from "../../../test/host.js";
import { address, letter, open } from "./links.js";
import { StandIn } from "./stand-in/stand-in.js";

let standIn: StandIn;
let host: Host;
let link: Link | undefined;

beforeEach(async () => {
  standIn = await StandIn.open();
  host = new Host("bravo");
});

afterEach(async () => {
  await link?.[Symbol.asyncDispose]();
  link = undefined;
  await standIn.cut();
});

const ids = () => standIn.api.messages.map(({ id }) => id);
const removals = () => standIn.api.count("DELETE");
const downloads = () => standIn.api.count("GET", "/attachments/");

/** Opens, and waits until the channel was looked through. */
async function opened(more: Partial<DiscordOptions> = {}): Promise<Link> {
  link = await open(standIn, host, more);
  await standIn.api.until(() => standIn.api.count("GET", "/messages") > 0);
  return link;
}

/** A genuine message arrives: whatever came before it was seen. */
async function stillReceives(text = "after all that"): Promise<void> {
  standIn.post(...(await letter("bravo", text)));
  await host.until(() => host.texts.includes(text));
}

test("what is taken is removed from the channel, and what is refused too", async () => {
  await opened();
  await stillReceives("taken");
  host.judge = () => ({ code: "refused", reason: "not genuine" });
  await stillReceives("refused");
  await standIn.api.until(() => removals() === 2);
  await link?.[Symbol.asyncDispose]();
  expect(ids()).toEqual([]);
  expect(host.counts).toEqual({ refused_frames: 1 });
});

test("what cannot be stored now stays, and is handed over again when there is a reason to look", async () => {
  await opened();
  host.judge = () => ({ code: "later", reason: "the disk is full" });
  await stillReceives("one");
  await host.until(() => host.counts["left_messages"] === 1);
  expect(link?.status?.()).toMatchObject({ left: 1 });
  host.judge = () => ({ code: "taken" });
  link?.poke?.();
  await standIn.api.until(() => removals() === 1);
  expect(host.texts).toEqual(["one", "one"]);
});

test("a poke asks Discord nothing where nothing was left", async () => {
  await opened();
  await stillReceives();
  await standIn.api.until(() => removals() === 1);
  const { length } = standIn.api.requests;
  link?.poke?.();
  await stillReceives("and then");
  expect(standIn.api.count("GET", "/messages")).toBe(1);
  expect(standIn.api.requests.length).toBeGreaterThan(length);
});

test("a message that could not be removed is not handed over twice, and is removed at the next look", async () => {
  await opened();
  const body = { message: "Internal Server Error", code: 0 };
  standIn.api.onRequest = (method) => (method === "DELETE" ? { status: 500, body } : undefined);
  await stillReceives("once");
  await host.until(() => host.counts["remove_errors"] === 1);
  standIn.api.onRequest = () => undefined;
  expect(link?.status?.()).toMatchObject({ left: 1 });
  link?.poke?.();
  await standIn.api.until(() => removals() === 2);
  expect(host.texts).toEqual(["once"]);
});

test("a message that is told of twice, as when a session is resumed, is handed over once", async () => {
  await opened();
  const message = standIn.post(...(await letter("bravo", "told twice")));
  standIn.gateway.dispatch("MESSAGE_CREATE", message);
  await standIn.api.until(() => removals() === 1);
  standIn.gateway.dispatch("MESSAGE_CREATE", message);
  await stillReceives();
  expect(host.texts).toEqual(["told twice", "after all that"]);
});

test("a message that somebody else removed first counts as removed", async () => {
  await opened();
  host.judge = () => {
    standIn.api.messages.length = 0;
    return { code: "taken" };
  };
  await stillReceives("gone");
  await standIn.api.until(() => removals() === 1);
  await stillReceives("next");
  expect(host.counts).toEqual({});
});

test("removals keep to Discord's rate limit while frames go on coming in", async () => {
  standIn.api.limit("DELETE", 2, 300);
  await opened();
  for (let count = 0; count < 6; count++) await stillReceives(`number ${count}`);
  expect(host.texts.length).toBe(6);
  await standIn.api.until(() => removals() === 6);
  expect(host.counts).toEqual({});
});

test("bodies of 100 KB and of every script arrive as they were", async () => {
  await opened();
  const texts = ["ß → 日本語 🙂 \u0000".repeat(50), "x".repeat(100 * 1_024), "é".repeat(51_200)];
  for (const text of texts) await stillReceives(text);
  expect(host.texts).toEqual(texts);
});

test("what was posted while this node was away is read once when it opens, oldest first", async () => {
  for (const text of ["one", "two", "three"]) standIn.post(...(await letter("bravo", text)));
  host.judge = () => ({ code: "later", reason: "not now" });
  await opened();
  await host.until(() => host.texts.length === 3);
  expect(host.texts.toSorted()).toEqual(["one", "three", "two"]);
  expect(host.texts[0]).toBe("one");
});

test("it looks back as far as it is told to, a hundred messages at a time", async () => {
  standIn.post(...(await letter("bravo", "too long ago")));
  standIn.post(...(await letter("bravo", "just in sight")));
  for (let count = 0; count < 249; count++) standIn.chat("hello", false);
  link = await open(standIn, host, { history: 250 });
  await host.until(() => host.texts.length === 1);
  await stillReceives();
  expect(host.texts).toEqual(["just in sight", "after all that"]);
  expect(standIn.api.count("GET", "/messages")).toBe(3);
});

test("frames for other nodes are passed over without being fetched", async () => {
  standIn.post(...(await letter("alpha", "not yours")));
  await opened();
  standIn.post(...(await letter("alpha", "not yours either")));
  await stillReceives();
  await standIn.api.until(() => removals() === 1);
  expect([downloads(), ids().length]).toEqual([1, 2]);
  expect(host.counts).toEqual({});
});

test("two nodes with one bot each take their own", async () => {
  const alpha = new Host("alpha");
  const other = await open(standIn, alpha);
  await opened();
  for (const to of ["alpha", "bravo", "alpha", "bravo"]) standIn.post(...(await letter(to, `for ${to}`)));
  await host.until(() => host.texts.length === 2);
  await alpha.until(() => alpha.texts.length === 2);
  await standIn.api.until(() => removals() === 4);
  await other[Symbol.asyncDispose]();
  expect([host.texts, alpha.texts]).toEqual([
    ["for bravo", "for bravo"],
    ["for alpha", "for alpha"],
  ]);
});

test("what people and other bots say is nobody's business, and is never touched", async () => {
  await opened();
  const [content, file] = await letter("bravo", "hello");
  standIn.chat("good morning", true);
  standIn.chat("look at this", true, Buffer.from("a cat"));
  standIn.chat(`${content} and more`, true, file);
  // Without the message content intent Discord shows nothing of others' messages.
  standIn.chat(content, false, file);
  await stillReceives();
  expect(host.texts).toEqual(["after all that"]);
  await standIn.api.until(() => removals() === 1);
  expect(ids().length).toBe(4);
  expect(host.counts).toEqual({});
});

test("a frame posted by somebody else is judged by its seal, and stays: only the bot's own may be removed", async () => {
  await opened();
  standIn.chat(...shown(await letter("bravo", "from another bot")));
  standIn.chat(...shown([address("bravo"), Buffer.from("junk")]));
  await host.until(() => host.counts["foreign_messages"] === 2);
  await stillReceives();
  expect(host.texts).toEqual(["from another bot", "after all that"]);
  expect(host.counts).toEqual({ bad_attachments: 1, foreign_messages: 2 });
  expect(ids().length).toBeGreaterThanOrEqual(2);
});

test("a message of ours without a file, with two, or with one of an odd size is not fetched, and is removed", async () => {
  await opened();
  const [content, file] = await letter("bravo", "hello");
  standIn.post(content);
  standIn.post(content, file, file);
  for (const size of [0, -1, 1.5, 2 ** 60, 794_625]) {
    standIn.api.onAttachment = (attachment) => ({ ...attachment, size });
    standIn.post(content, file);
  }
  await host.until(() => host.counts["bad_messages"] === 7);
  await standIn.api.until(() => removals() === 7);
  expect(downloads()).toBe(0);
  expect(host.texts).toEqual([]);
});

test("a file is fetched from the hosts that are allowed, and from no other", async () => {
  await opened();
  const [content, file] = await letter("bravo", "hello");
  const port = standIn.host.split(":")[1] ?? "";
  const urls = [
    "https://169.254.169.254/latest/meta-data",
    `http://localhost:${port}/attachments/1`,
    `http://user:pw@${standIn.host}/attachments/1`,
    `http://${standIn.host}.evil.example/attachments/1`,
    `ftp://${standIn.host}/attachments/1`,
    "file:///etc/passwd",
    "not an address",
    "",
  ];
  for (const url of urls) {
    standIn.api.onAttachment = (attachment) => ({ ...attachment, url });
    standIn.post(content, file);
  }
  await host.until(() => host.counts["bad_messages"] === urls.length);
  expect(downloads()).toBe(0);
});

test("an answer that goes elsewhere is not followed", async () => {
  await opened();
  standIn.api.onDownload = (_, response) => {
    response.writeHead(302, { location: `http://${standIn.host}/attachments/elsewhere` }).end();
    return true;
  };
  standIn.post(...(await letter("bravo", "hello")));
  await host.until(() => host.counts["download_errors"] === 1);
  expect(downloads()).toBe(1);
});

test("a file that is longer than it was said to be is given up at that length, however long it goes on", async () => {
  await opened();
  let sent = 0;
  const ended = new Promise<void>((resolve) => {
    standIn.api.onDownload = (_, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.on("close", resolve);
      const flood = () => {
        while (!response.destroyed && sent < 1024 ** 3) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once("drain", flood);
        }
        response.end();
      };
      flood();
      return true;
    };
  });
  standIn.post(...(await letter("bravo", "hello")));
  await host.until(() => host.counts["bad_attachments"] === 1);
  await ended;
  // What fits into the buffers of two sockets may have been on its way.
  expect(sent).toBeLessThan(64 * 1_024 * 1_024);
  await standIn.api.until(() => removals() === 1);
});

test("a file that trickles, or never comes, is given up in time and left, and others come in meanwhile", async () => {
  await opened({ requestTimeoutMs: 2_500 });
  standIn.api.onDownload = (_, response) => {
    response.writeHead(200);
    response.write("a");
    return true;
  };
  for (let count = 0; count < 3; count++) standIn.post(...(await letter("bravo", "slow")));
  await standIn.api.until(() => downloads() === 3);
  standIn.api.onDownload = undefined;
  await stillReceives();
  await host.until(() => host.counts["download_errors"] === 3);
  expect(link?.status?.()).toMatchObject({ left: 3 });
  expect(ids().length).toBe(3);
});

test("a file that cannot be had now is left, and is had at the next look", async () => {
  await opened();
  standIn.api.onDownload = (_, response) => {
    response.writeHead(503).end();
    return true;
  };
  standIn.post(...(await letter("bravo", "in the end")));
  await host.until(() => host.counts["download_errors"] === 1);
  standIn.api.onDownload = undefined;
  link?.poke?.();
  await host.until(() => host.texts.length === 1);
  expect(host.texts).toEqual(["in the end"]);
});

test("a file that was changed, or is for another, is never handed over", async () => {
  await opened();
  const [content, file] = await letter("bravo", "hello");
  const [, others] = await letter("alpha", "hello");
  const flipped = Buffer.from(file);
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  standIn.post(content, flipped);
  standIn.post(content, others);
  standIn.post(content, Buffer.from("age-encryption.org/v1\n"));
  await host.until(() => host.counts["bad_attachments"] === 3);
  await standIn.api.until(() => removals() === 3);
  expect(host.texts).toEqual([]);
});

/** More junk where there is time for it. */
const junk = 1_100 * Number(process.env["MULTIFLEET_ROUNDS"] ?? 1);

test("thousands of junk messages for this node take bounded memory, and a genuine one still arrives", async () => {
  await opened();
  // By somebody else, so that none of it can be removed.
  const content = address("bravo");
  for (let count = 0; count < junk; count++) standIn.chat(content, true, Buffer.from("junk"));
  standIn.post(...(await letter("bravo", "the needle")));
  await host.until(() => host.texts.length === 1 || (host.counts["deferred_messages"] ?? 0) > 0);
  expect(Number(link?.status?.()["waiting"])).toBeLessThanOrEqual(1_004);
  await host.until(() => host.texts.length === 1);
  expect(host.texts).toEqual(["the needle"]);
});

test("a look that failed is made good at the next reason to look", async () => {
  standIn.post(...(await letter("bravo", "missed")));
  standIn.api.onRequest = (_, path) => (path.endsWith("/messages") ? { status: 500, body: {} } : undefined);
  await opened();
  await host.until(() => host.counts["read_errors"] === 1);
  standIn.api.onRequest = () => undefined;
  link?.poke?.();
  await host.until(() => host.texts.length === 1);
  expect(host.texts).toEqual(["missed"]);
});

test("a list of messages that is none, or full of odd things, harms nothing", async () => {
  await opened();
  host.judge = () => ({ code: "later", reason: "not now" });
  await stillReceives("one");
  await host.until(() => host.counts["left_messages"] === 1);
  for (const body of [{}, "list", [null, 1, { id: 1 }, { id: "1".repeat(18), content: {}, author: null }]]) {
    const before = standIn.api.count("GET", "/messages");
    standIn.api.onRequest = (method, path) =>
      method === "GET" && path.endsWith("/messages") ? { status: 200, body } : undefined;
    link?.poke?.();
    await standIn.api.until(() => standIn.api.count("GET", "/messages") > before);
  }
  standIn.api.onRequest = () => undefined;
  host.judge = () => ({ code: "taken" });
  await stillReceives();
  expect(host.counts["read_errors"]).toBeGreaterThanOrEqual(1);
});

test("a file that is being fetched when the link is disposed is not handed over any more, and stays", async () => {
  await opened();
  const asked = new Promise<() => void>((resolve) => {
    standIn.api.onDownload = (path, response) => {
      resolve(() => response.writeHead(200).end(standIn.api.files.get(path)));
      return true;
    };
  });
  standIn.post(...(await letter("bravo", "too late")));
  const serve = await asked;
  const closing = link?.[Symbol.asyncDispose]();
  serve();
  await closing;
  expect([host.texts, removals(), ids().length]).toEqual([[], 0, 1]);
});

test("nothing is handed over after the link was disposed, and what is being judged is waited for", async () => {
  await opened();
  let release: () => void = () => undefined;
  host.judge = async () => {
    await new Promise<void>((resolve) => (release = resolve));
    return { code: "taken" };
  };
  standIn.post(...(await letter("bravo", "held")));
  await host.until(() => host.texts.length === 1);
  const closing = link?.[Symbol.asyncDispose]();
  standIn.post(...(await letter("bravo", "too late")));
  release();
  await closing;
  expect(host.texts).toEqual(["held"]);
  expect(removals()).toBe(1);
});

/** For the eyes of a bot that was given the message content intent. */
function shown([content, file]: [string, Buffer]): [string, boolean, Buffer] {
  return [content, true, file];
}
