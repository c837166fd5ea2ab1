import assert from "node:assert/strict";
import type { Case } from "../case.js";

export const contractCases: readonly Case[] = [
  {
    id: "contract/shape",
    holds: "has a name, traits and a contract version that stay the same when it opens",
    async run(world) {
      const node = world.node("alpha");
      const { channel } = node;
      assert.equal(channel.contract, 1, "contract is 1");
      assert.match(channel.name, /^[a-z][a-z0-9-]{0,31}$/, "name is a lower-case label");
      assert.deepEqual({ ...channel.traits }, { ...world.rig.traits }, "traits are those of the rig");
      const { effect, inbound, maxFrameBytes, rank } = channel.traits;
      assert.ok(["delivers", "stores", "wakes"].includes(effect), "effect is one of three");
      assert.equal(typeof inbound, "boolean", "inbound is a boolean");
      assert.ok(Number.isSafeInteger(maxFrameBytes) && maxFrameBytes >= 1, "maxFrameBytes is a whole number");
      assert.ok(Number.isInteger(rank) && rank >= 0 && rank <= 9, "rank is one of 0 to 9");
      const link = await node.open();
      assert.ok(Array.isArray(link.addresses), "addresses is an array");
      assert.ok(
        link.addresses.every((address) => typeof address === "string"),
        "addresses are strings",
      );
      assert.ok(link.closed instanceof Promise, "closed is a promise");
      assert.deepEqual({ ...channel.traits }, { ...world.rig.traits }, "traits do not change by opening");
    },
  },
];
