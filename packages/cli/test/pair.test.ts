import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestFleet, TestNode } from "../../daemon/test/fleet.js";
import { run } from "./rig.js";

const bin = fileURLToPath(new URL("../bin/multifleet.js", import.meta.url));

let fleet: TestFleet;
let mac1: TestNode;
let mac2: TestNode;

beforeAll(async () => {
  fleet = new TestFleet();
  mac1 = await fleet.add("mac1");
  // The second one is joined by the command line itself, below.
  mac2 = new TestNode(`${fleet.directory}/mac2`, "mac2");
  fleet.nodes.push(mac2);
  await mac2.start();
});

afterAll(() => fleet[Symbol.asyncDispose]());

const at = (node: TestNode, ...argv: string[]) => run([...argv, "--home", node.home]);

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape are looked into
async function json(node: TestNode, ...argv: string[]): Promise<any> {
  const ran = await at(node, ...argv, "--json");
  expect(ran).toMatchObject({ code: 0, err: "" });
  return JSON.parse(ran.out);
}

test("a lone node has no peers, and a message to nobody is rejected at once", async () => {
  expect((await at(mac1, "peers")).out).toContain("No peers yet");
  const ran = await at(mac1, "send", "mac9", "hello", "x");
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("no node of this fleet is named mac9");
  const asked = await run(["send", "mac9", "hello", "x", "--json", "--home", mac1.home]);
  expect(JSON.parse(asked.out)).toMatchObject({ error: { code: "unknown_recipient" } });
});

test("a wrong code, and a code in pieces, are refused with what is wrong", async () => {
  for (const code of ["nonsense", "mf1-abcdef"]) {
    const ran = await at(mac2, "join", code);
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.err).toMatch(/^multifleet: .*(code|invitation)/i);
  }
});

test("invite and join make two nodes peers of each other", async () => {
  const invited = await at(mac1, "invite");
  expect(invited.code).toBe(0);
  const code = invited.out.trim();
  expect(code).toMatch(/^mf1-\S+$/);
  const joined = await at(mac2, "join", code, "--node", "mac2");
  expect(joined).toMatchObject({ code: 0, err: "" });
  expect(joined.out).toContain("Peers: mac1");
  expect((await at(mac1, "peers", "--names")).out).toBe("mac2\n");
  expect((await at(mac2, "peers", "--names")).out).toBe("mac1\n");
  expect((await at(mac2, "join", code)).code).toBe(1);
});

test("a message is sent, delivered, read, surfaced and answered, all by hand", async () => {
  const sent = await at(
    mac1,
    "send",
    "mac2/reviewer",
    "deploy",
    "push it",
    "--session",
    "asker",
    "--wait",
    "delivered",
  );
  expect(sent).toMatchObject({ code: 0, err: "" });
  const [, id = ""] = /^(\S+) {2}delivered {2}P\d \w+ [\d.]+ ms\n$/.exec(sent.out) ?? [];
  expect(id, sent.out).not.toBe("");

  const [item] = await json(mac2, "inbox", "--unsurfaced", "--session", "reviewer");
  expect(item).toMatchObject({ id, from: "mac1", session: "asker", to_session: "reviewer", body: "push it" });
  expect((await at(mac2, "inbox", "--take", id)).out).toContain("  push it\n");
  expect((await at(mac2, "inbox", "--unsurfaced")).out).toBe("Nothing new.\n");

  const answered = await at(mac2, "reply", id, "done", "--wait", "delivered");
  expect(answered).toMatchObject({ code: 0, err: "" });
  const [reply] = await json(mac1, "inbox", "--session", "asker");
  expect(reply).toMatchObject({
    type: "reply",
    reply_to: id,
    session: "reviewer",
    subject: "Re: deploy",
    body: "done",
  });

  const status = await at(mac1, "status", id);
  expect(status.out).toMatch(/receipt +delivered, signed by mac2/);
  expect(status.out).toMatch(/P\d \w+ +delivered +[\d.]+ ms/);
});

test("send --wait surfaced ends when a session was given it", async () => {
  const waiting = at(mac1, "send", "mac2", "look", "x", "--id", "look-1", "--wait", "surfaced");
  // The same id with the same body is the same message: this one only waits for less.
  await at(mac1, "send", "mac2", "look", "x", "--id", "look-1", "--wait", "delivered");
  await at(mac2, "inbox", "--take", "look-1");
  const ran = await waiting;
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).toMatch(/^look-1 {2}surfaced/);
});

test("the same id with another body is refused, and with the same one is the same message", async () => {
  const first = await json(mac1, "send", "mac2", "s", "b", "--id", "same-1");
  expect((await json(mac1, "send", "mac2", "s", "b", "--id", "same-1")).id).toBe(first.id);
  const other = await at(mac1, "send", "mac2", "s", "c", "--id", "same-1");
  expect(other).toMatchObject({ code: 1, out: "" });
});

test("what the node refuses is a reason and exit 1: sizes, ids, subjects, channels", async () => {
  const huge = await run(["send", "mac2", "s", "-", "--home", mac1.home], { stdin: "x".repeat(600_000) });
  expect(huge.err).toContain("524288");
  for (const argv of [
    ["send", "mac2", "s", "b", "--id", "../../etc"],
    ["send", "mac2", "two\nlines", "b"],
    ["send", "MAC2", "s", "b"],
    ["send", "mac2", "s", "b", "--via", "pigeon"],
    ["status", "no such id"],
    ["status", "nothing"],
    ["cancel", "nothing"],
    ["check", "mac9"],
    ["dead-letters", "retry", "nothing"],
    ["inbox", "--take", "nothing"],
    ["reply", "nothing", "x"],
  ]) {
    const ran = await at(mac1, ...argv);
    expect({ argv, code: ran.code, out: ran.out }).toEqual({ argv, code: 1, out: "" });
    expect(ran.err).toMatch(/^multifleet: ./);
  }
});

test("inbox --follow shows what comes in, at once, and once over a restart of the daemon", async () => {
  await at(mac1, "send", "mac2", "s", "b", "--id", "before", "--wait", "delivered");
  const child = spawn(process.execPath, [
    bin,
    ...["inbox", "--follow", "--json", "--limit", "1", "--home", mac2.home],
  ]);
  try {
    const out = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const err = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    const next = async () => (JSON.parse(String((await out.next()).value)) as { id: string }).id;
    expect(await next()).toBe("before");
    await at(mac1, "send", "mac2", "s", "b", "--id", "live");
    expect(await next()).toBe("live");
    await mac2.kill("SIGKILL");
    expect(String((await err.next()).value)).toContain("the daemon ended");
    await at(mac1, "send", "mac2", "s", "b", "--id", "while-away");
    await mac2.start();
    expect(await next()).toBe("while-away");
    await at(mac1, "send", "mac2", "s", "b", "--id", "after");
    expect(await next()).toBe("after");
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
});

test("a message to a node that is down is accepted, not called delivered, and can be taken back", async () => {
  await mac2.kill("SIGKILL");
  try {
    const sent = await at(
      mac1,
      "send",
      "mac2",
      "s",
      "b",
      "--id",
      "down-1",
      "--wait",
      "delivered",
      "--timeout",
      "300ms",
    );
    expect(sent.code).toBe(1);
    expect(sent.err).toMatch(/(accepted|sent), not delivered yet/);
    expect(await at(mac1, "cancel", "down-1")).toEqual({ code: 0, out: "down-1  cancelled\n", err: "" });
    expect((await at(mac1, "dead-letters")).out).toMatch(/down-1 +cancelled +mac2/);
    const again = await json(mac1, "dead-letters", "retry", "down-1");
    expect(again.id).not.toBe("down-1");
    const check = await at(mac1, "check", "mac2", "--channel", "http");
    expect(check.code).toBe(1);
    expect(check.out).toMatch(/mac2 +P2 http +delivers +no/);
    const doctor = await at(mac1, "doctor");
    expect(doctor.out).toMatch(/waiting +(accepted|sent) for/);
  } finally {
    await mac2.start();
  }
});

test("check, summary, peers and doctor of a fleet in order", async () => {
  const check = await at(mac1, "check", "mac2");
  expect(check).toMatchObject({ code: 0, err: "" });
  expect(check.out).toMatch(/mac2 +P2 http +delivers +yes +[\d.]+ ms/);
  expect((await at(mac1, "summary")).out).toMatch(/^mac1 ok, 1 of 1 peer, \d+ waiting, \d+ new\n$/);
  expect((await at(mac1, "peers")).out).toMatch(/mac2 +(now|\d+ seconds? ago) +\d+ +P2 http +up/);
  const doctor = await at(mac1, "doctor");
  expect(doctor.out).toMatch(/ok +daemon +mac1 answers/);
  expect(doctor.out).not.toMatch(/^wrong/m);
});

test("a token of another home opens nothing, and says which home is meant", async () => {
  const ran = await run(["peers", "--home", mac2.home, "--port", String(mac1.port)]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("name its home with --home");
});
