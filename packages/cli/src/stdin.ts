import { once } from "node:events";
import { fstatSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { Context, Input } from "./context.js";
import { Failure, Misuse } from "./failure.js";
import type { CommandName } from "./commands.js";

// Far above what the node takes: this only keeps an endless stream from filling the memory.
const most = 16 * 1024 * 1024;

/**
 * The body that the command line means: as given, from standard input for `-`, empty where there is none. Text that waits on standard
 * input while no BODY is given would be lost without a word, so that is a misuse.
 */
export async function bodyOf(
  given: string | undefined,
  context: Context,
  command: CommandName,
): Promise<string> {
  if (given === "-") return readAll(context.stdin());
  if (given !== undefined) return given;
  if (isFed(context.stdin()))
    throw new Misuse(
      `${command} has no BODY, and standard input is not a terminal: give - as BODY to send what comes on it, or "" to send none`,
      command,
    );
  return "";
}

/** Whether standard input is a pipe, a file or a socket: something that may hold text. */
function isFed(input: Input): boolean {
  if (input.isTTY === true) return false;
  if (input.fd === undefined) return true;
  const stat = fstatSync(input.fd);
  return stat.isFIFO() || stat.isFile() || stat.isSocket();
}

async function readAll(input: Input): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > most)
      throw new Failure("body_too_large", "what comes on standard input is larger than any message may be");
    chunks.push(bytes);
  }
  try {
    // What is not text would arrive as something else: refuse it, and keep a byte order mark.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new Failure("not_text", "what comes on standard input is not UTF-8 text, and only text is sent", {
      hint: "Encode it first, for instance with: base64",
      cause: error,
    });
  }
}

/** One line that nobody is to see: from a terminal without showing what is typed, or what comes first on standard input. */
export async function secretLine(question: string, context: Context): Promise<string> {
  const input = context.stdin();
  if (input.isTTY !== true) return (await readAll(input)).split(/\r?\n/, 1)[0] ?? "";
  const clear = context.err.passing(question);
  // Echo goes where the interface writes, and that is nowhere.
  const lines = createInterface({
    input,
    output: new Writable({ write: (_chunk, _as, done) => done() }),
    terminal: true,
  });
  try {
    const typed = await Promise.race([once(lines, "line"), once(lines, "close")]);
    return String(typed[0] ?? "");
  } finally {
    lines.close();
    clear();
  }
}
