import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, packetId } from "@multifleet/core";
import { afterAll, expect, test } from "vitest";
import type { Arrival, Draft } from "../src/index.js";
import { arrival, draft as sample } from "./support.js";

const home = realpathSync(mkdtempSync(join(tmpdir(), "mailbox-use-")));
afterAll(() => rmSync(home, { recursive: true }));
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const sealed = { bytes: new Uint8Array(randomBytes(500)), digest: new Uint8Array(32) };
const seal = () => sealed;
const draft: Draft = sample("m1", { to: nodeId("mac2"), fingerprint: sha256(sealed.bytes) });
const packet: Arrival = arrival(1, { from: nodeId("mac3"), body: "push the landing page" });

// #region use
import { openMailbox } from "@multifleet/mailbox";

const mailbox = await openMailbox({ directory: join(home, "store") });

// Sending: when it resolves, the sealed packet is on the disk, with its number in the stream to its recipient.
const { code, message } = await mailbox.accept(draft, seal); // "accepted", { seq: 1, state: "accepted", ... }
await mailbox.settle(message.id, { state: "expired", reason: "no_path", at: Date.now(), attempts: [] });

// Receiving: the content and the mark that it came, in one commit. Any copy of it is told apart, for ever.
const taken = await mailbox.take(packet); // { code: "fresh", outcome: "delivered", reason: "" }
const again = await mailbox.take(packet); // { code: "again", outcome: "delivered", reason: "" }
const [item] = mailbox.inbox({ limit: 10, unsurfaced: true });
const books = mailbox.books(); // { accepted: 1, delivered: 0, expired: 1, rejected: 0, cancelled: 0, pending: 0 }
await mailbox.close();
// #endregion use

// #region seed
import { SeedDirectory } from "@multifleet/mailbox/seed";

// A drop box that needs nobody to be running: what is stored there is read at the node's next start.
const drop = await SeedDirectory.make(join(home, "seed"));
await drop.store(sealed.bytes);
// #endregion seed

test("the README's examples do what they say", async () => {
  expect(code).toBe("accepted");
  expect(message).toMatchObject({ id: packetId("m1"), seq: 1, state: "accepted" });
  expect([taken, again]).toEqual([
    { code: "fresh", outcome: "delivered", reason: "" },
    { code: "again", outcome: "delivered", reason: "" },
  ]);
  expect(item?.body).toBe("push the landing page");
  expect(books).toEqual({ accepted: 1, delivered: 0, expired: 1, rejected: 0, cancelled: 0, pending: 0 });
  expect((await drop.read(`${createHash("sha256").update(sealed.bytes).digest("hex")}.mf`))?.name).toMatch(
    /mf$/,
  );
});
