import { isPacketId, type Packet } from "@multifleet/core";
import type { Item, Mailbox } from "@multifleet/mailbox";
import type { EventLog } from "../events.js";
import type { FleetNode } from "../node.js";
import { Problem } from "../problem.js";
import type { Way } from "./door.js";

export interface InboxHost {
  readonly events: EventLog;
  readonly mailbox: Mailbox;
  now(): number;
  /** An agent session was given the item: its sender is to know. */
  surfaced(item: Item): void;
}

/** The receiver's side of every message: from its arrival until a session was given it. */
export class Inbox {
  readonly #host: InboxHost;

  constructor(host: InboxHost) {
    this.#host = host;
  }

  list({ after, session, unsurfaced, limit }: Parameters<FleetNode["inbox"]>[0]): readonly Item[] {
    return this.#host.mailbox.inbox({
      limit,
      ...(after === undefined ? {} : { after }),
      ...(session === undefined ? {} : { toSession: session }),
      ...(unsurfaced === undefined ? {} : { unsurfaced }),
    });
  }

  /** @throws Problem */
  item(id: string): Item {
    const item = isPacketId(id) ? this.#host.mailbox.item(id) : undefined;
    if (item === undefined)
      throw new Problem("unknown_item", `no inbox item has the id ${JSON.stringify(id)}`);
    return item;
  }

  /** An agent session was given the item; its sender is told, once. */
  async surface(id: string): Promise<{ readonly id: string; readonly state: "surfaced" }> {
    const { events, mailbox, now, surfaced } = this.#host;
    const item = this.item(id);
    if (await mailbox.surface(item.id, now())) {
      events.emit("inbox", { id: item.id, from: item.from, state: "surfaced" });
      surfaced(item);
    }
    return { id: item.id, state: "surfaced" };
  }

  async remove(id: string): Promise<void> {
    await this.#host.mailbox.remove(this.item(id).id);
  }

  /** A message is in the inbox since now. */
  arrived({ id, from, type, session, toSession, replyTo }: Packet, way: Way): void {
    const item = this.#host.mailbox.item(id);
    this.#host.events.emit("inbox", {
      ...{
        id,
        from,
        type,
        session,
        to_session: toSession,
        reply_to: replyTo,
        channel: way.name,
        state: "delivered",
      },
      subject: item?.subject ?? "",
    });
  }

  /** Items came to be shown: those that had waited for one before them too, which no arrival tells of. */
  shown(): void {
    this.#host.events.emit("inbox", { state: "shown" });
  }
}
