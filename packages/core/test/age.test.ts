import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { decryptBody, encryptBody, newAgeIdentity, type Envelope } from "../src/age.js";
import {
  encodeContent,
  fleetId,
  maxBodyBytes,
  maxFieldBytes,
  maxPacketBytes,
  maxSubjectBytes,
  nodeId,
  open,
  packetId,
  seal,
} from "../src/index.js";
import { findProgram } from "../../../test/needs.js";
import { gate, home, mac1, mac2, member, packet, trust } from "./packets.js";

const envelope: Envelope = { fleet: home, from: mac1, to: mac2, id: packetId("p1") };
const body = new TextEncoder().encode("the key is under the mat");
const head = "multifleet/v1/body\nhome\nmac1\nmac2\np1\n";

let mine: Awaited<ReturnType<typeof newAgeIdentity>>;
let other: Awaited<ReturnType<typeof newAgeIdentity>>;
beforeAll(async () => {
  mine = await newAgeIdentity();
  other = await newAgeIdentity();
});

test("a body that is encrypted to a node is read by it, and by nobody else", async () => {
  const encrypted = await encryptBody(body, envelope, mine.recipient);
  expect(Buffer.from(encrypted).includes(Buffer.from("under the mat"))).toBe(false);
  expect(await decryptBody(encrypted, envelope, mine.identity)).toEqual(body);
  expect(await decryptBody(encrypted, envelope, other.identity)).toBeUndefined();
});

test("any body comes back as it went in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (plain) => {
      const encrypted = await encryptBody(plain, envelope, mine.recipient);
      expect(await decryptBody(encrypted, envelope, mine.identity)).toEqual(plain);
    }),
    { numRuns: 10 },
  );
});

test("a body taken over into another packet, sender, receiver or fleet is refused", async () => {
  const encrypted = await encryptBody(body, envelope, mine.recipient);
  const moved: Partial<Envelope>[] = [
    { id: packetId("p2") },
    { id: packetId("p") },
    { from: nodeId("mac3") },
    { to: nodeId("mac3") },
    { fleet: fleetId("office") },
    { from: mac2, to: mac1 },
  ];
  for (const different of moved) {
    const read = await decryptBody(encrypted, { ...envelope, ...different }, mine.identity);
    expect(read, JSON.stringify(different)).toBeUndefined();
  }
});

test("a changed or cut body is refused", async () => {
  const encrypted = await encryptBody(body, envelope, mine.recipient);
  for (let at = 0; at < encrypted.length; at += 7) {
    const changed = new Uint8Array(encrypted);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(await decryptBody(changed, envelope, mine.identity), `byte ${at}`).toBeUndefined();
    expect(await decryptBody(encrypted.subarray(0, at), envelope, mine.identity)).toBeUndefined();
  }
});

test("a member's hostile age header costs the reader no time", async () => {
  const header = Buffer.from(await encryptBody(body, envelope, other.recipient)).toString("latin1");
  const stanza = header.slice(header.indexOf("->"), header.indexOf("--- "));
  const rest = header.slice(header.indexOf("--- "));
  const many = (count: number) =>
    Buffer.from(`age-encryption.org/v1\n${stanza.repeat(count)}${rest}`, "latin1");
  const started = process.cpuUsage();
  expect(await decryptBody(many(7_000), envelope, mine.identity)).toBeUndefined();
  expect(
    await decryptBody(Buffer.alloc(maxPacketBytes, "-> a\n\n"), envelope, mine.identity),
  ).toBeUndefined();
  // Seven thousand recipients take seconds to try, and this is a bound on work, not a race.
  expect(process.cpuUsage(started).user).toBeLessThan(500_000);
});

test("a body that is encrypted to its sender too is read by both", async () => {
  const encrypted = await encryptBody(body, envelope, mine.recipient, other.recipient);
  for (const { identity } of [mine, other]) {
    expect(await decryptBody(encrypted, envelope, identity)).toEqual(body);
  }
  await expect(encryptBody(body, envelope)).rejects.toThrow(TypeError);
});

test("keys that are none are refused with an error, not with a missing body", async () => {
  for (const wrong of ["", "age1", "__proto__", mine.identity]) {
    await expect(encryptBody(body, envelope, wrong)).rejects.toThrow(new TypeError("not an age recipient"));
  }
  for (const wrong of ["", "AGE-SECRET-KEY-1", mine.recipient]) {
    await expect(
      decryptBody(await encryptBody(body, envelope, mine.recipient), envelope, wrong),
    ).rejects.toThrow(new TypeError("not an age identity"));
  }
});

test("the largest message there can be fits into a packet, encrypted too", async () => {
  const content = encodeContent({ subject: "s".repeat(maxSubjectBytes), body: "b".repeat(maxBodyBytes) });
  const longest = {
    from: nodeId("a".repeat(63)),
    to: mac2,
    id: packetId("i".repeat(64)),
    replyTo: packetId("r".repeat(64)),
    type: "t".repeat(32),
    session: "s".repeat(maxFieldBytes),
    toSession: "t".repeat(maxFieldBytes),
    key: "k".repeat(maxFieldBytes),
    encrypted: true,
  };
  const encrypted = await encryptBody(content, { fleet: home, ...longest }, mine.recipient);
  const alice = member(longest.from);
  const sealed = seal(packet({ ...longest, body: encrypted }), { gate, signer: alice.signer });
  expect(sealed.bytes.length).toBeLessThanOrEqual(maxPacketBytes);
  const opened = open(sealed.bytes, trust({ [alice.name]: alice.verifier }));
  if (!opened.ok) throw new Error(opened.code);
  // The opened packet is the envelope.
  const read = await decryptBody(opened.packet.body, opened.packet, mine.identity);
  expect(Buffer.compare(read ?? new Uint8Array(0), content)).toBe(0);
});

const age = findProgram("age");

test.skipIf(age === undefined)(
  "the age command reads what we encrypt, and we read what it encrypts (needs age)",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "multifleet-age-"));
    try {
      const key = join(directory, "key.txt");
      writeFileSync(key, `${mine.identity}\n`, { mode: 0o600 });
      const run = (input: Uint8Array, ...argv: string[]) =>
        spawnSync(age ?? "", argv, { input, timeout: 10_000 });

      const decrypted = run(
        await encryptBody(body, envelope, mine.recipient),
        "--decrypt",
        "--identity",
        key,
      );
      expect(decrypted.stderr.toString()).toBe("");
      expect(decrypted.stdout.toString()).toBe(`${head}the key is under the mat`);

      const encrypted = run(
        Buffer.concat([Buffer.from(head), body]),
        "--encrypt",
        "--recipient",
        mine.recipient,
      );
      expect(encrypted.stderr.toString()).toBe("");
      expect(await decryptBody(encrypted.stdout, envelope, mine.identity)).toEqual(body);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
