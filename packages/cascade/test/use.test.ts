import { expect, test } from "vitest";
// #region use
import { nodeId, newPacketId, type Effect } from "@multifleet/core";
import { createCascade, type Command, type Input } from "@multifleet/cascade";

const cascade = createCascade({ random: Math.random });
const to = nodeId("mac2");
const id = newPacketId(Date.now());

/** Tells what happened, and prints what is to be done. An engine does it instead. */
function tell(input: Input): readonly Command[] {
  const commands = cascade.handle(input, Date.now());
  for (const command of commands) if (command.kind === "start") console.log(command.channel, command.why);
  return commands;
}

const delivers: Effect = "delivers";
const reaches = () => true;
const common = { effect: delivers, maxFrameBytes: 1_000_000, reaches };
tell({ kind: "opened", carrier: { name: "nats", rank: 1, ...common } });
tell({ kind: "opened", carrier: { name: "http", rank: 2, ...common } });

const expires = Date.now() + 3_600_000;
tell({ kind: "submit", shipment: { id, to, size: 900, expires, mode: "until-receipt" } }); // nats first
tell({ kind: "failed", attempt: 1, code: "UNREACHABLE", reason: "no responders" }); // http fallback
tell({ kind: "succeeded", attempt: 2, effect: "delivers", answered: true });
tell({ kind: "settled", id });
console.log(cascade.health(to)); // nats is down, and why; http is up
// #endregion use

test("the README's example does what it says", () => {
  expect(cascade.health(to)).toMatchObject([
    { channel: "nats", state: "down", reason: "UNREACHABLE: no responders" },
    { channel: "http", state: "up" },
  ]);
  expect(cascade.load).toEqual({ shipments: 0, peers: 0 });
});
