import { fleetId, newKeyPair, nodeId } from "@multifleet/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeInvitation, encodeInvitation, type Invitation } from "../src/fleet/invitation.js";

const invitation: Invitation = {
  fleet: fleetId("f0123456789"),
  node: nodeId("mac1"),
  key: newKeyPair().publicKey,
  secret: "A".repeat(22),
  expires: 1_900_000_000_000,
  addresses: {
    http: ["http://192.168.1.5:8856"],
    ipc: ["ipc:0123456789abcdef:/home/u/.multifleet/daemon.sock"],
  },
};

test("a code says what it was made of", () => {
  expect(decodeInvitation(encodeInvitation(invitation))).toEqual(invitation);
});

test("a code may be pasted with line ends in it", () => {
  const code = encodeInvitation(invitation);
  expect(decodeInvitation(`${code.slice(0, 40)}\n  ${code.slice(40)} \n`)).toEqual(invitation);
});

test("a slip of the hand is noticed: one character changed, left out or added", () => {
  const code = encodeInvitation(invitation);
  const letter = fc.constantFrom("a", "b", "X", "Y", "0", "9", "-", "_");
  fc.assert(
    fc.property(
      fc.nat(code.length - 1),
      letter,
      fc.constantFrom("change", "drop", "add"),
      (at, other, how) => {
        const rest = code.slice(how === "add" ? at : at + 1);
        const slip = code.slice(0, at) + (how === "drop" ? "" : other) + rest;
        fc.pre(slip !== code);
        expect(decodeInvitation(slip)).toBeUndefined();
      },
    ),
  );
});

test("no text whatever makes the reader throw", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => decodeInvitation(`mf1-${text}`) === undefined),
  );
});
