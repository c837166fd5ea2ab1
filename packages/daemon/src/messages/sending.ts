import { isPacketId, type NodeId } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import type { NodeCounters } from "../books.js";
import type { Reach } from "../channels/reach.js";
import type { Supervisor } from "../channels/supervisor.js";
import type { SendAnswer, SendRequest } from "../node.js";
import { Problem } from "../problem.js";
import { noChannel } from "../remedies.js";
import type { LatePresence } from "../roster/late-presence.js";
import type { Post } from "./post.js";

export interface SendingHost {
  readonly counters: NodeCounters;
  readonly mailbox: Pick<Mailbox, "message">;
  readonly post: Pick<Post, "send">;
  readonly presence: Pick<LatePresence, "now" | "loaded">;
  readonly reach: Pick<Reach, "shown">;
  readonly supervisor: Pick<Supervisor, "states">;
}

/** What a request to send needs before the post takes it: that its channel is there, and a node in the place of a capability. */
export class Sending {
  readonly #host: SendingHost;

  constructor(host: SendingHost) {
    this.#host = host;
  }

  send(request: SendRequest): Promise<SendAnswer> {
    const { post, presence, reach, supervisor } = this.#host;
    if (
      request.via !== undefined &&
      !supervisor.states().some(({ channel }) => channel.name === request.via)
    ) {
      const names = reach.shown().map(({ channel }) => channel.name);
      throw new Problem(
        "bad_request",
        `via is ${JSON.stringify(request.via)}: ${noChannel(request.via, names)}`,
      );
    }
    if (request.session !== undefined) presence.now?.session(request.session);
    return request.to?.startsWith("@") === true ? this.#sendToCapable(request) : post.send(request);
  }

  /** Sends to the best live node that has a capability; the same message again goes where it went. */
  async #sendToCapable(request: SendRequest): Promise<SendAnswer> {
    const { counters, mailbox, post, presence } = this.#host;
    const { id = "", to = "" } = request;
    const known = isPacketId(id) ? mailbox.message(id) : undefined;
    const roster = await presence.loaded();
    let node: NodeId;
    try {
      node = known?.to ?? roster.pick(to.slice(1));
    } catch (thrown) {
      if (thrown instanceof Problem) counters.count("accept_errors_total", thrown.code);
      throw thrown;
    }
    const answer = await post.send({ ...request, to: node });
    return { ...answer, messages: [{ id: answer.id, to: node, state: answer.state }] };
  }
}
