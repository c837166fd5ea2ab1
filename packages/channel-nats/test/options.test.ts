import { ChannelError } from "@multifleet/core";
import { expect, test } from "vitest";
import { Host } from "../../../test/host.js";
import { nats } from "../src/index.js";
import { covers, isReplySubject } from "../src/names.js";
import { checkOptions } from "../src/options.js";
import { parseServer } from "../src/server.js";

function complaint(options: unknown): string {
  try {
    checkOptions(options);
  } catch (error) {
    if (error instanceof ChannelError && error.code === "MISCONFIGURED") return error.message;
    throw error;
  }
  throw new Error("nothing is wrong with it");
}

test("an option that does not exist is named, with those that do", () => {
  expect(complaint({ server: "x" })).toMatch(/no option "server"; there are servers, name, token/);
  expect(complaint({ tls: { cafile: "x" } })).toMatch(/no option "tls.cafile"; there are ca, cert, key/);
  expect(complaint({ __proto__: null, constructor: 1 })).toMatch(/no option "constructor"/);
});

test("an option of the wrong kind is named, with its value and what is allowed", () => {
  expect(complaint({ replicas: 2 })).toBe("nats: replicas is 2, and must be 1, 3 or 5");
  expect(complaint({ connectTimeoutMs: 1 })).toContain("a whole number from 10 to 60000");
  expect(complaint({ tls: "yes" })).toContain('tls is "yes"');
  expect(complaint({ servers: [] })).toContain("servers");
  expect(complaint([])).toContain("must be an object");
});

test("no secret is in a complaint", () => {
  const secret = "s3cret";
  for (const options of [
    { servers: `nats://me:${secret}@host:4222/path` },
    { servers: [`http://${secret}@host`] },
    { nkey: secret },
    { token: [secret] },
    { pass: { secret } },
    { servers: `nats://${secret}@one`, token: "another" },
    { servers: [`nats://${secret}@one`, "nats://other@two"] },
  ])
    expect(complaint(options)).not.toContain(secret);
});

test("there is one login", () => {
  expect(complaint({ token: "a", user: "b" })).toContain("token and user");
  expect(complaint({ pass: "a" })).toContain("pass needs a user");
  expect(complaint({ user: "a", pass: "b", passFile: "c" })).toContain("pass and passFile");
  expect(complaint({ tls: { cert: "a" } })).toContain("tls.cert and tls.key");
});

test("servers are read as NATS users write them", () => {
  expect(parseServer("localhost")).toEqual({ host: "localhost", port: 4_222, tls: false });
  expect(parseServer(" nats://h:80 ")).toEqual({ host: "h", port: 80, tls: false });
  expect(parseServer("tls://[::1]:443/")).toEqual({ host: "::1", port: 443, tls: true });
  expect(parseServer("nats://t0ken@h")).toEqual({
    host: "h",
    port: 4_222,
    tls: false,
    login: { token: "t0ken" },
  });
  expect(parseServer("nats://me:4222%40x@h:1")).toMatchObject({
    port: 1,
    login: { user: "me", pass: "4222@x" },
  });
  for (const none of [
    "",
    "http://h",
    "nats://h:99999",
    "nats://h/path",
    "nats://h?x",
    "nats://%zz@h",
    "nats:// h",
  ])
    expect(parseServer(none), none).toBeUndefined();
});

test("making the channels checks nothing and opens nothing; opening says what is wrong", async () => {
  const channels = nats({ servers: "http://x" });
  expect(channels.map(({ name }) => name)).toEqual(["nats", "jetstream"]);
  const { signal } = new AbortController();
  for (const channel of channels)
    await expect(channel.open(new Host("alpha"), { signal })).rejects.toMatchObject({
      code: "MISCONFIGURED",
    });
  expect(nats({ jetstream: false }).map(({ name }) => name)).toEqual(["nats"]);
});

test("a stream's subjects are compared as the server does", () => {
  const subject = "fleet.home.store.mac2.x";
  for (const pattern of ["fleet.*.store.*.*", "fleet.>", ">", subject])
    expect(covers(pattern, subject)).toBe(true);
  for (const pattern of ["fleet.*.store.*", `${subject}.>`, "other.>", "fleet.home.*.mac2", ""])
    expect(covers(pattern, subject)).toBe(false);
});

test("answers go to inboxes, and nowhere else", () => {
  for (const subject of ["_INBOX.fleet.home.mac1.re.abc.1", "_INBOX.x", "_R_.a.b"])
    expect(isReplySubject(subject)).toBe(true);
  for (const subject of [
    "_INBOX",
    "_INBOX.>",
    "_INBOX.*",
    "$JS.API.x",
    "fleet.home.node.a.in",
    "_INBOX.a b",
    "",
  ])
    expect(isReplySubject(subject)).toBe(false);
});
