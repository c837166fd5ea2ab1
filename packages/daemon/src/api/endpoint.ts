import type * as z from "zod";
import type { FleetNode } from "../node.js";
import type { ProblemCode } from "../problem.js";

/** The parts of the API, as the reference orders them. */
export const groups = ["Messages", "Inbox", "Fleet", "NATS server", "Observing"] as const;

/** What an endpoint works with, validated. */
export interface Call<Params, Query, Headers, Body> {
  readonly node: FleetNode;
  readonly params: Params;
  readonly query: Query;
  readonly headers: Headers;
  readonly body: Body;
  /** Fires when the client goes away or the API closes; made at the first call, so that most requests pay nothing for it. */
  readonly signal: () => AbortSignal;
  /** The OpenAPI document of this server. */
  readonly openApi: () => object;
}

interface Description {
  /** Its name in the OpenAPI document and in whatever is made from that. */
  readonly name: string;
  readonly group: (typeof groups)[number];
  readonly method: "GET" | "POST" | "DELETE";
  /** Literal segments and `:name` ones. */
  readonly path: string;
  /** One line. */
  readonly summary: string;
  /** What the line does not say. */
  readonly description?: string;
  /** `own-user`: also without a token, for programs of the daemon's own user on this machine. */
  readonly access: "token" | "own-user";
  /** The status of an answer, and what it means. */
  readonly status: 200 | 202 | 204;
  /** What it can answer beside the problems of every endpoint. */
  readonly problems: readonly ProblemCode[];
  /** JSON unless said otherwise. For a stream of events the handler answers the event to go on after, and the server writes it. */
  readonly media?: "text/event-stream" | `application/openmetrics-text${string}`;
}

/** An endpoint as the server, the OpenAPI document and the reference see it. */
export interface Endpoint extends Description {
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** Absent: a request with a body is refused. */
  readonly body?: z.ZodObject;
  /** Of a JSON answer. */
  readonly response?: z.ZodType;
  /** Whether this body needs a token though the endpoint does not. */
  needsToken?(body: unknown): boolean;
  /** The status of this answer, where it is not `status`. */
  statusOf?(answer: unknown): number;
  handle(call: Call<unknown, unknown, unknown, unknown>): unknown;
}

/** `T` as a handler may give it: views are read-only through and through. */
type Frozen<T> = T extends readonly (infer Each)[]
  ? readonly Frozen<Each>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

interface Definition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Headers extends z.ZodObject,
  Body extends z.ZodObject,
  Response extends z.ZodType,
> extends Description {
  readonly params?: Params;
  readonly query?: Query;
  readonly headers?: Headers;
  readonly body?: Body;
  readonly response?: Response;
  needsToken?(body: z.output<Body>): boolean;
  statusOf?(answer: Frozen<z.output<Response>>): number;
  handle(
    call: Call<z.output<Params>, z.output<Query>, z.output<Headers>, z.output<Body>>,
  ): Frozen<z.output<Response>> | Promise<Frozen<z.output<Response>>>;
}

/** Declares an endpoint: its handler gets what its schemas let through, and must answer what its response schema says. */
export function endpoint<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Headers extends z.ZodObject,
  Body extends z.ZodObject,
  Response extends z.ZodType,
>(definition: Definition<Params, Query, Headers, Body, Response>): Endpoint {
  // Its types may be forgotten here: the server calls the handler only with what these very schemas gave.
  return definition;
}
