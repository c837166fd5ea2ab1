import { isNodeId } from "@multifleet/core";
import * as z from "zod";
import { explain, StartFailure } from "./failure.js";
import { readPrivate } from "./private-files.js";

const channelOptions = z
  .union([z.boolean(), z.record(z.string(), z.unknown())], {
    error: "a channel is true, false, or an object of its options",
  })
  .describe("The channel's options; true for its defaults, false to turn it off.");

/** As the roster has them. */
export const capabilityForm = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** The members of the objects within. */
const membersOf: Readonly<Record<string, readonly string[]>> = {
  limits: ["pending", "bytes"],
  roster: ["lease"],
};

const addresses = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
  error: "where a peer is reached is a text, or a list of such",
});

/** `config.json`: closed, so that a typing error is told and not ignored. */
export const configSchema = z.strictObject({
  $schema: z.string().optional().describe("For editors."),
  node: z
    .string()
    .refine(isNodeId, "a node name is 1 to 63 of a-z, 0-9 and inner hyphens")
    .optional()
    .describe("This node's name; used at the first start."),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe("The local API's port on 127.0.0.1; 0 for any free one. Default 8855."),
  channels: z
    .record(z.string().min(1), channelOptions)
    .optional()
    .describe("Channels by name, or by package for channels of others."),
  peers: z
    .record(z.string().refine(isNodeId, "not a node name"), z.record(z.string(), addresses))
    .optional()
    .describe("Per peer and channel, where it is reached. Replaces what the peer itself announces."),
  encryption: z
    .enum(["off", "on"])
    .optional()
    .describe("Whether message bodies are encrypted end to end with age. Default off."),
  capabilities: z
    .array(z.string().regex(capabilityForm, "a capability is 1 to 32 of a-z, 0-9 and hyphens, as gpu"))
    .max(32)
    .optional()
    .describe(
      "What this machine has for others, such as db: messages to @db go to it. Added to what is detected.",
    ),
  chief: z
    .enum(["may", "prefer", "never"])
    .optional()
    .describe("Whether this node may be the fleet's chief. Default may."),
  roster: z
    .strictObject({
      lease: z
        .int()
        .min(300)
        .max(600_000)
        .optional()
        .describe(
          "After so many milliseconds without a sign a node is gone; the same on all nodes. Default 12000.",
        ),
    })
    .optional(),
  limits: z
    .strictObject({
      pending: z
        .int()
        .min(1)
        .optional()
        .describe("Most messages that may wait in the outbox. Default 100000."),
      bytes: z
        .int()
        .min(1_048_576)
        .optional()
        .describe("Most bytes that may wait in the outbox. Default 1 GiB."),
    })
    .optional(),
});

export type Config = z.infer<typeof configSchema>;

/** The published JSON Schema of `config.json`. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { target: "draft-2020-12", unrepresentable: "any" });
}

/** Reads a config file; an absent one is empty. @throws StartFailure that names the file, the key, the value and what is allowed. */
export function readConfig(path: string): Config {
  const text = readPrivate(path);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new StartFailure(`${path} is not JSON: ${explain(thrown)}`, { cause: thrown });
  }
  return checkConfig(value, path);
}

/** @param where What to call it in an error: a file, or `the config option`. @throws StartFailure */
export function checkConfig(value: unknown, where: string): Config {
  const result = configSchema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw new StartFailure(
    `${where}: ${result.error.issues.map((issue) => describeIssue(issue, value)).join("; ")}`,
  );
}

function describeIssue(issue: z.core.$ZodIssue, root: unknown): string {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const allowed = path === "" ? Object.keys(configSchema.shape) : (membersOf[path] ?? []);
    return `${issue.keys.map((key) => JSON.stringify(path === "" ? key : `${path}.${key}`)).join(", ")} is not a known key; allowed: ${allowed.join(", ")}`;
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    root,
  );
  return `${JSON.stringify(path)} is ${JSON.stringify(value)}: ${issue.message}`;
}
