import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { maxRequestBytes, packetsPath, packetsType } from "./protocol.js";

/** Why a request is not answered with results: a status, a stable code for programs, and the counter that it moves. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly counter: string;
  readonly header?: readonly [name: string, value: string];
}

export const notFound = refused(404, "not_found");
export const badMethod: Refusal = { ...refused(405, "method_not_allowed"), header: ["allow", "POST"] };
export const noHost = refused(400, "no_host");
export const fromBrowser = refused(403, "forbidden_origin");
export const badType = refused(415, "unsupported_media_type");
export const badEncoding = refused(415, "content_encoding");
export const badExpectation = refused(417, "expectation_failed");
export const badUpgrade = refused(400, "upgrade");
export const tooLarge: Refusal = { status: 413, code: "request_too_large", counter: "oversized_requests" };
export const malformed: Refusal = { status: 400, code: "malformed", counter: "malformed_requests" };
export const crowdedOut: Refusal = { status: 408, code: "crowded_out", counter: "crowded_out_requests" };
export const busy: Refusal = {
  status: 503,
  code: "busy",
  counter: "busy_answers",
  header: ["retry-after", "1"],
};

function refused(status: number, code: string): Refusal {
  return { status, code, counter: "refused_requests" };
}

/** What is wrong with a request by its head alone, before a byte of its body is read. */
export function refusalOf({ url, method, headers }: IncomingMessage): Refusal | undefined {
  if (url !== packetsPath) return notFound;
  if (method !== "POST") return badMethod;
  if (headers.host === undefined) return noHost;
  // No peer sends these, every browser does, and a page has no business here.
  if (headers.origin !== undefined || Object.keys(headers).some((name) => name.startsWith("sec-fetch-")))
    return fromBrowser;
  if (headers.expect !== undefined) return badExpectation;
  if (headers.upgrade !== undefined) return badUpgrade;
  if (headers["content-type"] !== packetsType) return badType;
  if (headers["content-encoding"] !== undefined) return badEncoding;
  if (Number(headers["content-length"] ?? 0) > maxRequestBytes) return tooLarge;
  return undefined;
}

/** Answers a refusal as a problem document (RFC 9457). `last`: the connection is closed behind it. */
export function answerRefusal(response: ServerResponse, refusal: Refusal, last: boolean): void {
  const body = problemOf(refusal.status, refusal.code);
  if (refusal.header) response.setHeader(...refusal.header);
  if (last) response.setHeader("connection", "close");
  response.setHeader("content-type", "application/problem+json");
  response.setHeader("content-length", body.length);
  response.writeHead(refusal.status);
  response.end(body);
}

/** Answers what is no HTTP at all, and closes. */
export function answerGarbage(socket: Duplex, status: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = problemOf(status, "malformed");
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n`;
  socket.end(`${head}content-length: ${body.length}\r\n\r\n${body}`, () => socket.destroy());
}

function problemOf(status: number, code: string): string {
  return JSON.stringify({
    type: `urn:multifleet:problem:${code}`,
    title: STATUS_CODES[status],
    status,
    code,
  });
}
