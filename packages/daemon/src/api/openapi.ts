import * as z from "zod";
import { natsServerView } from "../nats/view.js";
import type { ProblemCode } from "../problem.js";
import { problems } from "../problem.js";
import type { Endpoint } from "./endpoint.js";
import { groups } from "./endpoint.js";
import * as views from "./views.js";

type Json = Record<string, unknown>;

const problemDocument = z
  .looseObject({
    type: z.string().describe("`urn:multifleet:problem:CODE`."),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe("What is wrong here, and what to do."),
    code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]).describe("For programs: stable."),
    errors: z
      .array(z.looseObject({ detail: z.string() }))
      .optional()
      .describe("Each value that is wrong: its `pointer`, `parameter` or `header`, and what is `allowed`."),
  })
  .describe("An error as RFC 9457 writes it.");

/** The schemas that have a name of their own in the document. */
const named = {
  Message: views.message,
  Attempt: views.attempt,
  SendAnswer: views.sendAnswer,
  Item: views.item,
  Peer: views.peer,
  Path: views.path,
  Roster: views.roster,
  Check: views.check,
  Health: views.health,
  NatsServer: natsServerView,
  Problem: problemDocument,
} as const;

/** What every endpoint can answer, whatever it does. */
export const commonProblems: readonly ProblemCode[] = [
  "bad_request",
  "unauthorized",
  "forbidden_origin",
  "wrong_host",
  "no_upgrade",
  "internal",
  "shutting_down",
];

const bodyProblems: readonly ProblemCode[] = [
  "bad_json",
  "unsupported_media_type",
  "request_too_large",
  "request_timeout",
];

/** The codes of an endpoint's problems by status, beside those of every endpoint. */
export function problemsOf(endpoint: Endpoint): readonly ProblemCode[] {
  return [...(endpoint.body === undefined ? [] : bodyProblems), ...endpoint.problems];
}

/** Describes the endpoints as an OpenAPI 3.1 document. */
export function describeApi(
  endpoints: readonly Endpoint[],
  info: { readonly version: string; readonly url: string },
): Json {
  const schemas = componentSchemas(endpoints);
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] ??= {};
    paths[path][endpoint.method.toLowerCase()] = operation(endpoint, schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Multi-Fleet local API",
      version: info.version,
      description: "What a node offers to the programs of its own machine.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: info.url }],
    tags: groups.map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.keys(named).map((name) => [name, schemas.get(name)])),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The text of api.token in the node's home." },
      },
    },
  };
}

/** Each schema as JSON Schema: the named ones by name, an endpoint's by `NAME.PART`. Named ones are referred to, not repeated. */
function componentSchemas(endpoints: readonly Endpoint[]): Map<string, Json> {
  const convert = (io: "input" | "output", parts: readonly (readonly [string, z.ZodType | undefined])[]) => {
    const registry = z.registry<{ id: string }>();
    for (const [id, schema] of [...Object.entries(named), ...parts])
      if (schema !== undefined && !registry.has(schema)) registry.add(schema, { id });
    const uri = (id: string) => `#/components/schemas/${id}`;
    const converted = Object.entries(z.toJSONSchema(registry, { io, uri }).schemas);
    const result = new Map<string, Json>();
    for (const [id, schema] of converted) {
      // Within the document, a schema's place is its identity.
      delete schema.$schema;
      delete schema.$id;
      result.set(id, schema);
    }
    // One schema may be a part of several endpoints, or a named one: it was converted under its first name.
    for (const [id, schema] of parts) {
      const first = schema && registry.get(schema)?.id;
      if (first === undefined || first === id) continue;
      result.set(id, first in named ? { $ref: uri(first) } : (result.get(first) ?? {}));
    }
    return result;
  };
  const bodies = convert(
    "input",
    endpoints.map(({ name, body }) => [`${name}.body`, body] as const),
  );
  // A query's values are text; what they stand for is what its reader wants to know.
  const others = convert(
    "output",
    endpoints.flatMap(({ name, params, query, headers, response }) => [
      [`${name}.params`, params] as const,
      [`${name}.query`, query] as const,
      [`${name}.headers`, headers] as const,
      [`${name}.response`, response] as const,
    ]),
  );
  return new Map([...bodies, ...others]);
}

function operation(endpoint: Endpoint, schemas: Map<string, Json>): Json {
  const { name, group, summary, description, access } = endpoint;
  const schema = (part: string) => schemas.get(`${name}.${part}`);
  const token = { token: [] };
  const parameters = (["params", "query", "headers"] as const).flatMap((part) =>
    Object.entries((schema(part)?.properties ?? {}) as Record<string, Json>).map(([key, value]) =>
      parameter(key, value, part),
    ),
  );
  const body = schema("body");
  const required = ((body?.required ?? []) as unknown[]).length > 0;
  return {
    operationId: name,
    tags: [group],
    summary,
    ...(description !== undefined && { description }),
    security: access === "token" ? [token] : [token, {}],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required, content: { "application/json": { schema: body } } },
    }),
    responses: responses(endpoint, schema("response")),
  };
}

function parameter(name: string, value: Json, part: "params" | "query" | "headers"): Json {
  const { description, ...schema } = value;
  return {
    name: part === "headers" ? headerName(name) : name,
    in: part === "params" ? "path" : part === "query" ? "query" : "header",
    required: part === "params",
    ...(description !== undefined && { description }),
    schema,
  };
}

/** A header's name as people write it. */
function headerName(name: string): string {
  return name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase()).replace(/-Id$/, "-ID");
}

function responses(endpoint: Endpoint, schema: Json | undefined): Json {
  const all: Record<string, { readonly description: string; readonly content?: Json }> = {};
  for (const code of [...commonProblems, ...problemsOf(endpoint)]) {
    const [status, title] = problems[code];
    const known = all[status];
    all[status] = {
      description: `${known === undefined ? "" : `${known.description}; `}\`${code}\`: ${title}`,
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  }
  const media = endpoint.media?.split(";", 1)[0] ?? "application/json";
  const content = endpoint.media === undefined ? schema : { type: "string" };
  all[endpoint.status] = {
    description: endpoint.status === 204 ? "Done." : "The answer.",
    ...(content !== undefined && { content: { [media]: { schema: content } } }),
  };
  return all;
}
