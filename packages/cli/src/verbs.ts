import type { CallOf, CommandName } from "./commands.js";
import type { Context } from "./context.js";

/** What runs a command. @returns The exit code. @throws Failure, Misuse */
export interface Verb<Name extends CommandName> {
  run(call: CallOf<Name>, context: Context): Promise<number>;
}

/** Every command's code, loaded when it is run: a status bar that asks every few seconds pays for no more than `summary`. */
export const verbs: { readonly [Name in Exclude<CommandName, "help">]: () => Promise<Verb<Name>> } = {
  send: () => import("./verbs/send.js"),
  status: () => import("./verbs/status.js"),
  inbox: () => import("./verbs/inbox.js"),
  reply: () => import("./verbs/reply.js"),
  peers: () => import("./verbs/peers.js"),
  check: () => import("./verbs/check.js"),
  summary: () => import("./verbs/summary.js"),
  "dead-letters": () => import("./verbs/dead-letters.js"),
  cancel: () => import("./verbs/cancel.js"),
  invite: () => import("./verbs/invite.js"),
  join: () => import("./verbs/join.js"),
  nats: () => import("./verbs/nats.js"),
  doctor: () => import("./verbs/doctor.js"),
  demo: () => import("./verbs/demo.js"),
  deliver: () => import("./verbs/deliver.js"),
  completion: () => import("./verbs/completion.js"),
};
