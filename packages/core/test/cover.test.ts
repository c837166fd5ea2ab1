import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { encryptBody, frameCover, newAgeIdentity, type FrameCover } from "../src/age.js";
import { fleetId, nodeId, packetId } from "../src/index.js";

const [mac1, mac2, mac3, nobody] = ["mac1", "mac2", "mac3", "nobody"].map((name) => nodeId(name)) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];
const covers = new Map<string, FrameCover>();
const recipients = new Map<string, string>();

beforeAll(async () => {
  for (const node of [mac1, mac2, mac3]) {
    const { identity, recipient } = await newAgeIdentity();
    recipients.set(node, recipient);
    covers.set(
      node,
      frameCover(identity, (of) => recipients.get(of)),
    );
  }
});

const by = (node: string): FrameCover => covers.get(node) as FrameCover;
const frame = new TextEncoder().encode("from mac1 to mac2: the key is under the mat");

test("a covered frame is read by the node it goes to, and by nobody else, nor by who covered it", async () => {
  const covered = (await by(mac1).cover(frame, mac2)) as Uint8Array;
  expect(Buffer.from(covered).includes("under the mat")).toBe(false);
  expect(Buffer.from(covered).includes("mac2")).toBe(false);
  expect(await by(mac2).uncover(covered)).toEqual(frame);
  expect(await by(mac3).uncover(covered)).toBeUndefined();
  expect(await by(mac1).uncover(covered)).toBeUndefined();
});

test("nothing is covered to a node whose key is not known", async () => {
  expect(await by(mac1).cover(frame, nobody)).toBeUndefined();
});

test("changed or cut bytes are never read as a frame", async () => {
  const covered = (await by(mac1).cover(frame, mac2)) as Uint8Array;
  await fc.assert(
    fc.asyncProperty(fc.nat(covered.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Uint8Array.from(covered);
      changed[at] = (changed[at] ?? 0) ^ change;
      expect(await by(mac2).uncover(changed)).toBeUndefined();
      expect(await by(mac2).uncover(covered.subarray(0, at))).toBeUndefined();
    }),
    { numRuns: 40 },
  );
});

test("an encrypted body is not taken for a covered frame", async () => {
  const envelope = { fleet: fleetId("home"), from: mac1, to: mac2, id: packetId("p1") };
  const body = await encryptBody(frame, envelope, recipients.get(mac2) as string);
  expect(await by(mac2).uncover(body)).toBeUndefined();
});
