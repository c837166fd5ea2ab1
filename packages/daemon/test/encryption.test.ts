import { ChannelError } from "@multifleet/core";
import { expect, test } from "vitest";
import { Pair, within } from "./pair.js";

test("with encryption on, the carrier sees no text, and the receiver reads it", async () => {
  await using pair = await Pair.start({ encryption: "on" });
  const carried: Buffer[] = [];
  pair.carry = (frame, send) => {
    carried.push(Buffer.from(frame.bytes));
    return send(frame);
  };
  const id = await pair.send("the launch code is 0000");
  expect((await pair.mac1.wait(id, "delivered", within(20))).state).toBe("delivered");
  expect(pair.mac2.item(id).body).toBe("the launch code is 0000");
  expect(carried).toHaveLength(1);
  expect(carried[0]?.includes("launch code")).toBe(false);
  expect(carried[0]?.includes("age-encryption.org")).toBe(true);
});

test("an encrypted dead letter can be sent again by its sender", async () => {
  await using pair = await Pair.start({ encryption: "on" });
  pair.carry = () => Promise.resolve({ ok: false, error: new ChannelError("UNREACHABLE", "nobody listens") });
  const id = await pair.send("again", { expires: "1s" });
  expect((await pair.mac1.wait(id, "delivered", within(20))).state).toBe("expired");
  pair.carry = undefined;
  const { id: again } = await pair.mac1.retry(id);
  await pair.mac1.wait(again, "delivered", within(30));
  expect(pair.mac2.item(again).body).toBe("again");
});
