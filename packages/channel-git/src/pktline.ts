import { Malformed, Oversized, failureOf } from "./failure.js";

/** The end of a section. */
export const flush = Buffer.from("0000");

/** One line of git's wire format: its own length in four hex digits, and what it says. */
export function pktLine(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, "0")), body]);
}

/** Reads pkt-lines from a stream that may never end, up to a number of bytes in all. */
export class PktReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #where: string;
  #limit: number;
  #held: Buffer = Buffer.alloc(0);

  /** @param limit How many bytes may come in all. */
  constructor(source: AsyncIterable<Uint8Array> | readonly Uint8Array[], limit: number, where: string) {
    this.#source =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#limit = limit;
    this.#where = where;
  }

  /** Lets as many bytes come from now on. */
  allow(limit: number): void {
    this.#limit = limit;
  }

  /** The next line; null for a flush, undefined at the end of the stream. @throws ChannelError */
  async line(): Promise<Buffer | null | undefined> {
    if (!(await this.#has(4))) return undefined;
    const head = this.#held.toString("latin1", 0, 4);
    if (!/^[0-9a-fA-F]{4}$/.test(head)) throw new Malformed("a line without a length");
    const length = Number.parseInt(head, 16);
    if (length === 0) {
      this.#held = this.#held.subarray(4);
      return null;
    }
    if (length < 4) throw new Malformed(`a line of length ${length}`);
    if (!(await this.#has(length))) throw new Malformed("half a line");
    const body = this.#held.subarray(4, length);
    this.#held = this.#held.subarray(length);
    if (body.length > 4 && body.toString("latin1", 0, 4) === "ERR ")
      throw failureOf(body.toString("utf8", 4), this.#where);
    return body;
  }

  /** The next line as text, without its end. */
  async text(): Promise<string | null | undefined> {
    const line = await this.line();
    return line?.toString("utf8").replace(/\n$/, "") ?? (line === null ? null : undefined);
  }

  /** What comes in band 1 of the side-band up to its flush. What is said in band 2 goes to `said`. @throws ChannelError of what band 3 says. */
  async band(said: (text: string) => void): Promise<Buffer[]> {
    const parts: Buffer[] = [];
    for (let line = await this.line(); line !== null; line = await this.line()) {
      if (line === undefined) throw new Malformed("it ended in the middle");
      if (line[0] === 1) parts.push(line.subarray(1));
      else if (line[0] === 2) said(line.toString("utf8", 1));
      else if (line[0] === 3) throw failureOf(line.toString("utf8", 1), this.#where);
      else throw new Malformed(`band ${line[0]}`);
    }
    return parts;
  }

  async #has(count: number): Promise<boolean> {
    while (this.#held.length < count) {
      const { value, done } = await this.#source.next();
      if (done === true) {
        if (this.#held.length > 0) throw new Malformed("half a line");
        return false;
      }
      this.#limit -= value.length;
      if (this.#limit < 0) throw new Oversized("the remote sends more than is read of it");
      this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
    }
    return true;
  }
}
