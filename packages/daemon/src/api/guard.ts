import type { IncomingMessage } from "node:http";
import { Problem } from "../problem.js";

/** Headers that this API reads, and so may come only once: what two of them mean is for nobody to guess. */
const single = new Map(
  [
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "idempotency-key",
    "last-event-id",
    "transfer-encoding",
  ].map((name, bit) => [name, 1 << bit]),
);

/**
 * Refuses what no program of this machine sends to this API: requests that a browser made for a page, that came by another name (DNS
 * rebinding), or that two readers could understand in two ways. It looks at the raw headers, since the parsed ones keep only the
 * first of two.
 *
 * @param host The one right Host header.
 * @throws Problem
 */
export function guard(request: IncomingMessage, host: string): void {
  const raw = request.rawHeaders;
  let hosts = 0;
  let rightHost = false;
  let browser: string | undefined;
  let upgrade = false;
  let seen = 0;
  let twice: string | undefined;
  let coding: string | undefined;
  let expect: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    const bit = single.get(name) ?? 0;
    if ((seen & bit) !== 0) twice = name;
    seen |= bit;
    if (name === "host") {
      hosts++;
      rightHost = raw[at + 1] === host;
    } else if (name === "origin" || (name.startsWith("sec-fetch-") && !isNodesOwn(name, raw[at + 1])))
      browser = raw[at];
    else if (name === "upgrade") upgrade = true;
    else if (name === "transfer-encoding") coding = raw[at + 1];
    else if (name === "expect") expect = raw[at + 1];
  }
  if (hosts !== 1 || !rightHost)
    throw new Problem(
      "wrong_host",
      `Send exactly one Host header: ${host}. Address this API as http://${host}.`,
    );
  // An absolute request target would name a host of its own.
  if (request.url?.startsWith("/") !== true)
    throw new Problem("wrong_host", "The request target must be a path, such as /health.");
  if (browser !== undefined)
    throw new Problem(
      "forbidden_origin",
      `The header ${browser.slice(0, 64)} says that a browser sent this for a web page. ` +
        "Programs must leave it out.",
    );
  if (upgrade)
    throw new Problem("no_upgrade", "There are no WebSockets here; GET /events is a stream of events.");
  if (twice !== undefined) throw new Problem("bad_request", `The header ${twice} is given twice.`);
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    throw new Problem("bad_request", "The only transfer coding understood is chunked.");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    throw new Problem("bad_request", "The only expectation understood is 100-continue.");
}

/**
 * Node's global fetch sends this one header, and it alone. A browser never does: the Fetch Metadata specification has it send
 * Sec-Fetch-Site with every request that has a Sec-Fetch-Mode, and that one is refused.
 */
function isNodesOwn(name: string, value: string | undefined): boolean {
  return name === "sec-fetch-mode" && value === "cors";
}
