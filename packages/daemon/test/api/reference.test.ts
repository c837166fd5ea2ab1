import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import type { ZodObject } from "zod";
import { endpoints } from "../../src/api/endpoints.js";
import { commonProblems, problemsOf } from "../../src/api/openapi.js";
import { problems } from "../../src/problem.js";
import { renderReference } from "./reference.js";
import { serve } from "./rig.js";

interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly operationId: string;
        readonly security: readonly object[];
        readonly parameters?: readonly { readonly name: string; readonly in: string }[];
        readonly requestBody?: object;
      }
    >
  >;
}

test("docs/api.md is what the registry says", async () => {
  await expect(renderReference()).toMatchFileSnapshot("../../../../docs/api.md");
});

test("the OpenAPI document is valid, and is about this very server", async () => {
  const { ask, port } = await serve();
  const document = (await ask("/openapi.json")).json as unknown as Document;
  const result = await new Validator().validate(document as unknown as Record<string, unknown>);
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { version: "1.2.3" },
    servers: [{ url: `http://127.0.0.1:${port}` }],
  });
  const pointers = JSON.stringify(document).match(/"#\/[^"]+"/g) ?? [];
  expect(pointers.length).toBeGreaterThan(10);
  for (const pointer of new Set(pointers)) {
    const steps = (JSON.parse(pointer) as string).slice(2).split("/");
    const at = steps.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], document);
    expect([pointer, typeof at]).toEqual([pointer, "object"]);
  }
});

test("the OpenAPI document has each endpoint of the registry and no other", async () => {
  const { ask } = await serve();
  const document = (await ask("/openapi.json")).json as unknown as Document;
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, security, parameters = [], requestBody }]) => [
      operationId,
      `${method.toUpperCase()} ${path}`,
      security.length === 1,
      parameters.map(({ name, in: place }) => `${place} ${name.toLowerCase()}`),
      requestBody !== undefined,
    ]),
  );
  const keys = (schema?: ZodObject) => Object.keys(schema?.shape ?? {});
  const declared = endpoints.map(({ name, method, path, access, params, query, headers, body }) => [
    name,
    `${method} ${path.replace(":id", "{id}")}`,
    access === "token",
    [
      ...keys(params).map((key) => `path ${key}`),
      ...keys(query).map((key) => `query ${key}`),
      ...keys(headers).map((key) => `header ${key}`),
    ],
    body !== undefined,
  ]);
  const byName = ([a]: readonly unknown[], [b]: readonly unknown[]) => (String(a) < String(b) ? -1 : 1);
  expect(documented.toSorted(byName)).toEqual(declared.toSorted(byName));
  expect(new Set(endpoints.map(({ name }) => name)).size).toBe(endpoints.length);
});

test("each problem is one that some endpoint says it can answer, or that comes before there is an endpoint", () => {
  const said = new Set([...commonProblems, ...endpoints.flatMap(problemsOf)]);
  const early = ["not_found", "method_not_allowed", "too_many_connections"];
  expect(Object.keys(problems).filter((code) => !said.has(code as never))).toEqual(early);
});
