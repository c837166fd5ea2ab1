import type { IncomingMessage, ServerResponse } from "node:http";
import { Problem } from "../problem.js";

/** The largest request body in bytes: the largest message with every character escaped as `\u0000`, and room for the rest. */
export const maxRequestBytes = 4_194_304;

/** The client went away before its request was complete. There is nobody to answer. */
export class Disconnected extends Error {
  override readonly name = "Disconnected";
}

/** Whether a request brings a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** @throws Problem when the body is not declared as plain JSON, or as more than is taken. */
export function checkBody({ headers }: IncomingMessage): void {
  if (!/^application\/json *(?:; *charset="?utf-8"? *)?$/i.test(headers["content-type"] ?? ""))
    throw new Problem("unsupported_media_type", "Send the header Content-Type: application/json.");
  if (headers["content-encoding"] !== undefined)
    throw new Problem("unsupported_media_type", "Send the body as it is, without Content-Encoding.");
  const declared = Number(headers["content-length"] ?? 0);
  if (declared > maxRequestBytes) throw tooLarge(declared);
}

/** Reads the body. @throws Problem when it is over the limit. @throws Disconnected */
export function readBody(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The close follows every end: only one without an end is worth an error, and the stack that it takes.
    const gone = () => {
      if (!request.complete) reject(new Disconnected("the client closed the connection within its request"));
    };
    if (request.destroyed) gone();
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxRequestBytes) chunks.push(chunk);
      else reject(tooLarge(size));
    });
    request.on("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on("close", gone);
    if (request.headers.expect !== undefined) response.writeContinue();
  });
}

function tooLarge(bytes: number): Problem {
  return new Problem("request_too_large", `A request body may have ${maxRequestBytes} bytes.`, {
    extra: { limit: maxRequestBytes, bytes },
  });
}
