import * as z from "zod";
import { endpoint } from "../endpoint.js";
import { health } from "../views.js";

const group = "Observing";

/** The end that OpenMetrics text must have, once. */
const end = "# EOF\n";

export const observing = [
  endpoint({
    name: "getHealth",
    group,
    method: "GET",
    path: "/health",
    summary: "Tells how the node is: 200 when ok or degraded, 503 when failed.",
    access: "own-user",
    response: health,
    status: 200,
    statusOf: ({ status }) => (status === "failed" ? 503 : 200),
    problems: [],
    handle: ({ node }) => node.health(),
  }),

  endpoint({
    name: "getMetrics",
    group,
    method: "GET",
    path: "/metrics",
    summary: "Gives all counters as OpenMetrics text.",
    access: "token",
    media: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    status: 200,
    problems: [],
    handle({ node }) {
      const text = node.metrics();
      return text.endsWith(end) ? text : text + end;
    },
  }),

  endpoint({
    name: "streamEvents",
    group,
    method: "GET",
    path: "/events",
    summary: "Tells what happens, as it happens, as server-sent events.",
    description:
      "Events have the types `message`, `inbox`, `channel` and `peer`. With Last-Event-ID the stream goes on after that event; when " +
      "some of those after it are gone, an event `lost` says so first. Without it the stream begins with what happens next.",
    access: "token",
    media: "text/event-stream",
    headers: z.strictObject({
      "last-event-id": z
        .string()
        .regex(/^\d{1,16}$/, "must be the id of an event")
        .transform(Number)
        .pipe(z.int())
        .exactOptional()
        .describe("The last event that was seen."),
    }),
    status: 200,
    problems: [],
    // The server writes the stream; this is where it begins.
    handle: ({ headers }) => headers["last-event-id"],
  }),

  endpoint({
    name: "getOpenApi",
    group,
    method: "GET",
    path: "/openapi.json",
    summary: "Describes this API as an OpenAPI 3.1 document.",
    access: "own-user",
    response: z.record(z.string(), z.unknown()),
    status: 200,
    problems: [],
    handle: ({ openApi }) => openApi() as Record<string, unknown>,
  }),
];
