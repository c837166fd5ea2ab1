import { failed } from "./failure.js";

/** Begins text that a terminal is to take as pasted, whatever is in it. */
export const pasteStart = "\u001b[200~";
export const pasteEnd = "\u001b[201~";
/** The Enter key. */
export const enter = "\r";

/** What agents take for a command of theirs, or for one of the shell's, where a prompt begins with it. */
const commandMarks = ["/", "!", "#", "$", "&", "@"];

/**
 * Makes text fit to be pasted: line ends become LF, tabs stay, and every other control character becomes its picture, such as `␛`. So nothing in
 * it can end the paste or drive the terminal.
 *
 * @throws ChannelError `REFUSED` for text that is empty or that the agent would take for a command, `TOO_LARGE`.
 */
export function pasteable(text: string, maxBytes: number): string {
  const size = Buffer.byteLength(text);
  if (size > maxBytes)
    throw failed("TOO_LARGE", `the text has ${size} bytes, and at most ${maxBytes} are typed`);
  const safe = text
    .toWellFormed()
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/[^\P{Cc}\n\t]/gu, pictureOf);
  const first = safe.trimStart().slice(0, 1);
  if (first === "") throw failed("REFUSED", "there is no text to type");
  if (commandMarks.includes(first))
    throw failed(
      "REFUSED",
      `text that begins with "${first}" may be a command to the agent: begin it with words`,
    );
  return safe;
}

/** The picture of a C0 control character or of DEL; for a C1 one, which has none, the replacement character. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}
