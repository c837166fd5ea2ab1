import { natsError } from "./failure.js";
import type { Requests } from "./requests.js";

/** How long the server may take over a question about a stream, in ms; longer than an election in a cluster commonly takes. */
const apiTimeoutMs = 3_000;

/** Numbers by which JetStream tells its refusals apart; they do not change between versions. */
export const refusals = {
  /** No server has room for so many replicas. */
  noPeers: 10_005,
  /** Not now: no leader, or a server that is starting. */
  unavailable: 10_008,
  consumerNotFound: 10_014,
  notEnabledForAccount: 10_039,
  noStorage: 10_047,
  noReplicas: 10_052,
  /** A stream of that name, and with another configuration. */
  nameInUse: 10_058,
  notFound: 10_059,
  wrongStream: 10_060,
  overlaps: 10_065,
  noResources: 10_074,
  notEnabled: 10_076,
  storeFailed: 10_077,
  messageTooLarge: 10_054,
} as const;

/** What JetStream said no to. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, description: string) {
    super(`JetStream says: ${description} (${code})`);
    this.code = code;
  }
}

/** A JSON object from the server; what is in it is looked at where it is used. */
export type Json = Readonly<Record<string, unknown>>;

/** JetStream's own interface: requests with JSON both ways. */
export class Api {
  readonly #requests: Requests;
  readonly #owner: object;
  readonly #prefix: string;

  constructor(requests: Requests, owner: object, domain: string | undefined) {
    this.#requests = requests;
    this.#owner = owner;
    this.#prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
  }

  /** @throws Refusal, or ChannelError as requests do: `UNREACHABLE` where there is no JetStream at all. */
  async call(name: string, body?: Json, timeoutMs = apiTimeoutMs): Promise<Json> {
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
    const answer = await this.#requests.ask(`${this.#prefix}.${name}`, bytes, {
      owner: this.#owner,
      timeoutMs,
      read: parseObject,
    });
    const refusal = refusalIn(answer);
    if (refusal !== undefined) throw refusal;
    return answer;
  }
}

/** Undefined when it is no JSON object. */
export function parseObject(payload: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    // Whoever asked counts it as an answer that is none.
    return undefined;
  }
}

export function refusalIn({ error }: Json): Refusal | undefined {
  if (!isObject(error)) return undefined;
  return new Refusal(Number(error["err_code"] ?? error["code"] ?? 0), textOf(error["description"]));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 200) : "no reason";
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Turns a refusal that no retry will change into words for people. @throws ChannelError */
export function explainRefusal(thrown: unknown): never {
  if (!(thrown instanceof Refusal)) throw thrown;
  const { code, message } = thrown;
  if (code === refusals.notEnabled || code === refusals.notEnabledForAccount)
    throw natsError("MISCONFIGURED", `there is no JetStream for this login: ${message}`, thrown);
  throw natsError("INTERNAL", message, thrown);
}
