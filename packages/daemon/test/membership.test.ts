import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newKeyPair, nodeId, signer, verifier } from "@multifleet/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Fleet } from "../src/fleet/fleet.js";
import { openIdentity, type Identity } from "../src/fleet/identity.js";
import { readMembership, signMembership } from "../src/fleet/membership.js";

let directory: string;
let identity: Identity;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "membership-"));
  identity = await openIdentity(join(directory, "node.key"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function found(): Fleet {
  return Fleet.open(join(directory, "fleet.json"), identity, { asked: undefined, otherwise: nodeId("mac1") });
}

function newMember(name: string) {
  return {
    node: nodeId(name),
    key: newKeyPair().publicKey,
    recipient: identity.age.recipient,
    admitted: "2026-01-01T00:00:00Z",
  };
}

test("a fleet and its members are the same after a restart", () => {
  const fleet = found();
  fleet.admit(newMember("mac2"));
  const again = found();
  expect(again.fleet).toBe(fleet.fleet);
  expect(again.peers).toEqual(["mac2"]);
  expect(again.version).toBe(2);
});

test("a name that is taken is not admitted again", () => {
  const fleet = found();
  fleet.admit(newMember("mac2"));
  expect(() => fleet.admit(newMember("mac2"))).toThrow("mac2 is a member already");
  expect(() => fleet.admit(newMember("mac1"))).toThrow("mac1 is a member already");
});

test("an older membership never wins over a newer one", () => {
  const fleet = found();
  const old = fleet.signedMembership;
  fleet.admit(newMember("mac2"));
  const newer = fleet.signedMembership;
  expect(fleet.replace(old)).toBe("older");
  expect(fleet.replace(newer)).toBe("older");
  expect(fleet.peers).toEqual(["mac2"]);
});

test("a membership that the authority did not sign is refused", () => {
  const fleet = found();
  const forged = signMembership(
    { fleet: fleet.fleet, version: 99, members: [newMember("evil")] },
    signer(newKeyPair()),
  );
  expect(fleet.replace(forged)).toBe("invalid");
  const { document, signature } = fleet.signedMembership;
  expect(fleet.replace({ document: document.replace('"version":1', '"version":9'), signature })).toBe(
    "invalid",
  );
  expect(fleet.version).toBe(1);
});

test("a membership with one name twice is none", () => {
  const authority = newKeyPair();
  const members = [newMember("mac2"), newMember("mac2")];
  const signed = signMembership({ fleet: found().fleet, version: 2, members }, signer(authority));
  expect(readMembership(signed, verifier(authority.publicKey))).toBeUndefined();
});

test("a home's node cannot be started under another name", () => {
  found();
  expect(() =>
    Fleet.open(join(directory, "fleet.json"), identity, { asked: nodeId("other"), otherwise: nodeId("x") }),
  ).toThrow("this home is node mac1, not other");
});
