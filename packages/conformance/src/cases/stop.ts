import assert from "node:assert/strict";
import { answerTo, sameBytes } from "../bytes.js";
import { failed, needsDelivery, needsInbound, succeeded, type Case } from "../case.js";
import { Gate, take } from "../host.js";
import { needsLimit } from "../sizes.js";

/** Counts the listeners of a signal that are there now. */
function listenersOf(signal: AbortSignal): { count(): number; none(): Promise<void> } {
  const listeners = new Set<unknown>();
  let tell: () => void = () => undefined;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: never, options?: never) => {
    listeners.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: never, options?: never) => {
    listeners.delete(listener);
    remove(type, listener, options);
    if (listeners.size === 0) tell();
  };
  return {
    count: () => listeners.size,
    none: () => new Promise((resolve) => (listeners.size === 0 ? resolve() : (tell = resolve))),
  };
}

/** Sends that must not happen, or must stop. */
export const stopCases: readonly Case[] = [
  {
    id: "send/aborts",
    holds: "ends a send soon after its signal, with ABORTED, and carries on",
    skip: needsDelivery,
    async run(world) {
      const [alpha, bravo] = await world.pair();
      const gate = new Gate();
      bravo.host.judge = gate.before(take);
      const abort = new AbortController();
      const sending = alpha.send(bravo, world.bytes(64), abort.signal);
      await world.arrived(bravo, 1);
      abort.abort();
      failed(await sending, "ABORTED");
      // The answer to the frame that nobody waits for any more comes with those to two others.
      const frames = [world.bytes(64), world.bytes(64)];
      const results = frames.map((bytes) => alpha.send(bravo, bytes));
      await world.arrived(bravo, 3);
      gate.open();
      for (const [index, bytes] of frames.entries()) {
        const answer = succeeded(await (results[index] ?? assert.fail()), "delivers");
        assert.ok(answer && sameBytes(answer, answerTo(bytes)), "later frames get their own answers");
      }
    },
  },
  {
    id: "send/aborted-before",
    holds: "does not touch the medium for a send whose signal has already fired",
    async run(world) {
      const [alpha, bravo] = await world.pair();
      failed(await alpha.carry(bravo.id, world.bytes(64), AbortSignal.abort()), "ABORTED");
      // Had the first been carried, it would be there before what follows it.
      for (const count of [1, 2]) {
        succeeded(await alpha.send(bravo), world.rig.traits.effect);
        if (needsInbound(world.rig) === undefined) await world.arrived(bravo, count);
      }
    },
  },
  {
    id: "send/lets-go-of-signal",
    holds: "listens to a send's signal only until the send has ended",
    async run(world) {
      const { effect, inbound } = world.rig.traits;
      const [alpha, bravo] = await world.pair();
      const { signal } = new AbortController();
      const listeners = listenersOf(signal);
      for (let count = 1; count <= 20; count++) {
        succeeded(await alpha.send(bravo, world.bytes(64), signal), effect);
        if (inbound) await world.arrived(bravo, count);
      }
      await world.within(`the last of ${listeners.count()} listeners is removed`, listeners.none());
    },
  },
  {
    id: "send/too-large",
    holds: "says TOO_LARGE of a frame over its limit, does not touch the medium, and carries on",
    skip: needsLimit,
    async run(world) {
      const { effect, maxFrameBytes } = world.rig.traits;
      const [alpha, bravo] = await world.pair();
      failed(await alpha.carry(bravo.id, world.bytes(maxFrameBytes + 1)), "TOO_LARGE");
      for (const count of [1, 2]) {
        succeeded(await alpha.send(bravo), effect);
        if (needsInbound(world.rig) === undefined) await world.arrived(bravo, count);
      }
    },
  },
];
