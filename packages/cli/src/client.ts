import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { Failure } from "./failure.js";
import { notRunning } from "./home.js";
import type { Access } from "./home.js";
import { quoted } from "./quoted.js";

/** What a call takes beside its path. */
export interface CallOptions {
  readonly body?: unknown;
  /** Milliseconds until it is given up; 30 s where nothing is said. */
  readonly deadline?: number;
  /** A status beside 2xx whose answer is no problem document but the answer. */
  readonly accepts?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An RFC 9457 problem document, as the local API answers it. */
interface Answer {
  readonly code?: unknown;
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly type?: unknown;
  readonly status?: unknown;
  readonly [more: string]: unknown;
}

const usual = 30_000;
// No answer of the local API comes near this; a foreign program behind the port may send without end.
const largestAnswer = 256 * 1024 * 1024;

/**
 * Calls the local API and reads its JSON answer.
 *
 * @throws Failure with the problem's code where the API refuses, `not_running` where nobody listens, `no_answer` where none comes in
 * time, and `not_the_api` where something else is behind the port.
 */
export async function call(
  access: Access,
  method: "GET" | "POST" | "DELETE",
  path: string,
  options: CallOptions = {},
): Promise<unknown> {
  const response = await open(access, method, path, options);
  const { deadline = usual } = options;
  response.setTimeout(deadline, () => response.destroy(noAnswer(access, deadline)));
  const text = await textOf(response, access);
  const value = parsed(text);
  const status = response.statusCode ?? 0;
  const { code, title, detail, type: _, status: __, ...details } = (value ?? {}) as Answer;
  if (status >= 200 && status < 300 && value !== undefined) return value;
  if (status === options.accepts && value !== undefined && code === undefined) return value;
  if (typeof code !== "string") throw foreign(access, `it answered ${status} and no JSON of ours`);
  const said = [detail, title, code].find((each) => typeof each === "string") as string;
  // A message may exist though it was refused: then its state is the first word.
  const state = typeof details["state"] === "string" ? `${details["state"]}: ` : "";
  throw new Failure(code, state + said, { ...hinted(code, access), details });
}

/** Sends a request and resolves with the response once its head is there. @throws Failure as {@link call} says */
export function open(
  access: Access,
  method: string,
  path: string,
  { body, deadline = usual, headers, signal }: CallOptions = {},
): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: access.port,
        method,
        path,
        agent: false,
        ...(signal === undefined ? {} : { signal }),
        headers: {
          authorization: `Bearer ${access.token}`,
          accept: "application/json",
          ...(payload === undefined
            ? {}
            : { "content-type": "application/json", "content-length": payload.length }),
          ...headers,
        },
      },
      (response) => {
        clearTimeout(timer);
        resolve(response);
      },
    );
    const timer = setTimeout(() => outgoing.destroy(noAnswer(access, deadline)), deadline);
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(failureOf(error, access));
    });
    outgoing.end(payload);
  });
}

function failureOf(error: Error, access: Access): Error {
  if (error instanceof Failure || error.name === "AbortError") return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ECONNREFUSED") return notRunning(access.home, error);
  if (code.startsWith("HPE_")) return foreign(access, "it does not speak HTTP");
  return new Failure("connection_lost", `the daemon ended the connection: ${error.message}`, {
    cause: error,
  });
}

async function textOf(response: IncomingMessage, access: Access): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > largestAnswer) throw foreign(access, "its answer has no end");
      chunks.push(chunk);
    }
  } catch (error) {
    throw failureOf(error as Error, access);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function noAnswer(access: Access, deadline: number): Failure {
  return new Failure("no_answer", `the daemon did not answer within ${deadline / 1000} s`, {
    hint: `Look into it with: multifleet doctor --home ${quoted(access.home)}`,
  });
}

function foreign(access: Access, why: string): Failure {
  return new Failure(
    "not_the_api",
    `what listens on 127.0.0.1:${access.port} is not a Multi-Fleet daemon: ${why}`,
    {
      hint: `Look into it with: multifleet doctor --home ${quoted(access.home)}`,
    },
  );
}

function hinted(code: string, access: Access): { hint?: string } {
  if (code === "unauthorized")
    return { hint: `The token in ${access.home} is not that daemon's: name its home with --home.` };
  if (code === "unknown_peer" || code === "unknown_recipient" || code === "unknown_capability")
    return { hint: "See who is there with: multifleet peers" };
  if (code === "disk_full") return { hint: "Nothing was accepted. Make room on the disk and send again." };
  return {};
}
