import { createHmac, hkdfSync } from "node:crypto";
import { expect, test, vi } from "vitest";
import {
  equalBytes,
  fleetGate,
  invitationGate,
  newKeyPair,
  signer,
  verifier,
  type PacketKind,
} from "../src/index.js";
import { kinds } from "./packets.js";

const text = (words: string) => new TextEncoder().encode(words);

test("what one key signs, its public half verifies, and no other key, text or signature does", () => {
  const [mine, other] = [newKeyPair(), newKeyPair()];
  const signature = signer(mine).sign(text("hello"));
  expect(signature).toHaveLength(64);
  const { verify } = verifier(mine.publicKey);
  expect(verify(text("hello"), signature)).toBe(true);
  expect(verify(text("hellO"), signature)).toBe(false);
  expect(verifier(other.publicKey).verify(text("hello"), signature)).toBe(false);
  for (const wrong of [signature.subarray(1), new Uint8Array(64), new Uint8Array(0), new Uint8Array(65)]) {
    expect(verify(text("hello"), wrong)).toBe(false);
  }
});

test("a signature has one form: adding the group's order to it makes it invalid", () => {
  const keys = newKeyPair();
  const signature = signer(keys).sign(text("hello"));
  // RFC 8032, 5.1.7: S must be below the order of the group, or a signature could be changed without the key.
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + order;
  const changed = new Uint8Array(signature);
  for (let i = 32; i < 64; i++, s >>= 8n) changed[i] = Number(s & 255n);
  expect(verifier(keys.publicKey).verify(text("hello"), changed)).toBe(false);
});

test("a pair whose halves do not belong together signs nothing", () => {
  const [a, b] = [newKeyPair(), newKeyPair()];
  expect(() => signer({ publicKey: a.publicKey, privateKey: b.privateKey })).toThrow(TypeError);
});

test("what is no key in plain base64url is refused", () => {
  const { publicKey, privateKey } = newKeyPair();
  const short = publicKey.slice(4);
  const padded = `${publicKey}=`;
  // The last of 43 characters carries two bits that decoding drops: two texts, one key.
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const twin = publicKey.slice(0, -1) + alphabet.charAt(alphabet.indexOf(publicKey.slice(-1)) ^ 1);
  expect(Buffer.from(twin, "base64url")).toEqual(Buffer.from(publicKey, "base64url"));
  for (const wrong of ["", "AAAA", short, padded, twin, ` ${publicKey}`, "é".repeat(43), "__proto__"]) {
    expect(() => verifier(wrong), wrong).toThrow(TypeError);
    expect(() => signer({ publicKey: wrong, privateKey }), wrong).toThrow(TypeError);
    if (wrong !== twin) expect(() => signer({ publicKey, privateKey: wrong }), wrong).toThrow(TypeError);
  }
});

test("a gate's id and MAC are those of HKDF and HMAC as any other library computes them", () => {
  const secret = Buffer.from("one secret of the fleet, long enough");
  for (const [gate, purpose] of [
    [fleetGate(secret), "fleet"],
    [invitationGate(secret), "invitation"],
  ] as const) {
    const derive = (use: string, length: number) =>
      Buffer.from(hkdfSync("sha256", secret, "multifleet", `multifleet/v1/${purpose}/${use}`, length));
    expect(Buffer.from(gate.id)).toEqual(derive("gate-id", 8));
    for (const parts of [[], ["a"], ["", "ab", "c".repeat(1_000)]]) {
      const expected = createHmac("sha256", derive("mac", 32)).update(parts.join("")).digest();
      expect(Buffer.from(gate.mac(...parts.map(text)))).toEqual(expected);
      // A second time: computing a MAC must not use the gate up.
      expect(Buffer.from(gate.mac(...parts.map(text)))).toEqual(expected);
    }
  }
});

test("one secret makes two gates that have nothing in common", () => {
  const secret = new Uint8Array(32).fill(5);
  const [fleet, invitation] = [fleetGate(secret), invitationGate(secret)];
  expect(equalBytes(fleet.id, invitation.id)).toBe(false);
  expect(equalBytes(fleet.mac(text("x")), invitation.mac(text("x")))).toBe(false);
  const shared = fleet.kinds.filter((kind) => invitation.kinds.includes(kind));
  expect(shared).toEqual([]);
  expect([...fleet.kinds, ...invitation.kinds].toSorted()).toEqual(([...kinds] as PacketKind[]).toSorted());
});

test("a short secret makes no gate", () => {
  expect(() => fleetGate(new Uint8Array(31))).toThrow("the fleet secret has 31 bytes; it needs 32");
  expect(() => fleetGate(new Uint8Array(32))).not.toThrow();
  expect(() => invitationGate(new Uint8Array(15))).toThrow("the invitation secret has 15 bytes; it needs 16");
  expect(() => invitationGate(new Uint8Array(16))).not.toThrow();
});

const timingSafeEqual = vi.hoisted(() => vi.fn());
vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return { ...crypto, timingSafeEqual: timingSafeEqual.mockImplementation(crypto.timingSafeEqual) };
});

test("byte strings are compared in constant time, and strings of two lengths are never equal", () => {
  timingSafeEqual.mockClear();
  const bytes = text("the same length");
  expect(equalBytes(bytes, new Uint8Array(bytes))).toBe(true);
  expect(equalBytes(bytes, text("The same length"))).toBe(false);
  expect(equalBytes(bytes, text("the same lengtH"))).toBe(false);
  expect(timingSafeEqual).toHaveBeenCalledTimes(3);
  expect(equalBytes(bytes, bytes.subarray(1))).toBe(false);
  expect(equalBytes(new Uint8Array(0), bytes)).toBe(false);
  expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
});
