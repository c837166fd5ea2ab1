import fc from "fast-check";
import { expect, test } from "vitest";
import { isField, isTypeName, maxFieldBytes, maxPacketBytes, type Packet } from "../src/index.js";
import { decodePacket, encodePacket, frameFault, trailerBytes } from "../src/wire.js";
import { anyPacket, kinds, packet, textOffsets, textPlace, withRaw } from "./packets.js";

const signedPart = (bytes: Uint8Array) => bytes.subarray(0, -trailerBytes);
const edited = (change: (bytes: Buffer) => void, of: Packet = packet()) => {
  const bytes = Buffer.from(encodePacket(of));
  change(bytes);
  return bytes;
};
/** As from any caller that the compiler does not watch. */
const untyped = (different: Record<string, unknown>) => ({ ...packet(), ...different }) as Packet;

test("a packet comes back as it went in", () => {
  fc.assert(
    fc.property(anyPacket, (sent) => {
      expect(decodePacket(encodePacket(sent))).toEqual(sent);
    }),
    { numRuns: 1_000 },
  );
});

test("there is one way to write a packet: what can be read gives the same bytes again", () => {
  let read = 0;
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(
      anyPacket,
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), byte), { maxLength: 3 }),
      (sent, edits) => {
        const bytes = encodePacket(sent);
        for (const [where, value] of edits)
          bytes[Math.floor(where * (bytes.length - trailerBytes - 1))] = value;
        const got = decodePacket(bytes);
        if (typeof got === "string") return;
        read++;
        expect(signedPart(encodePacket(got))).toEqual(signedPart(bytes));
      },
    ),
    { numRuns: 5_000 },
  );
  // Without this the property could hold for want of readable bytes.
  expect(read).toBeGreaterThan(1_000);
});

test("what was read shares no memory with the bytes it was read from", () => {
  const bytes = Buffer.from(encodePacket(packet()));
  const read = decodePacket(bytes);
  bytes.fill(0xff);
  expect(read).toEqual(packet());
});

test("every other version is refused as such, whatever follows it", () => {
  for (let version = 0; version < 256; version++) {
    if (version === 1) continue;
    expect(decodePacket(edited((bytes) => (bytes[4] = version)))).toBe("VERSION");
    expect(decodePacket(Buffer.from([0x4d, 0x46, 0x4c, 0x54, version]))).toBe("VERSION");
  }
});

test("every unknown kind is refused as such", () => {
  for (let kind = 0; kind < 256; kind++) {
    if (kind >= 1 && kind <= kinds.length) continue;
    expect(decodePacket(edited((bytes) => (bytes[5] = kind)))).toBe("KIND");
  }
  for (const kind of ["__proto__", "toString", "", "Message", undefined]) {
    expect(() => encodePacket(untyped({ kind }))).toThrow(/^packet\.kind/);
  }
});

test("a type that nobody knows is carried, for the receiver to reject with a signed reason", () => {
  const sent = packet({ type: "x-from.the_future-9" });
  expect(decodePacket(encodePacket(sent))).toEqual(sent);
});

test("a type is a lower-case letter and at most 31 more of its signs", () => {
  for (const type of ["a", "task", "a".repeat(32), "a.b_c-9"]) expect(isTypeName(type)).toBe(true);
  for (const type of ["", "A", "9a", "-a", "_a", "a".repeat(33), "a b", "a/b", "a\n", "é", "__proto__", 7]) {
    expect(isTypeName(type), String(type)).toBe(false);
    expect(() => encodePacket(untyped({ type }))).toThrow(TypeError);
    const wrong = withRaw(encodePacket(packet()), "type", Buffer.from(String(type)));
    expect(decodePacket(wrong)).toBe("MALFORMED");
  }
});

test("a flag that nobody knows is refused", () => {
  for (let bit = 2; bit < 16; bit++) {
    expect(decodePacket(edited((bytes) => bytes.writeUInt16BE(1 << bit, 6)))).toBe("MALFORMED");
  }
});

test("a packet that is cut anywhere, or is longer than it says, is refused", () => {
  const bytes = encodePacket(packet());
  for (let length = 0; length < bytes.length; length++) {
    const cut = Buffer.from(bytes.subarray(0, length));
    expect(decodePacket(cut)).toBe("MALFORMED");
    // And where its own statement of its length is adjusted.
    if (length >= 12) cut.writeUInt32BE(length, 8);
    expect(decodePacket(cut)).toBe("MALFORMED");
  }
  for (const more of [1, 2, 104, 1_000]) {
    const long = Buffer.concat([bytes, Buffer.alloc(more)]);
    expect(decodePacket(long)).toBe("MALFORMED");
    long.writeUInt32BE(long.length, 8);
    expect(decodePacket(long)).toBe("MALFORMED");
  }
});

test("an inner length that is not the right one is refused", () => {
  const offsets = textOffsets(encodePacket(packet()));
  for (const [i, at] of offsets.entries()) {
    const width = i === textPlace.body ? 4 : 2;
    for (const change of [-1, 1, 2, 100, 0xff00]) {
      const wrong = edited((bytes) => {
        const length = bytes.readUIntBE(at, width) + change;
        bytes.writeUIntBE(length < 0 ? 2 ** (8 * width) - 1 : length, at, width);
      });
      expect(decodePacket(wrong), `text ${i} by ${change}`).toBe("MALFORMED");
    }
  }
});

test("numbers go up to 2^53 - 1 and no further", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const sent = packet({ seq: most, base: most, prev: most - 1, created: most, expires: most });
  expect(decodePacket(encodePacket(sent))).toEqual(sent);
  for (const [i, name] of (["seq", "base", "prev", "created", "expires"] as const).entries()) {
    for (const value of [2 ** 53, -1, 1.5, Number.NaN, Infinity, "1", undefined, 1n]) {
      expect(() => encodePacket(untyped({ [name]: value })), `${name} ${String(value)}`).toThrow(
        new RegExp(`^packet\\.${name} `),
      );
    }
    // 2^53 + 1 has no double of its own: read carelessly it is another number's bytes.
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const wrong = edited((bytes) => bytes.writeBigUInt64BE(value, 28 + 8 * i));
      expect(decodePacket(wrong), `${name} ${value}`).toBe("MALFORMED");
    }
  }
});

test("what is numbered has a number, and only that; what comes before has a lower one", () => {
  for (const kind of kinds) {
    const numbered = kind === "message" || kind === "notice";
    const numbers = (seq: number, base: number, prev: number) => () =>
      encodePacket(packet({ kind, seq, base, prev }));
    if (numbered) {
      expect(numbers(1, 1, 0)).not.toThrow();
      expect(numbers(7, 7, 6)).not.toThrow();
      expect(numbers(0, 0, 0)).toThrow(/seq/);
      expect(numbers(7, 8, 0)).toThrow(/base/);
      expect(numbers(7, 0, 7)).toThrow(/prev/);
      expect(numbers(7, 0, 8)).toThrow(/prev/);
    } else {
      expect(numbers(0, 9, 0)).not.toThrow();
      expect(numbers(1, 0, 0)).toThrow(/seq/);
      expect(numbers(0, 0, 1)).toThrow(/prev/);
    }
  }
  const own = edited((bytes) => bytes.writeBigUInt64BE(3n, 28 + 16), packet({ seq: 3 }));
  expect(decodePacket(own)).toBe("MALFORMED");
});

for (const name of ["session", "toSession", "key"] as const) {
  test(`${name}: ${maxFieldBytes} bytes are carried, one more is refused by writer and reader`, () => {
    for (const [character, width] of [
      ["a", 1],
      ["é", 2],
      ["€", 3],
      ["𝄞", 4],
    ] as const) {
      const full = character.repeat(maxFieldBytes / width) + "a".repeat(maxFieldBytes % width);
      const sent = packet({ [name]: full });
      expect(decodePacket(encodePacket(sent))).toEqual(sent);
      for (const over of [`${full}a`, `${full}𝄞`, `${"a".repeat(maxFieldBytes - 1)}é`]) {
        expect(() => encodePacket(packet({ [name]: over }))).toThrow(new RegExp(`^packet\\.${name} `));
        const wrong = withRaw(encodePacket(packet()), name, Buffer.from(over));
        expect(decodePacket(wrong)).toBe("MALFORMED");
      }
    }
  });

  test(`${name}: control characters and lone surrogates are refused by writer and reader`, () => {
    const controls = Array.from({ length: 0xa0 }, (_, code) => code).filter(
      (code) => code < 0x20 || code >= 0x7f,
    );
    for (const code of [...controls, 0x2028, 0x2029]) {
      const text = `a${String.fromCharCode(code)}b`;
      expect(() => encodePacket(packet({ [name]: text }))).toThrow(TypeError);
      expect(decodePacket(withRaw(encodePacket(packet()), name, Buffer.from(text)))).toBe("MALFORMED");
    }
    for (const text of ["\ud800", "a\udc00", "\udc00\ud800"]) {
      expect(() => encodePacket(packet({ [name]: text }))).toThrow(TypeError);
    }
  });

  test(`${name}: bytes that are no UTF-8 are refused`, () => {
    // Stray, overlong, a surrogate, past the last character, cut.
    for (const hex of ["ff", "80", "c080", "e08080", "eda080", "f4908080", "f09d84", "61c3"]) {
      const wrong = withRaw(encodePacket(packet()), name, Buffer.from(hex, "hex"));
      expect(decodePacket(wrong), hex).toBe("MALFORMED");
    }
  });

  test(`${name}: a byte order mark and the names of JavaScript's own properties are texts like any other`, () => {
    for (const text of ["\ufeff", "\ufeffa", "__proto__", "constructor", "hasOwnProperty", "a/../b"]) {
      const read = decodePacket(encodePacket(packet({ [name]: text })));
      expect(read).toEqual(packet({ [name]: text }));
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
}

test("what is not text is no field", () => {
  for (const value of [undefined, null, 1, {}, ["a"]]) {
    expect(isField(value)).toBe(false);
    expect(() => encodePacket(untyped({ session: value }))).toThrow(TypeError);
  }
});

test("names that lead elsewhere are refused by writer and reader", () => {
  for (const name of ["fleet", "from", "to", "id", "replyTo"] as const) {
    for (const text of ["../x", "a/b", "a\u0000", "-a", "a.b", "a b", "a".repeat(65), "ä", "__proto__"]) {
      expect(() => encodePacket(untyped({ [name]: text })), `${name} ${text}`).toThrow(TypeError);
      const wrong = withRaw(encodePacket(packet()), name, Buffer.from(text));
      expect(decodePacket(wrong), `${name} ${text}`).toBe("MALFORMED");
    }
    if (name !== "replyTo") expect(() => encodePacket(untyped({ [name]: "" }))).toThrow(TypeError);
  }
});

test("a stream has 16 bytes", () => {
  for (const length of [0, 15, 17]) {
    expect(() => encodePacket(packet({ stream: new Uint8Array(length) }))).toThrow(/^packet\.stream/);
  }
});

test("a sealed packet may have exactly the limit; one byte more cannot be written, and is not looked into", () => {
  const rest = encodePacket(packet({ body: new Uint8Array(0) })).length;
  const full = encodePacket(packet({ body: new Uint8Array(maxPacketBytes - rest) }));
  expect(full).toHaveLength(maxPacketBytes);
  expect(decodePacket(full)).toMatchObject({ kind: "message" });
  expect(() => encodePacket(packet({ body: new Uint8Array(maxPacketBytes - rest + 1) }))).toThrow(
    `over the limit of ${maxPacketBytes}`,
  );
  const over = Buffer.concat([full, Buffer.alloc(1)]);
  over.writeUInt32BE(over.length, 8);
  expect(decodePacket(over)).toBe("TOO_LARGE");
  expect(frameFault(new Uint8Array(maxPacketBytes + 1))).toBe("TOO_LARGE");
});

test("any bytes at all are read as a packet or refused, never thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, framed) => {
      if (framed && bytes.length >= 12) {
        bytes.set([0x4d, 0x46, 0x4c, 0x54, 1, 1, 0, 0, 0, 0, bytes.length >> 8, bytes.length & 255]);
      }
      expect(["MALFORMED", "VERSION", "KIND"]).toContain(decodePacket(bytes));
    }),
    { numRuns: 2_000 },
  );
});
