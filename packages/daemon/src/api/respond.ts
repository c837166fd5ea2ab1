import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import { problems, type Problem } from "../problem.js";

/** On every answer: not to be kept, not to be taken for another type, not to be read by another origin. Never a CORS header. */
export const fixedHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** Sends a complete answer. */
export function sendText(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers?: OutgoingHttpHeaders,
): void {
  const own = { ...fixedHeaders, "content-type": type, "content-length": Buffer.byteLength(text) };
  response.writeHead(status, headers === undefined ? own : Object.assign(own, headers));
  response.end(text);
}

/** A problem as RFC 9457 writes it, with the headers that go with it. */
export function problemDocument(problem: Problem): {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>> & { readonly "content-type": string };
} {
  const { code, status, message: detail, extra } = problem;
  const type = `urn:multifleet:problem:${code}`;
  const members = { type, title: problems[code][1], status, detail, code };
  // First in order and last to be set: nothing beside them can take their place.
  const text = `${JSON.stringify({ ...members, ...extra, ...members })}\n`;
  const headers: Record<string, string> & { "content-type": string } = {
    "content-type": "application/problem+json",
  };
  if (typeof extra.retry_after_s === "number") headers["retry-after"] = `${Math.ceil(extra.retry_after_s)}`;
  if (Array.isArray(extra.allowed_methods)) headers.allow = extra.allowed_methods.join(", ");
  if (status === 401) headers["www-authenticate"] = "Bearer";
  return { text, headers };
}

/** How much of a refused request is still read, in bytes, and for how long, in milliseconds. */
const lingerBytes = 8_388_608;
const lingerMs = 2_000;

/**
 * Answers a request whose body is still on its way, then reads on for a little. To close at once would reset the connection, and a client
 * that is still sending would see that and not the answer.
 */
export function linger(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders,
): void {
  response.shouldKeepAlive = false;
  response.writeHead(status, { ...fixedHeaders, "content-length": Buffer.byteLength(text), ...headers });
  response.write(text);
  const end = () => {
    clearTimeout(deadline);
    response.end();
  };
  const deadline = setTimeout(end, lingerMs);
  let left = lingerBytes;
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  request.on("end", end);
  request.on("close", end);
}

/** A whole HTTP answer for a connection on which no request could be read; the connection ends with it. */
export function rawAnswer(problem: Problem): string {
  const { text, headers } = problemDocument(problem);
  const all = {
    ...fixedHeaders,
    ...headers,
    "content-length": `${Buffer.byteLength(text)}`,
    connection: "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}\r\n${lines.join("")}\r\n${text}`;
}
