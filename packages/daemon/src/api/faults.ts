import * as z from "zod";
import { Problem, type ProblemCode } from "../problem.js";

/** Where in a request a value stands. */
export type Place = "body" | "query" | "path" | "header";

/** What is wrong with one value of a request, as a problem's `errors` lists it. */
interface Fault {
  /** Into the body: a JSON pointer as a URI fragment, as in RFC 9457. */
  readonly pointer?: string;
  /** Of the query or the path. */
  readonly parameter?: string;
  readonly header?: string;
  readonly detail: string;
  readonly allowed?: readonly unknown[];
}

const most = 10;

/** Validates a part of a request. @throws Problem with each fault: where, what, and what is allowed there. */
export function validate<Schema extends z.ZodObject>(
  schema: Schema,
  value: unknown,
  place: Place,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const found = result.error.issues.flatMap((issue) => faults(issue, schema, place));
  // Of what is wrong with one value in several ways, the last and narrowest is told.
  const errors = [...new Map(found.map((each) => [where(each), each])).values()].slice(0, most);
  const detail = errors.map((each) => `${where(each)} ${each.detail}`).join("; ");
  const code: ProblemCode = place === "path" ? "bad_id" : "bad_request";
  throw new Problem(code, `${detail}.`, { extra: { errors } });
}

function faults(issue: z.core.$ZodIssue, schema: z.ZodObject, place: Place): Fault[] {
  if (issue.code === "unrecognized_keys") {
    const allowed = Object.keys(objectAt(schema, issue.path)?.shape ?? {});
    return issue.keys.map((key) => ({
      ...spot([...issue.path, key.slice(0, 64)], place),
      detail: `is not known; known are ${allowed.join(", ") || "none"}`,
      allowed,
    }));
  }
  const at = spot(issue.path, place);
  if (issue.code === "invalid_value")
    return [
      {
        ...at,
        detail: `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`,
        allowed: issue.values,
      },
    ];
  if (issue.code === "invalid_type") return [{ ...at, detail: `must be ${article(issue.expected)}` }];
  if (issue.code === "too_big") return [{ ...at, detail: `must be at most ${amount(issue.maximum, issue)}` }];
  if (issue.code === "too_small")
    return [{ ...at, detail: `must be at least ${amount(issue.minimum, issue)}` }];
  return [{ ...at, detail: issue.message }];
}

/** The schema of the object that `path` leads to. */
function objectAt(schema: z.ZodObject, path: readonly PropertyKey[]): z.ZodObject | undefined {
  let at: unknown = schema;
  for (const step of path) {
    if (at instanceof z.ZodOptional || at instanceof z.ZodExactOptional) at = at.unwrap();
    at = at instanceof z.ZodObject ? at.shape[String(step)] : undefined;
  }
  return at instanceof z.ZodObject ? at : undefined;
}

function spot(path: readonly PropertyKey[], place: Place): Omit<Fault, "detail"> {
  if (place === "body")
    return {
      pointer: `#${path.map((step) => `/${encodeURIComponent(escaped(String(step)))}`).join("")}`,
    };
  return place === "header" ? { header: String(path[0]) } : { parameter: String(path[0]) };
}

/** RFC 6901's escapes; and well-formed, which `encodeURIComponent` needs. */
function escaped(step: string): string {
  return step.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}

function where({ pointer, parameter, header }: Fault): string {
  if (header !== undefined) return `The header ${header}`;
  if (parameter !== undefined) return parameter;
  return pointer === "#" ? "The body" : (pointer ?? "").slice("#/".length).replaceAll("/", ".");
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}

function amount(count: number | bigint, { origin }: { readonly origin: string }): string {
  return origin === "string" ? `${count} characters long` : `${count}`;
}
