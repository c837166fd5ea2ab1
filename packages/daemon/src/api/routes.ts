import { Problem } from "../problem.js";
import type { Endpoint } from "./endpoint.js";

/** The endpoint that a request is for, and what its path and its query say, not validated yet. */
export interface Match {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

const nothing: Readonly<Record<string, string>> = {};

/** Finds the endpoint for a method and a target. Paths are taken as they come: nothing is collapsed, decoded or completed. */
export class Routes {
  readonly #fixed = new Map<string, Endpoint[]>();
  readonly #variable: { readonly segments: readonly string[]; readonly endpoints: Endpoint[] }[] = [];

  constructor(endpoints: readonly Endpoint[]) {
    for (const endpoint of endpoints) {
      const segments = endpoint.path.split("/");
      const variable = segments.some((segment) => segment.startsWith(":"));
      const same = variable
        ? this.#variable.find((each) => each.segments.join("/") === endpoint.path)?.endpoints
        : this.#fixed.get(endpoint.path);
      if (same !== undefined) same.push(endpoint);
      else if (variable) this.#variable.push({ segments, endpoints: [endpoint] });
      else this.#fixed.set(endpoint.path, [endpoint]);
    }
  }

  /** @throws Problem `not_found`, `method_not_allowed`, or `bad_request` for a query that cannot be read. */
  find(method: string, target: string): Match {
    const mark = target.indexOf("?");
    const path = mark < 0 ? target : target.slice(0, mark);
    const { endpoints, params } = this.#at(path);
    // A HEAD request is a GET whose answer's body is left out, which node:http does.
    const endpoint = endpoints.find((each) => each.method === (method === "HEAD" ? "GET" : method));
    if (endpoint === undefined) {
      const allowed = endpoints.flatMap((each) => (each.method === "GET" ? ["GET", "HEAD"] : [each.method]));
      throw new Problem("method_not_allowed", `${path} takes ${allowed.join(", ")}.`, {
        extra: { allowed_methods: allowed },
      });
    }
    return { endpoint, params, query: mark < 0 ? nothing : parseQuery(target.slice(mark + 1)) };
  }

  #at(path: string): { readonly endpoints: readonly Endpoint[]; readonly params: Match["params"] } {
    const fixed = this.#fixed.get(path);
    if (fixed !== undefined) return { endpoints: fixed, params: nothing };
    const given = path.split("/");
    for (const { segments, endpoints } of this.#variable) {
      if (segments.length !== given.length) continue;
      const fits = segments.every((segment, i) => segment.startsWith(":") || segment === given[i]);
      if (!fits) continue;
      const named = segments.flatMap((segment, i) =>
        segment.startsWith(":") ? [[segment.slice(1), given[i] ?? ""] as const] : [],
      );
      return { endpoints, params: Object.fromEntries(named) };
    }
    throw new Problem("not_found", "There is no such path; GET /openapi.json lists those there are.");
  }
}

/** A query string as an object. Each name once, each value well-formed. @throws Problem */
function parseQuery(text: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const part of text.split("&")) {
    if (part === "") continue;
    const mark = part.indexOf("=");
    const name = decode(mark < 0 ? part : part.slice(0, mark));
    if (name in query) throw new Problem("bad_request", `The parameter ${name.slice(0, 64)} is given twice.`);
    query[name] = mark < 0 ? "" : decode(part.slice(mark + 1));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (thrown) {
    throw new Problem("bad_request", "The query is not percent-encoded UTF-8.", { cause: thrown });
  }
}
