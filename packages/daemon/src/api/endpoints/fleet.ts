import * as z from "zod";
import { endpoint } from "../endpoint.js";
import { lifetime, nodeName } from "../schemas.js";
import { check, peer, roster } from "../views.js";

const group = "Fleet";
const peers = z.strictObject({ peers: z.array(peer) });

export const fleet = [
  endpoint({
    name: "listPeers",
    group,
    method: "GET",
    path: "/peers",
    summary: "Lists the other nodes of the fleet and the channels to each.",
    access: "token",
    response: peers,
    status: 200,
    problems: [],
    handle: ({ node }) => ({ peers: node.peers() }),
  }),

  endpoint({
    name: "getRoster",
    group,
    method: "GET",
    path: "/roster",
    summary: "Tells who of the fleet is alive, what each can do, and who is chief.",
    access: "token",
    response: roster,
    status: 200,
    problems: [],
    handle: ({ node }) => node.roster(),
  }),

  endpoint({
    name: "check",
    group,
    method: "POST",
    path: "/check",
    summary: "Tries channels to peers with a signed probe, and tells which work and why the others do not.",
    access: "token",
    body: z.strictObject({
      peer: nodeName.exactOptional().describe("Only to this node. Default: to all."),
      channel: z.string().min(1).max(63).exactOptional().describe("Only this channel. Default: all."),
    }),
    response: z.strictObject({ results: z.array(check) }),
    status: 200,
    problems: ["unknown_peer"],
    handle: async ({ node, body, signal }) => ({ results: await node.check(body, signal()) }),
  }),

  endpoint({
    name: "invite",
    group,
    method: "POST",
    path: "/invite",
    summary: "Makes a code with which other nodes join this fleet.",
    access: "token",
    body: z.strictObject({
      uses: z.int().min(1).max(10_000).default(1).describe("How many nodes may join with it."),
      expires: lifetime.default("1h").describe("How long it is valid, as `1h`, or until when."),
      lan: z
        .boolean()
        .default(false)
        .describe("Opens the packet listener to other machines, where it is on loopback only."),
    }),
    response: z.strictObject({
      code: z.string().describe("A secret: whoever has it can join."),
      expires: z.string(),
      uses: z.number(),
      addresses: z.array(z.string()).describe("Where the code says this node can be reached."),
      note: z
        .string()
        .exactOptional()
        .describe("Said when the code works on this machine only, and how to change that."),
    }),
    status: 200,
    problems: ["not_authority", "store_failed", "disk_full"],
    handle: ({ node, body }) => node.invite(body),
  }),

  endpoint({
    name: "join",
    group,
    method: "POST",
    path: "/join",
    summary: "Becomes a member of the fleet that a code is for.",
    access: "token",
    body: z.strictObject({
      code: z.string().min(1).max(8_192),
      node: nodeName.exactOptional().describe("The name to take there. Default: this node's own."),
    }),
    response: z.strictObject({ node: z.string(), fleet: z.string(), peers: z.array(z.string()) }),
    status: 200,
    problems: [
      "invitation_invalid",
      "invitation_expired",
      "invitation_used",
      "inviter_unreachable",
      "node_name_taken",
      "already_member",
      "store_failed",
      "disk_full",
    ],
    handle: ({ node, body }) => node.join(body),
  }),
];
