import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decryptBody } from "../src/age.js";
import {
  decodeContent,
  decodeReceipt,
  decodeRelayAnswer,
  decodeRelayRequest,
  fleetGate,
  invitationGate,
  nodeId,
  open,
  refusals,
  verifier,
} from "../src/index.js";
import { vectors } from "../vectors/generate.mjs";
import { home, kinds, trust } from "./packets.js";
import { digest, publicKey, readSealed, sealBytes, type Door } from "./reference.js";

interface Accepted {
  readonly name: string;
  readonly gate: "fleet" | "invitation";
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  readonly content?: unknown;
  readonly receipt?: { readonly digest: string };
  readonly relay?: object;
  readonly relayed?: object;
  readonly decrypted?: string;
  readonly signed: string;
  readonly digest: string;
  readonly sealed: string;
}

interface File {
  readonly keys: {
    readonly nodes: Readonly<Record<string, { readonly seed: string; readonly publicKey: string }>>;
    readonly fleet: { readonly secret: string; readonly gateId: string };
    readonly invitation: { readonly secret: string; readonly gateId: string };
    readonly age: { readonly identity: string };
  };
  readonly trust: { readonly fleet: string; readonly node: string; readonly members: readonly string[] };
  readonly packets: readonly Accepted[];
  readonly refusals: readonly { name: string; code: string; sealed: string; padTo?: number }[];
}

const file: File = JSON.parse(readFileSync(new URL("../vectors/packets.json", import.meta.url), "utf8"));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => Buffer.from(text, "hex");

const gates = [fleetGate(bytes(file.keys.fleet.secret)), invitationGate(bytes(file.keys.invitation.secret))];
const members = Object.fromEntries(
  file.trust.members.map((name) => {
    const key = bytes(file.keys.nodes[name]?.publicKey ?? "").toString("base64url");
    return [name, verifier(key)];
  }),
);
const belief = trust(members, { gates, fleet: home, node: nodeId(file.trust.node) });

test("the file of vectors is what its generator makes of the library as it is", () => {
  expect(file).toEqual(vectors());
});

test("the vectors leave out no kind and no refusal", () => {
  expect(new Set(file.packets.map(({ fields }) => fields["kind"]))).toEqual(new Set(kinds));
  expect(new Set(file.refusals.map(({ code }) => code))).toEqual(new Set(refusals));
});

test("the gates of the vectors have the stated ids", () => {
  expect(gates.map(({ id }) => hex(id))).toEqual([file.keys.fleet.gateId, file.keys.invitation.gateId]);
});

test("the nodes of the vectors have the stated keys", () => {
  for (const { seed, publicKey: stated } of Object.values(file.keys.nodes)) {
    expect(hex(publicKey(bytes(seed)))).toBe(stated);
  }
});

for (const vector of file.packets) {
  test(`${vector.name} opens with the stated fields`, async () => {
    const opened = open(bytes(vector.sealed), belief);
    if (!opened.ok) throw new Error(opened.code);
    const { packet } = opened;
    expect({ ...packet, stream: hex(packet.stream), body: hex(packet.body) }).toEqual(vector.fields);
    expect(hex(opened.digest)).toBe(vector.digest);

    let { body } = packet;
    if (vector.decrypted !== undefined) {
      const plain = await decryptBody(body, packet, file.keys.age.identity);
      expect(hex(plain ?? new Uint8Array(0))).toBe(vector.decrypted);
      body = plain ?? body;
    }
    if (vector.content !== undefined) expect(decodeContent(body)).toEqual(vector.content);
    if (vector.relay !== undefined) {
      const passed = decodeRelayRequest(body);
      expect({ ...passed, packet: hex(passed?.packet ?? body) }).toEqual(vector.relay);
    }
    if (vector.relayed !== undefined) {
      const said = decodeRelayAnswer(body);
      expect({ ...said, answer: hex(said?.answer ?? body) }).toEqual(vector.relayed);
    }
    if (vector.receipt !== undefined) {
      expect(decodeReceipt(body)).toEqual({
        ...vector.receipt,
        digest: new Uint8Array(bytes(vector.receipt.digest)),
      });
    }
  });

  test(`${vector.name} is read and sealed alike by a second implementation`, () => {
    const door: Door = { purpose: vector.gate, secret: bytes(file.keys[vector.gate].secret) };
    const keys = file.keys.nodes[String(vector.fields["from"])];
    const read = readSealed(bytes(vector.sealed), bytes(keys?.publicKey ?? ""), door);
    const numbers = Object.entries(vector.fields).filter(([, value]) => typeof value === "number");
    const wide = Object.fromEntries(numbers.map(([name, value]) => [name, BigInt(Number(value))]));
    expect(read).toEqual({ ...vector.fields, ...wide });
    expect(hex(digest(bytes(vector.signed)))).toBe(vector.digest);
    expect(hex(sealBytes(bytes(vector.signed), bytes(keys?.seed ?? ""), door))).toBe(vector.sealed);
  });
}

for (const { name, code, sealed, padTo = 0 } of file.refusals) {
  test(`refused with ${code}: ${name}`, () => {
    const given = bytes(sealed);
    const padded = Buffer.concat([given, Buffer.alloc(Math.max(0, padTo - given.length))]);
    expect(open(padded, belief)).toEqual({ ok: false, code });
  });
}
