import { commonProblems, describeApi, problemsOf } from "../../src/api/openapi.js";
import { groups, type Endpoint } from "../../src/api/endpoint.js";
import { endpoints } from "../../src/api/endpoints.js";
import { problems, type ProblemCode } from "../../src/problem.js";

type Json = Record<string, unknown>;

interface Operation {
  readonly parameters?: readonly {
    name: string;
    in: string;
    required: boolean;
    description?: string;
    schema: Json;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Json }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: Json }> }>;
}

const intro = `# The local API

<!-- Written from the registry of endpoints (packages/daemon/src/api). After a change there:
     npx vitest run packages/daemon/test/api/reference.test.ts -u -->

A node serves this API on \`http://127.0.0.1:8855\` (\`--port\`, \`MULTIFLEET_PORT\`) to the programs of its own machine, and to nobody else.
\`GET /openapi.json\` says the same as this page for programs.

\`\`\`sh
curl -X POST http://127.0.0.1:8855/message -H 'Content-Type: application/json' \\
  -d '{"type":"context","to":"mac2","payload":{"subject":"deploy","body":"push the landing page"}}'
curl -s http://127.0.0.1:8855/health
curl -s http://127.0.0.1:8855/inbox -H "Authorization: Bearer $(cat ~/.multifleet/api.token)"
\`\`\`

- **Token.** \`Authorization: Bearer TOKEN\` with the text of \`api.token\` in the node's home. A wrong token is refused even where none is
  needed. Without a token, programs of the daemon's own user may send messages of the types \`context\` and \`reply\`, and read
  \`/health\` and \`/openapi.json\`; whose program it is can be seen on Linux only, elsewhere the token is always needed.
- **Host.** Exactly one, \`127.0.0.1:PORT\`. Anything else is refused, so no other name can be made to lead here.
- **No browsers.** A request with an \`Origin\` or a \`Sec-Fetch-*\` header is refused. (Node's global \`fetch\` may call: it
  sends \`Sec-Fetch-Mode: cors\` and no other, which no browser does.)
- **JSON.** Bodies are \`application/json\` in UTF-8, at most 4 MiB, without unknown members, without a name twice in one object.
- **States.** An answer about a message has one \`state\`: \`accepted\` (durable here), \`sent\`, \`delivered\` (the receiver's signed receipt is
  held here), \`surfaced\`, or an end without delivery: \`expired\`, \`rejected\`, \`cancelled\`.
- **Errors** are problem documents (RFC 9457) with a stable \`code\`: see [Problems](#problems).
`;

/** docs/api.md, from the registry. */
export function renderReference(): string {
  const document = describeApi(endpoints, { version: "0", url: "" });
  const paths = document.paths as Record<string, Record<string, Operation>>;
  const { schemas } = document.components as { schemas: Record<string, Json> };
  const parts = [intro];
  for (const group of groups) {
    parts.push(`## ${group}\n`);
    for (const endpoint of endpoints.filter((each) => each.group === group)) {
      const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}");
      const operation = paths[path]?.[endpoint.method.toLowerCase()];
      if (operation !== undefined) parts.push(renderEndpoint(endpoint, operation));
    }
  }
  parts.push("## Objects\n");
  for (const [name, schema] of Object.entries(schemas))
    parts.push(`### ${name}\n\n${text(schema.description)}\n\n${table(members(schema), "member")}`);
  parts.push(`## Problems\n\nEvery endpoint can answer ${codes(commonProblems)}.\n\n${problemTable()}`);
  return parts.join("\n");
}

function renderEndpoint(endpoint: Endpoint, operation: Operation): string {
  const { method, path, summary, description, access, needsToken, media, status } = endpoint;
  const lines = [
    `### \`${method} ${path}\`\n`,
    `${summary}${description === undefined ? "" : ` ${description}`}\n`,
  ];
  if (access === "own-user")
    lines.push(
      `Without a token too, for the daemon's own user${needsToken ? " (types `context` and `reply`)" : ""}.\n`,
    );
  const parameters = operation.parameters?.map(
    ({ name, in: place, schema, description: about, required }) => ({
      name,
      type: type(schema),
      required,
      about: [place === "path" ? "" : `In the ${place}.`, about, fallback(schema)].filter(Boolean).join(" "),
    }),
  );
  if (parameters !== undefined) lines.push(table(parameters, "parameter"));
  const body = operation.requestBody?.content["application/json"]?.schema;
  if (body !== undefined) lines.push(table(members(body), "body"));
  const answer = Object.values(operation.responses[status]?.content ?? {})[0]?.schema;
  if (answer === undefined) lines.push(`Answers \`${status}\`.\n`);
  else if (media !== undefined) lines.push(`Answers \`${status}\`, \`${media}\`.\n`);
  else if (answer.$ref !== undefined) lines.push(`Answers \`${status}\` with ${type(answer)}.\n`);
  else {
    const rows = members(answer);
    lines.push(`Answers \`${status}\`${rows.length === 0 ? "." : ":"}\n`);
    if (rows.length > 0) lines.push(table(rows, "member"));
  }
  const own = problemsOf(endpoint);
  if (own.length > 0) lines.push(`Problems: ${codes(own)}.\n`);
  return lines.join("\n");
}

interface Row {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly about: string;
}

/** The members of an object and of what is within it: `a.b`, in a list `a[].b`, in a map `a.NAME.b`. */
function members(schema: Json, prefix = ""): Row[] {
  const required = new Set(schema.required as string[] | undefined);
  return Object.entries((schema.properties ?? {}) as Record<string, Json>).flatMap(([name, member]) => {
    const row = {
      name: prefix + name,
      type: type(member),
      required: required.has(name),
      about: [member.description, fallback(member)].filter(Boolean).join(" "),
    };
    const { items = {}, additionalProperties: values } = member as {
      items?: Json;
      additionalProperties?: Json;
    };
    return [
      row,
      ...members(member, `${row.name}.`),
      ...members(items, `${row.name}[].`),
      ...members(typeof values === "object" ? values : {}, `${row.name}.NAME.`),
    ];
  });
}

function table(rows: readonly Row[], first: string): string {
  if (rows.length === 0) return "";
  const cells = rows.map(
    ({ name, type: kind, required, about }) =>
      `| \`${name}\`${required ? "" : " (optional)"} | ${kind} | ${about.replaceAll("|", "\\|")} |\n`,
  );
  return `| ${first} | type | |\n| --- | --- | --- |\n${cells.join("")}`;
}

function type(schema: Json): string {
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) return `\`${text(schema.const)}\``;
  if (Array.isArray(schema.enum) && schema.enum.length > 12) return "text";
  if (Array.isArray(schema.enum)) return schema.enum.map((each) => `\`${text(each)}\``).join(", ");
  if (schema.type === "array") return `list of ${type((schema.items ?? {}) as Json)}`;
  if (schema.type === "object" && schema.properties === undefined) {
    const values = (schema.additionalProperties ?? {}) as Json;
    return "type" in values ? `map of ${type(values)}` : "map";
  }
  if (schema.type === "integer") return range(schema);
  return schema.type === "string" ? "text" : text(schema.type);
}

function range({ minimum, maximum }: Json): string {
  return maximum === Number.MAX_SAFE_INTEGER
    ? "whole number"
    : `whole number, ${text(minimum)} to ${text(maximum)}`;
}

function fallback(schema: Json): string {
  return schema.default === undefined
    ? ""
    : `Default \`${JSON.stringify(schema.default).replaceAll('"', "")}\`.`;
}

function codes(list: readonly ProblemCode[]): string {
  return list.map((code) => `\`${code}\``).join(", ");
}

function problemTable(): string {
  const rows = Object.entries(problems).map(
    ([code, [status, title]]) => `| \`${code}\` | ${status} | ${title} |\n`,
  );
  return `| code | status | |\n| --- | --- | --- |\n${rows.join("")}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
