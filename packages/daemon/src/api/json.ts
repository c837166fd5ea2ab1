import { Problem } from "../problem.js";

/** How deep values may be nested. What this API takes is two deep. */
const maxDepth = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a request body as JSON, strictly: UTF-8 without a byte order mark, no name twice in one object, no lone surrogates, no deep
 * nesting. `JSON.parse` does the reading; a look over the tokens finds what it would hide.
 *
 * @throws Problem `bad_json` that says what and where.
 */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (thrown) {
    throw new Problem("bad_json", "The body is not valid UTF-8.", { cause: thrown });
  }
  if (text.startsWith("\uFEFF"))
    throw new Problem("bad_json", "The body begins with a byte order mark; leave it out.");
  // Before JSON.parse, so that it never builds what is too deep; on text that is no JSON it finds nothing or too much, and both are refused.
  const repeated = scan(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new Problem("bad_json", `The body is not JSON: ${(thrown as Error).message.slice(0, 120)}.`, {
      cause: thrown,
    });
  }
  if (repeated !== undefined)
    throw new Problem("bad_json", `The name ${repeated} is given twice in one object.`);
  // Decoded bytes are well-formed: only an escape such as \ud800 can make a lone surrogate.
  if (text.includes("\\u") && !wellFormed(value))
    throw new Problem("bad_json", "A string holds half of a surrogate pair, which is not text.");
  return value;
}

/** The first name that an object of this JSON text has twice, as written there. @throws Problem when it is nested too deeply. */
function scan(text: string): string | undefined {
  // One entry for each open object or array: the names so far, or undefined in an array.
  const open: (Set<string> | undefined)[] = [];
  let repeated: string | undefined;
  let atName = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b /* { */:
      case 0x5b /* [ */:
        if (open.length === maxDepth)
          throw new Problem("bad_json", `The body is nested more than ${maxDepth} deep.`);
        atName = text[at] === "{";
        open.push(atName ? new Set() : undefined);
        break;
      case 0x7d /* } */:
      case 0x5d /* ] */:
        open.pop();
        atName = false;
        break;
      case 0x2c /* , */:
        atName = open.at(-1) !== undefined;
        break;
      case 0x22 /* " */: {
        const end = closingQuote(text, at);
        if (atName) {
          const names = open.at(-1);
          const name = unescaped(text.slice(at, end + 1));
          if (names?.has(name)) repeated ??= JSON.stringify(name.slice(0, 64));
          names?.add(name);
          atName = false;
        }
        at = end;
        break;
      }
      default:
    }
  }
  return repeated;
}

/** Where the string that begins at `start` ends. */
function closingQuote(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** The name that a string token stands for: `"\u0061"` is `a`. */
function unescaped(token: string): string {
  if (!token.includes("\\")) return token.slice(1, -1);
  try {
    return JSON.parse(token) as string;
  } catch {
    return token; // Not JSON, as JSON.parse of the whole will say.
  }
}

function wellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, each]) => name.isWellFormed() && wellFormed(each));
}
