import * as z from "zod";

/** The node's own nats-server, as the API shows it. */
export const natsServerView = z
  .strictObject({
    state: z
      .enum(["off", "starting", "running", "waiting", "missing", "failed"])
      .describe(
        "`waiting`: it died and is about to be started again. `missing`: the program is not installed. `failed`: it cannot be started as it is set up.",
      ),
    since: z.string().exactOptional().describe("RFC 3339, UTC."),
    reason: z.string().exactOptional(),
    pid: z.number().exactOptional(),
    version: z.string().exactOptional(),
    restarts: z
      .number()
      .exactOptional()
      .describe("How often it died and was started again since the node started."),
    role: z.enum(["single", "leaf", "cluster"]).exactOptional(),
    server: z.string().exactOptional().describe("Where clients on this machine reach it."),
    listen: z.string().exactOptional(),
    domain: z.string().exactOptional().describe("A leaf's own JetStream domain."),
    hub: z.string().exactOptional(),
    cluster: z
      .strictObject({ name: z.string(), listen: z.string(), routes: z.array(z.string()) })
      .exactOptional(),
    leafnodes: z.string().exactOptional().describe("Where it lets leaf nodes in."),
    shared: z
      .array(z.string())
      .exactOptional()
      .describe("Where members without a server of their own are told to go."),
    directory: z.string().exactOptional(),
    config: z.string().exactOptional(),
    store: z.string().exactOptional(),
    log: z.string().exactOptional(),
  })
  .describe("The node's own nats-server, which the daemon runs.");

type Frozen<T> = T extends readonly (infer Each)[]
  ? readonly Frozen<Each>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

export type NatsServerView = Frozen<z.output<typeof natsServerView>>;
