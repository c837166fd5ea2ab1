import { none } from "../channels.mjs";
import { converse } from "../conversation.mjs";
import { withFleet } from "../fleet.mjs";
import { Ledger, quantiles } from "../ledger.mjs";

const channels = { ...none, http: {}, relay: {} };

/** Who each node says is chief. @param {readonly import("../node.mjs").Node[]} nodes @returns {Promise<string[]>} */
async function chiefs(nodes) {
  return await Promise.all(
    nodes.map(async (node) => (await node.call("GET", "/roster")).body.chief ?? "none"),
  );
}

/**
 * Resolves with the milliseconds that passed until all of the nodes say the same, and it is one that `isRight` accepts.
 *
 * @param {readonly import("../node.mjs").Node[]} nodes
 * @param {(chief: string) => boolean} isRight
 */
async function agreement(nodes, isRight) {
  const began = Date.now();
  const agreed = async () => {
    const [first = "none", ...others] = await chiefs(nodes);
    return isRight(first) && others.every((other) => other === first);
  };
  await Promise.any(nodes.map((node) => node.until("peer", ({ state }) => state === "chief", agreed)));
  return Date.now() - began;
}

/** @type {import("../run.mjs").Case} */
export default {
  title: "A partition makes two chiefs, the heal makes one, and nothing is lost or doubled meanwhile",
  run: () =>
    withFleet(
      { mac1: { channels }, mac2: { channels }, mac3: { channels } },
      async () => undefined,
      async ({ network, nodes }) => {
        const all = [...nodes.values()];
        await agreement(all, (chief) => chief !== "none");
        const [chief = ""] = await chiefs(all);
        const rest = all.filter(({ name }) => name !== chief);
        const [one, other] = rest;
        if (one === undefined || other === undefined) throw new Error("three nodes are needed");
        const ledger = new Ledger();
        for (const { name } of rest) await network.cut(chief, name);
        const split = await agreement(rest, (name) => name !== chief && name !== "none");
        const [still] = await chiefs(all.filter(({ name }) => name === chief));
        // Each side goes on under its own; what is for the other waits.
        await converse(ledger, one, other, 5);
        const across = nodes.get(chief);
        if (across === undefined) throw new Error("no chief");
        for (let i = 0; i < 5; i++) await ledger.send(one, across);
        for (const { name } of rest) await network.heal(chief, name);
        const healed = await agreement(all, (name) => name !== "none");
        const row = await ledger.compare(await ledger.settled());
        return [
          {
            what: "two of three elect another, then one again",
            ...row,
            ms: quantiles([split, healed]),
            promised: 20_000,
            note: `${split} ms to the second chief, ${healed} ms from the heal to one; in between the first said ${still}`,
          },
        ];
      },
    ),
};
