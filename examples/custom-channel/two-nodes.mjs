// Two nodes that know this channel by the name of its package alone, and a message that may go by no other.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDaemon } from "multifleet-daemon";

const directory = await mkdtemp(join(tmpdir(), "custom-channel-"));
const config = { channels: { "@acme/channel-tcp": { host: "127.0.0.1" } } };
const mac1 = await createDaemon({ home: join(directory, "mac1"), node: "mac1", port: false, config });
const mac2 = await createDaemon({ home: join(directory, "mac2"), node: "mac2", port: false, config });
try {
  const { code } = await mac1.invite({ uses: 1, expires: "10m", lan: false });
  await mac2.join({ code });

  const { id } = await mac1.send({
    type: "context",
    to: "mac2",
    via: "tcp",
    payload: { subject: "deploy", body: "push the landing page" },
  });
  const message = await mac1.wait(id, "delivered", AbortSignal.timeout(20_000));
  assert.equal(message.state, "delivered", message.reason);
  assert.deepEqual([...new Set(message.attempts.map(({ channel }) => channel))], ["tcp"]);
  assert.equal(mac2.item(id).body, "push the landing page");
  console.log(`${id} was delivered by tcp alone`);
} finally {
  await mac1.close();
  await mac2.close();
  await rm(directory, { recursive: true, force: true });
}
