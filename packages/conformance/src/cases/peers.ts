import assert from "node:assert/strict";
import { nodeId } from "@multifleet/core";
import { checkError, failed, needsDelivery, type Case } from "../case.js";

/** Peers that are gone, or never were. */
export const peerCases: readonly Case[] = [
  {
    id: "send/unreachable",
    holds: "says at once that a peer which is gone cannot be reached",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      await alpha.send(bravo);
      await bravo.close();
      for (let i = 0; i < 3; i++) {
        failed(await alpha.carry(bravo.id, world.bytes(64)), "UNREACHABLE", "CLOSED");
      }
    },
  },
  {
    id: "send/unknown-peer",
    holds: "says UNREACHABLE for a node that it has no way to",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const stranger = nodeId("nobody-knows-me");
      assert.equal(alpha.link.reaches(bravo.id), true, "it reaches a peer");
      assert.equal(
        alpha.link.reaches(stranger),
        world.rig.strangersReachable ?? false,
        "it reaches a stranger",
      );
      const result = await alpha.carry(stranger, world.bytes(64));
      if (world.rig.strangersReachable && world.rig.traits.effect !== "delivers") return;
      failed(result, "UNREACHABLE");
    },
  },
  {
    id: "send/never-rejects",
    holds: "gives every failure as a result, and throws none",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const { link } = alpha;
      const stranger = nodeId("nobody-knows-me");
      const results = [
        await alpha.carry(stranger, world.bytes(64)),
        await alpha.carry(bravo.id, world.bytes(64), AbortSignal.abort()),
      ];
      await bravo.close();
      results.push(await alpha.send(bravo));
      await alpha.close();
      results.push(await alpha.carry(bravo.id, world.bytes(64), AbortSignal.abort(), link));
      for (const result of results) {
        if (result.ok) continue;
        checkError(result.error);
        assert.notEqual(result.error.code, "MISCONFIGURED", "only open() says MISCONFIGURED");
      }
    },
  },
];
