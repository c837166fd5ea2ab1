// Anything that moves the cursor, colours, reorders or hides: C0, DEL, C1, the separators that end lines, bidirectional
// controls, invisible formats and tags, byte order marks, halves of surrogate pairs. Joiners stay: scripts and emoji need them.
const unsafe =
  // oxlint-disable-next-line no-control-regex -- these are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

/** Text of unknown origin as one line that can do nothing to a terminal: what is unsafe is shown as an escape such as `\x1b`. */
export function inert(text: string): string {
  return text.replace(unsafe, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\r") return "\\r";
    if (character === "\t") return "    ";
    const code = character.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Text of unknown origin as the lines it consists of. */
export function lines(text: string): string[] {
  return text.replace(/\r?\n$/, "").split(/\r?\n/);
}

/** JSON that can do nothing to a terminal and means the same: unsafe characters as `\u` escapes. */
export function inertJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(unsafe, (character) => {
    // Between the tokens stand no unsafe characters but the newlines of the indentation.
    if (character === "\n") return character;
    return Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
      .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
      .join("");
  });
}

const nothing = /\p{M}|\u200c|\u200d/u;
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many columns of a terminal `text` takes, near enough for a table. */
export function width(text: string): number {
  let columns = 0;
  for (const character of text) columns += nothing.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return columns;
}

/** `text`, or as much of it as fits into `columns` with an ellipsis behind. */
export function clip(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let clipped = "";
  let left = columns - 1;
  for (const character of text) {
    left -= width(character);
    if (left < 0) break;
    clipped += character;
  }
  return `${clipped}…`;
}

/** Breaks prose into lines of at most `columns`. */
export function wrap(text: string, columns: number): string[] {
  const wrapped: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && width(line) + 1 + width(word) > columns) {
      wrapped.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...wrapped, line];
}
