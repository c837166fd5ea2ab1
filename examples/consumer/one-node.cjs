// The same package by require(): a fleet of one node, which writes to itself and reads it again after a restart.
const assert = require("node:assert/strict");
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { createDaemon } = require("multifleet-daemon");

async function main() {
  const home = mkdtempSync(join(tmpdir(), "consumer-"));
  try {
    let node = await createDaemon({ home, node: "solo", port: false });
    const payload = { subject: "remember", body: "the migration is half done" };
    const { id } = await node.send({ type: "context", to: "solo", payload });
    const { state } = await node.wait(id, "delivered", AbortSignal.timeout(10_000));
    assert.equal(state, "delivered");
    await node.close();

    node = await createDaemon({ home, port: false });
    console.log(`solo, after a restart: ${node.item(id).body}`);
    assert.equal(node.item(id).body, payload.body);
    await node.close();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
