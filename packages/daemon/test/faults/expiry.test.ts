import { ChannelError } from "@multifleet/core";
import { expect, test } from "vitest";
import { Pair, within } from "../pair.js";

const refused = { ok: false, error: new ChannelError("UNREACHABLE", "nobody listens") } as const;

test("F45: a message that no carrier took expires in time, and is a dead letter that can be sent again", async () => {
  await using pair = await Pair.start();
  pair.carry = () => Promise.resolve(refused);
  const id = await pair.send("too late", { expires: "1s" });
  const message = await pair.mac1.wait(id, "delivered", within(20));
  expect(message).toMatchObject({ state: "expired", reason: "no_path" });
  expect(pair.mac1.deadLetters(10).map((dead) => dead.id)).toEqual([id]);
  expect(pair.mac2.inbox({ limit: 10 })).toEqual([]);
  pair.carry = undefined;
  const again = await pair.mac1.retry(id);
  expect((await pair.mac1.wait(again.id, "delivered", within(30))).state).toBe("delivered");
  expect(pair.mac2.inbox({ limit: 10 })).toMatchObject([{ id: again.id, body: "too late" }]);
});

test("F45: a packet that arrives after its expiry is refused by a signed word, and both sides call it expired", async () => {
  await using pair = await Pair.start();
  let release = () => {};
  pair.carry = (frame, _, link) =>
    new Promise((resolve) => {
      // It goes on although the sender has given the attempt up.
      const { signal } = new AbortController();
      release = () => {
        link.send(frame, { signal }).then(resolve, () => resolve(refused));
      };
    });
  const id = await pair.send("held up", { expires: "1s" });
  const late = pair.mac1.wait(id, "delivered", within(20));
  // The carrier holds the packet until the receiver's clock is past the expiry, then hands it over.
  setTimeout(() => release(), 1_200);
  expect(await late).toMatchObject({ state: "expired" });
  expect(pair.mac2.inbox({ limit: 10 })).toEqual([]);
  expect(pair.mac2.health().counters["packets_rejected_total"]).toBe(1);
  expect(pair.mac1.health().messages).toMatchObject({ expired: 1, pending: 0 });
});

test("F45: the receiver took it in time and its receipt comes after the expiry: both sides call it delivered", async () => {
  await using pair = await Pair.start();
  pair.carry = async (frame, send) => {
    const result = await send(frame);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return result;
  };
  const id = await pair.send("receipt held up", { expires: "1s" });
  expect((await pair.mac1.wait(id, "delivered", within(20))).state).toBe("delivered");
  expect(pair.mac2.inbox({ limit: 10 })).toHaveLength(1);
});
