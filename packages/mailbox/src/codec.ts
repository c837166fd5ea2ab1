import { checksum, checksumOf } from "./checksum.js";
import { MailboxError } from "./errors.js";

/*
 * A stored value: 1 byte of version, 4 of CRC-32 over the key and the rest, then the fields one after the other. Texts and
 * byte strings carry their length in 4 bytes, numbers are IEEE doubles: all that is counted here is below 2^53.
 */
const version = 1;
const headBytes = 5;

/** How one field is written into `scratch`, and read from a value. */
export interface Field<Value> {
  write(value: Value): void;
  read(): Value;
}

type ValueOf<Type> = Type extends Field<infer Value> ? Value : never;

/** Values of one shape, as bytes that notice their own damage. */
export interface Codec<Value> {
  encode(key: string, value: Value): Buffer;
  /** @throws MailboxError `CORRUPT` when the bytes are not what `encode` made for this key. */
  decode(key: string, bytes: Uint8Array): Value;
}

// Encoding and decoding are synchronous, so that one place to write at and one to read from serve everybody.
let scratch: Buffer = Buffer.allocUnsafe(4096);
let written = 0;
let source: Buffer = Buffer.alloc(0);
let at = 0;

/** Makes room for so many bytes, and says where. May put another `scratch` in place: call it first, on a line of its own. */
function reserve(bytes: number): number {
  if (written + bytes > scratch.length) {
    const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, written + bytes));
    scratch.copy(larger, 0, 0, written);
    scratch = larger;
  }
  const start = written;
  written += bytes;
  return start;
}

function take(bytes: number): number {
  const start = at;
  at += bytes;
  if (at > source.length) throw new RangeError("the value ends too early");
  return start;
}

export const number: Field<number> = {
  write(value) {
    const start = reserve(8);
    scratch.writeDoubleLE(value, start);
  },
  read: () => source.readDoubleLE(take(8)),
};

export const flag: Field<boolean> = {
  write(value) {
    const start = reserve(1);
    scratch.writeUInt8(value ? 1 : 0, start);
  },
  read: () => source.readUInt8(take(1)) === 1,
};

export const bytes: Field<Uint8Array> = {
  write(value) {
    const start = reserve(4 + value.length);
    scratch.writeUInt32LE(value.length, start);
    scratch.set(value, start + 4);
  },
  read() {
    const length = source.readUInt32LE(take(4));
    const start = take(length);
    return new Uint8Array(source.subarray(start, start + length));
  },
};

/** Any text; `Text` narrows it where the writer's type already did. */
export function text<Text extends string = string>(): Field<Text> {
  return {
    write(value) {
      const most = value.length * 3;
      const start = reserve(4 + most);
      const length = writeAscii(value, start + 4) ?? scratch.write(value, start + 4, most, "utf8");
      scratch.writeUInt32LE(length, start);
      written = start + 4 + length;
    },
    read() {
      const length = source.readUInt32LE(take(4));
      const start = take(length);
      return source.toString("utf8", start, start + length) as Text;
    },
  };
}

/** Writes a short text letter by letter, several times faster than by a call; undefined when it is long or not ASCII. */
function writeAscii(value: string, start: number): number | undefined {
  if (value.length > 40) return undefined;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 127) return undefined;
    scratch[start + i] = code;
  }
  return value.length;
}

/** One of a closed set, as one byte. A name keeps its place for ever; new ones go to the end. */
export function oneOf<const Name extends string>(...names: readonly Name[]): Field<Name> {
  return {
    write(value) {
      const start = reserve(1);
      scratch.writeUInt8(names.indexOf(value), start);
    },
    read() {
      const name = names[source.readUInt8(take(1))];
      if (name === undefined) throw new RangeError("the value names nothing known");
      return name;
    },
  };
}

export function list<Value>(item: Field<Value>): Field<readonly Value[]> {
  return {
    write(values) {
      const start = reserve(4);
      scratch.writeUInt32LE(values.length, start);
      for (const value of values) item.write(value);
    },
    read() {
      const values: Value[] = [];
      for (let left = source.readUInt32LE(take(4)); left > 0; left--) values.push(item.read());
      return values;
    },
  };
}

/** An object whose fields are all there. */
export function record<const Fields extends Record<string, Field<unknown>>>(
  fields: Fields,
): Field<{ readonly [Name in keyof Fields]: ValueOf<Fields[Name]> }> {
  const entries = Object.entries<Field<unknown>>(fields);
  type Value = { readonly [Name in keyof Fields]: ValueOf<Fields[Name]> };
  return {
    write(value) {
      for (const [name, field] of entries) field.write(value[name]);
    },
    read() {
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) value[name] = field.read();
      return value as Value;
    },
  };
}

/** Makes a field into a whole stored value. */
export function codec<Value>(field: Field<Value>): Codec<Value> {
  return {
    encode(key, value) {
      written = headBytes;
      field.write(value);
      const whole = Buffer.allocUnsafe(written);
      scratch.copy(whole, 0, 0, written);
      whole[0] = version;
      whole.writeUInt32LE(checksum(key, whole, headBytes), 1);
      return whole;
    },
    decode(key, stored) {
      source = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
      if (!intact(key, source)) throw damaged(key);
      at = headBytes;
      try {
        return field.read();
      } catch (cause) {
        throw damaged(key, cause);
      }
    },
  };
}

/** Whether a stored value is whole and lies under the key it was written for. */
function intact(key: string, stored: Buffer): boolean {
  return (
    stored.length >= headBytes &&
    stored[0] === version &&
    stored.readUInt32LE(1) === checksum(key, stored, headBytes)
  );
}

/** The same for a value in a page, from `start` to `end`, whose key ends where the value begins. */
export function intactAt(page: Buffer, keyStart: number, start: number, end: number): boolean {
  return (
    end - start >= headBytes &&
    page[start] === version &&
    page.readUInt32LE(start + 1) === checksumOf(page, keyStart, start, page, start + headBytes, end)
  );
}

function damaged(key: string, cause?: unknown): MailboxError {
  return new MailboxError("CORRUPT", `the stored record ${JSON.stringify(key)} is damaged`, { cause });
}
