import { maxBodyBytes } from "@multifleet/core";
import * as z from "zod";
import { Problem } from "../../problem.js";
import { endpoint } from "../endpoint.js";
import { bodyText, byId, field, lifetime, limit, packetId, recipient, subject, waiting } from "../schemas.js";
import { message, sendAnswer } from "../views.js";
import { waitFor } from "../wait.js";

const group = "Messages";

const sendBody = z
  .strictObject({
    type: z.enum(["context", "task", "reply", "alert"]),
    to: recipient
      .exactOptional()
      .describe(
        "A node, `NODE/SESSION`, `@CAPABILITY` for the best live node that has it, as `@gpu`, or `all`. May be left out of a reply: it goes where `replyTo` came from.",
      ),
    payload: z.strictObject({ subject, body: bodyText }),
    id: packetId
      .exactOptional()
      .describe(
        "The message's own id. The same id with the same content is one message, however often it is sent.",
      ),
    session: field.exactOptional().describe("The agent session that sends it: replies find their way to it."),
    replyTo: packetId.exactOptional().describe("The message that this one answers."),
    key: field
      .exactOptional()
      .describe("Messages with one key surface in the order they were sent. Default: the session."),
    expires: lifetime
      .exactOptional()
      .describe(
        "How long it may be on its way, as `90s`, `1h`, `7d`, or until when. Default 7 days, tasks 1 hour.",
      ),
    via: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "must be a channel's name")
      .exactOptional()
      .describe("Only by this channel."),
    idempotent: z
      .boolean()
      .exactOptional()
      .describe("A task that may be run again when a crash has interrupted it."),
  })
  .refine(({ to, type, replyTo }) => to !== undefined || (type === "reply" && replyTo !== undefined), {
    path: ["to"],
    message: "must be given, except in a reply with replyTo",
  });

const idempotencyKey = z.strictObject({
  "idempotency-key": z
    .string()
    // The header's draft standard puts it in quotes, most programs do not.
    .transform((text) => /^"(.*)"$/.exec(text)?.[1] ?? text)
    .pipe(packetId)
    .exactOptional()
    .describe("The same as `id` in the body."),
});

export const messages = [
  endpoint({
    name: "sendMessage",
    group,
    method: "POST",
    path: "/message",
    summary: "Sends a message.",
    description:
      "Answers once the message is durable: from then on it is this node's to deliver, and it ends in exactly one state that can be " +
      "asked for. With `wait` the answer tells the state that was reached.",
    access: "own-user",
    needsToken: ({ type }) => type !== "context" && type !== "reply",
    headers: idempotencyKey,
    query: waiting,
    body: sendBody,
    response: sendAnswer,
    status: 202,
    problems: [
      "unknown_recipient",
      "unknown_capability",
      "body_too_large",
      "id_conflict",
      "unknown_message",
      "quota_exceeded",
      "store_failed",
      "disk_full",
    ],
    async handle({ node, query: { wait, timeout }, headers, body, signal }) {
      const id = headers["idempotency-key"] ?? body.id;
      if (body.id !== undefined && body.id !== id)
        throw new Problem("bad_request", "The header Idempotency-Key and the body's id are not the same.");
      const bytes = Buffer.byteLength(body.payload.body);
      if (bytes > maxBodyBytes)
        throw new Problem(
          "body_too_large",
          `payload.body has ${bytes} bytes of UTF-8; the limit is ${maxBodyBytes}, on every channel alike.`,
          { extra: { limit: maxBodyBytes, bytes } },
        );
      const answer = await node.send(id === undefined ? body : { ...body, id });
      if (wait === undefined) return answer;
      const ended = (each: string) => waitFor(node, each, wait, timeout, signal());
      if (answer.messages === undefined) {
        const { state, reason } = await ended(answer.id);
        return { id: answer.id, state, ...(reason !== undefined && { reason }) };
      }
      const views = await Promise.all(answer.messages.map((each) => ended(each.id)));
      return {
        id: answer.id,
        state: views[0]?.state ?? answer.state,
        messages: views.map(({ id: each, to, state }) => ({ id: each, to, state })),
      };
    },
  }),

  endpoint({
    name: "getMessage",
    group,
    method: "GET",
    path: "/message/:id",
    summary: "Tells how far a message is: its state, every attempt, and the receipt.",
    access: "token",
    params: byId,
    query: waiting,
    response: message,
    status: 200,
    problems: ["bad_id", "unknown_message"],
    handle: ({ node, params, query: { wait, timeout }, signal }) =>
      wait === undefined ? node.message(params.id) : waitFor(node, params.id, wait, timeout, signal()),
  }),

  endpoint({
    name: "cancelMessage",
    group,
    method: "POST",
    path: "/message/:id/cancel",
    summary: "Takes a message back that is still on its way.",
    description:
      "Its receiver may have it already; a receipt that comes later corrects the state to `delivered`.",
    access: "token",
    params: byId,
    response: message,
    status: 200,
    problems: ["bad_id", "unknown_message", "already_settled", "store_failed", "disk_full"],
    handle: ({ node, params }) => node.cancel(params.id),
  }),

  endpoint({
    name: "listMessages",
    group,
    method: "GET",
    path: "/messages",
    summary: "Lists the messages sent from here, newest first.",
    access: "token",
    query: z.strictObject({
      state: z
        .enum(["accepted", "sent", "delivered", "expired", "rejected", "cancelled"])
        .exactOptional()
        .describe("Only those in this state."),
      limit,
    }),
    response: z.strictObject({ messages: z.array(message) }),
    status: 200,
    problems: [],
    handle: ({ node, query }) => ({ messages: node.messages(query) }),
  }),

  endpoint({
    name: "listDeadLetters",
    group,
    method: "GET",
    path: "/dead-letters",
    summary: "Lists the messages that did not end as delivered, and why, newest first.",
    access: "token",
    query: z.strictObject({ limit }),
    response: z.strictObject({ messages: z.array(message) }),
    status: 200,
    problems: [],
    handle: ({ node, query }) => ({ messages: node.deadLetters(query.limit) }),
  }),

  endpoint({
    name: "retryDeadLetter",
    group,
    method: "POST",
    path: "/dead-letters/:id/retry",
    summary: "Sends a dead letter's content again, as a new message.",
    access: "token",
    params: byId,
    response: sendAnswer,
    status: 202,
    problems: ["bad_id", "unknown_message", "not_settled", "quota_exceeded", "store_failed", "disk_full"],
    handle: ({ node, params }) => node.retry(params.id),
  }),
];
