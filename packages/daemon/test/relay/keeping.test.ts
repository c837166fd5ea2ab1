import { expect, test } from "vitest";
import { expectBalanced } from "../ledger.js";
import { arrived, Triangle } from "./triangle.js";

test("a copy outlives the relay's death, is handed over once when its target comes, and the receipt comes back", async () => {
  await using triangle = await Triangle.start();
  const { mac1, mac2, mac3 } = triangle;
  await mac2.stop();
  const ids: string[] = [];
  for (const text of ["one", "two größe 𝄞", "three"]) {
    const { id } = (await mac1.send("mac2", text)).body;
    await mac1.until(id, "sent");
    ids.push(id);
  }
  const { reason, attempts } = (await mac1.get(`/message/${ids[0]}`)).body;
  expect(reason).toBe("relay-store holds it at mac3 for the receiver, whose receipt has not come yet");
  expect(attempts).toContainEqual(
    expect.objectContaining({ channel: "relay-store", outcome: "stored", reason: "at mac3" }),
  );
  expect((await mac3.counters())["relay_kept_total"]).toBe(3);

  await mac3.kill("SIGKILL");
  // Its sender is away too: what was kept is all there is.
  await mac1.stop();
  await mac3.start();
  await mac2.start();
  await arrived(mac2, ids);
  expect((await mac2.inbox()).map(({ body }) => body)).toEqual(["one", "two größe 𝄞", "three"]);
  await mac2.stop();
  // And now the receiver is: its receipts wait at the relay, for the one who waits for them.
  await mac1.start();
  for (const id of ids)
    expect(await mac1.settled(id)).toMatchObject({ state: "delivered", receipt: { from: "mac2" } });
  await expectBalanced(mac1);
  await mac2.start();
  expect((await mac2.inbox()).length).toBe(3);
}, 90_000);

test("what a receipt or the sender itself tells to be settled is kept no longer", async () => {
  await using triangle = await Triangle.start();
  const { mac1, mac2, mac3 } = triangle;
  await mac2.stop();
  const first = (await mac1.send("mac2", "one")).body.id;
  await mac1.until(first, "sent");
  expect((await mac1.call("POST", `/message/${first}/cancel`)).status).toBe(200);
  // The next packet says that the one before is settled.
  const second = (await mac1.send("mac2", "two")).body.id;
  await mac1.until(second, "sent");
  expect(await mac3.counters()).toMatchObject({ relay_kept_total: 2, relay_dropped_total: 1 });
  await mac2.start();
  expect(await mac1.settled(second)).toMatchObject({ state: "delivered" });
  expect((await mac2.inbox()).map(({ body }) => body)).toEqual(["two"]);
}, 60_000);

test("a node that is told not to relay passes nothing on and keeps nothing", async () => {
  await using triangle = await Triangle.start({}, { mac3: { channels: { relay: false } } });
  const { mac1, mac2, mac3 } = triangle;
  await mac2.stop();
  const { id } = (await mac1.send("mac2", "nobody carries it")).body;
  await mac1.stop();
  await mac1.start();
  expect((await mac1.get(`/message/${id}`)).body.state).toBe("accepted");
  expect(await mac3.counters()).toMatchObject({ relay_requests_total: 0, relay_kept_total: 0 });
  await mac2.start();
  await triangle.join();
  expect(await mac1.settled(id)).toMatchObject({ state: "delivered" });
}, 60_000);
