import { readdirSync } from "node:fs";
import { join } from "node:path";
import { api } from "../api.js";
import { follow } from "../events.js";
import { Failure } from "../failure.js";
import { channelName, count, took } from "../units.js";
import type { MessageView } from "../views.js";
import type { Daemon } from "./daemon.js";
import type { Stage } from "./stage.js";
import { fallbacks } from "./tally.js";

/** Three nodes that have never met are joined by an invitation. */
export async function meet({ mac1, mac2, mac3, narrator }: Stage): Promise<void> {
  const began = performance.now();
  await Promise.all([mac1.start(), mac2.start(), mac3.start()]);
  const started = performance.now() - began;
  const { code } = await api.invite(mac1.access(), { uses: 2, expires: "10m", lan: false });
  for (const node of [mac2, mac3]) await api.join(node.access(), { code, node: node.name });
  const nodes = [mac1, mac2, mac3].map(({ name, home, pid }) => ({ name, home, pid }));
  const text = "three daemons, each with a home and a key of its own";
  narrator.step("started", started, text, { nodes });
  narrator.step("joined", performance.now() - began - started, "mac2 and mac3, by an invitation of mac1");
}

/** A message goes from session to session, and its answer comes back. */
export async function converse(stage: Stage): Promise<void> {
  const { mac1, mac2, narrator } = stage;
  narrator.act("mac1 asks mac2, and the answer comes back to the session that asked");
  const began = performance.now();
  const past = () => performance.now() - began;
  const { id, ms } = await stage.send(mac1, {
    to: "mac2/reviewer",
    subject: "is the page live?",
    session: "asker",
  });
  narrator.step("accepted", ms, "durable at mac1: from here on it cannot be lost", { id });
  const delivered = await stage.until("delivered", mac1, id);
  narrator.attempts(delivered.attempts);
  narrator.step("delivered", past(), "in mac2's inbox, and mac1 holds mac2's signed receipt", { id });
  await api.surface(mac2.access(), id);
  await stage.until("surfaced", mac1, id);
  narrator.step("surfaced", past(), "a session at mac2 was given it, and mac1 knows", { id });
  const answer = await stage.send(mac2, {
    to: "mac1/asker",
    subject: "yes, it is",
    session: "reviewer",
    type: "reply",
    replyTo: id,
  });
  await stage.until("delivered", mac2, answer.id);
  const { items } = await api.inbox(mac1.access(), { session: "asker", limit: 10 });
  const reply = items.find((item) => item.reply_to === id);
  if (reply === undefined)
    throw new Failure("demo_failed", "the answer is not in the inbox of the session that asked");
  narrator.step("answered", past(), `in the inbox of session asker, by ${channelName(reply.channel)}`, {
    id: answer.id,
  });
}

/** HTTP dies with a message on it; the message takes another way, and the next one does not even try. */
export async function cutHttp(stage: Stage): Promise<void> {
  const { mac1, wire, narrator, patience } = stage;
  narrator.act("HTTP from mac1 to mac2 is cut, with a message on the wire");
  const cut = wire.cutAtNextByte();
  const began = performance.now();
  const { id, ms } = await stage.send(mac1, { to: "mac2", subject: "sent as the wire breaks" });
  narrator.step("accepted", ms, "durable at mac1", { id });
  await patience.wait("the message goes out by HTTP", 10_000, cut);
  narrator.step("cut", undefined, "the connection is reset, and each new one will be");
  await showDelivery(stage, id, began);
  const again = performance.now();
  const next = await stage.send(mac1, { to: "mac2", subject: "sent after the wire broke" });
  narrator.step("accepted", next.ms, "and one more", { id: next.id });
  await showDelivery(stage, next.id, again);
}

async function showDelivery(stage: Stage, id: string, began: number): Promise<void> {
  const { mac1, narrator } = stage;
  const { attempts } = await stage.until("delivered", mac1, id);
  const ms = performance.now() - began;
  narrator.attempts(attempts);
  const by = attempts.findLast(({ outcome }) => outcome === "delivered");
  const [wait] = fallbacks(attempts);
  const after =
    wait === undefined ? "" : `, which began ${wait < 1 ? "under 1 ms" : took(wait)} after HTTP failed`;
  narrator.step("delivered", ms, `by ${channelName(by?.channel ?? "?", by?.rank)}${after}`, { id });
}

/** A node is killed; what is sent to it waits, is not called delivered, and is there once when the node is back. */
export async function killReceiver(stage: Stage): Promise<void> {
  const { mac1, mac3, narrator, patience } = stage;
  narrator.act("mac3 is killed, and is sent messages while it is dead");
  const { pid } = mac3;
  await mac3.kill();
  narrator.step("killed", undefined, `SIGKILL to process ${pid}: no good-bye, no flush`, { pid });
  const began = performance.now();
  const events = await follow(mac1.access());
  const ids: string[] = [];
  let first: MessageView;
  try {
    for (const nth of ["first", "second", "third"])
      ids.push((await stage.send(mac1, { to: "mac3", subject: `the ${nth} while you were away` })).id);
    narrator.step(
      "accepted",
      performance.now() - began,
      `${count(ids.length, "message")} to mac3, durable at mac1`,
    );
    first = await patience.wait("the messages to mac3 are put down", 15_000, stored());
  } finally {
    events.close();
  }
  narrator.attempts(first.attempts);
  const files = readdirSync(join(mac3.home, "seed", "new")).length;
  narrator.step("sent", undefined, `${count(files, "file")} in mac3's seed directory; none called delivered`);
  const restart = performance.now();
  await mac3.start();
  narrator.step("started", performance.now() - restart, `mac3 again, as process ${mac3.pid}`, {
    pid: mac3.pid,
  });
  for (const id of ids) await stage.until("delivered", mac1, id);
  const inbox = await stage.inbox(mac3);
  const once = ids.filter((id) => inbox.filter((item) => item.id === id).length === 1);
  narrator.step(
    "delivered",
    performance.now() - restart,
    `${once.length} of ${ids.length} in its inbox once, and the receipts came back`,
  );

  /** The first message's view, once a middleman holds every one. */
  async function stored(): Promise<MessageView> {
    const waiting = new Set(ids);
    const look = async (id: string): Promise<void> => {
      const { attempts } = await api.message(mac1.access(), id);
      if (attempts.some(({ outcome }) => outcome === "stored")) waiting.delete(id);
    };
    for (const id of ids) await look(id);
    if (waiting.size > 0)
      for await (const { data } of events) {
        const { id } = data;
        if (typeof id === "string" && waiting.has(id)) await look(id);
        if (waiting.size === 0) break;
      }
    if (waiting.size > 0)
      throw new Failure("demo_failed", "mac1 ended its events before the messages to mac3 were put down");
    return api.message(mac1.access(), ids[0] ?? "");
  }
}

const burst = 60;
const atOnce = 8;

/** Many messages at once, a kill among them, and everything arrives once. */
export async function burstAndKill(stage: Stage): Promise<void> {
  const { mac1, mac2, wire, narrator } = stage;
  narrator.act(`${burst} messages to mac2 and mac3 at once, and mac2 is killed among them`);
  wire.mend();
  narrator.step("mended", undefined, "the wire to mac2 works again");
  const began = performance.now();
  const ids: string[] = [];
  let killed: Promise<void> | undefined;
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < burst) {
        const nth = ++next;
        const { id } = await stage.send(mac1, {
          to: nth % 2 === 0 ? "mac3" : "mac2",
          subject: `burst ${nth}`,
        });
        ids.push(id);
        if (ids.length === burst / 4) killed = kill(mac2, ids.length);
      }
    }),
  );
  await killed;
  narrator.step(
    "accepted",
    performance.now() - began,
    `${ids.length} of ${burst}, all of them durable at mac1`,
  );
  const restart = performance.now();
  await mac2.start();
  narrator.step("started", performance.now() - restart, `mac2 again, as process ${mac2.pid}`, {
    pid: mac2.pid,
  });
  await Promise.all(ids.map((id) => stage.until("delivered", mac1, id)));
  narrator.step(
    "delivered",
    performance.now() - restart,
    `${ids.length} of ${burst} receipts are held by mac1`,
  );

  async function kill(node: Daemon, after: number): Promise<void> {
    const { pid } = node;
    await node.kill();
    narrator.step(
      "killed",
      performance.now() - began,
      `SIGKILL to mac2, process ${pid}, with ${after} accepted`,
      { pid },
    );
  }
}
