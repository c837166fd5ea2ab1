import * as z from "zod";
import { natsServerView } from "../../nats/view.js";
import { endpoint } from "../endpoint.js";
import { flag } from "../schemas.js";

const group = "NATS server";

const text = z.string().min(1).max(512);
const port = z.int().min(0).max(65_535);

const request = z.strictObject({
  role: z.enum(["single", "leaf", "cluster"]).exactOptional().describe("Told by `hub` and `routes` too."),
  listen: text.exactOptional().describe("The address on which it listens. Default: `127.0.0.1`."),
  port: port.exactOptional().describe("For clients; 0 for any free one. Default: 4222."),
  hub: text.exactOptional().describe("Of a leaf: the hub's URL for leaf nodes, without a login."),
  creds: text
    .exactOptional()
    .describe("A credentials file for the hub. Without it and `user`, the hub is a server of this fleet."),
  user: text.exactOptional(),
  password: text.exactOptional(),
  cluster_name: text.exactOptional().describe("Default: the fleet's name."),
  routes: z
    .array(text)
    .min(1)
    .max(64)
    .exactOptional()
    .describe("Of a cluster: `HOST:PORT` of each server, this one's own among them or not."),
  cluster_port: port.exactOptional().describe("For the other servers of the cluster. Default: 6222."),
  leaf_port: port
    .exactOptional()
    .describe("Lets leaf nodes of this fleet in on this port. Default: none are."),
  share: z
    .boolean()
    .exactOptional()
    .describe("Tells the other members where it is: those without a server of their own then use it."),
});

export const nats = [
  endpoint({
    name: "getNatsServer",
    group,
    method: "GET",
    path: "/nats",
    summary: "Tells how the node's own nats-server is.",
    access: "token",
    response: natsServerView,
    status: 200,
    problems: [],
    handle: ({ node }) => node.natsServer(),
  }),

  endpoint({
    name: "natsUp",
    group,
    method: "POST",
    path: "/nats",
    summary: "Sets up a nats-server of the node's own, starts it, keeps it running, and sends by it.",
    description:
      "Without any member: as it was set up the last time. Where it cannot be started, what ran before goes on.",
    access: "token",
    body: request,
    response: natsServerView,
    status: 200,
    problems: ["port_taken", "nats_server_missing", "nats_server_failed", "store_failed", "disk_full"],
    handle: ({ node, body }) => node.natsUp(body),
  }),

  endpoint({
    name: "natsDown",
    group,
    method: "DELETE",
    path: "/nats",
    summary: "Ends the node's own nats-server, now and for later starts. What it stored stays.",
    access: "token",
    query: z.strictObject({
      purge: flag.exactOptional().describe("Removes its streams and settings too."),
    }),
    response: natsServerView,
    status: 200,
    problems: [],
    handle: ({ node, query }) => node.natsDown({ purge: query.purge === true }),
  }),
];
