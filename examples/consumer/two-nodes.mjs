// Two nodes in one program: one invites the other, a message goes across, its answer comes back.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDaemon } from "multifleet-daemon";

const directory = await mkdtemp(join(tmpdir(), "consumer-"));
const mac1 = await createDaemon({ home: join(directory, "mac1"), node: "mac1", port: false });
const mac2 = await createDaemon({ home: join(directory, "mac2"), node: "mac2", port: false });
try {
  const { code } = await mac1.invite({ uses: 1, expires: "10m", lan: false });
  await mac2.join({ code });

  const deadline = AbortSignal.timeout(20_000);
  const sent = await mac1.send({
    type: "context",
    to: "mac2",
    session: "editor",
    payload: { subject: "deploy", body: "push the landing page" },
  });
  console.log(`mac1: ${sent.id} is ${sent.state}`);
  const message = await mac1.wait(sent.id, "delivered", deadline);
  assert.equal(message.state, "delivered");
  console.log(`mac1: ${message.id} is ${message.state}, by ${message.attempts.at(-1)?.channel}`);

  const item = mac2.item(sent.id);
  console.log(`mac2: from ${item.from}: ${item.subject}: ${item.body}`);
  const reply = await mac2.send({
    type: "reply",
    replyTo: item.id,
    payload: { subject: "done", body: "pushed" },
  });
  assert.equal((await mac2.wait(reply.id, "delivered", deadline)).state, "delivered");

  const [answer] = mac1.inbox({ session: "editor", limit: 10 });
  assert.equal(answer?.body, "pushed");
  console.log(`mac1, session editor: ${answer.subject}: ${answer.body}`);
} finally {
  await mac1.close();
  await mac2.close();
  await rm(directory, { recursive: true, force: true });
}
