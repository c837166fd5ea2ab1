import assert from "node:assert/strict";
import { channelErrorCodes, type ChannelErrorCode, type Effect, type SendResult } from "@multifleet/core";
import type { AnyRig } from "./rig.js";
import type { World } from "./world.js";

/** One promise of a channel, and how to see that it is kept. */
export interface Case {
  /** Stable: named in `knownFailures`, in skips and in docs. */
  readonly id: string;
  /** What holds, as a sentence about a channel. */
  readonly holds: string;
  /** Why the case does not apply to this channel or rig, if it does not. */
  skip?(rig: AnyRig): string | undefined;
  run(world: World): Promise<void>;
}

/** For cases that watch frames arrive. */
export function needsInbound({ traits }: AnyRig): string | undefined {
  return traits.inbound ? undefined : "the channel does not receive";
}

/** For cases about what the far daemon answered while the sender waits. */
export function needsDelivery(rig: AnyRig): string | undefined {
  if (rig.traits.effect !== "delivers")
    return `the channel ${rig.traits.effect}: no far daemon answers a send`;
  return needsInbound(rig);
}

/** For cases about frames that wait in a store. */
export function needsStore(rig: AnyRig): string | undefined {
  return rig.traits.effect === "stores" ? needsInbound(rig) : "the channel does not store";
}

/** Checks that a send succeeded, and returns the answer it brought. */
export function succeeded(result: SendResult, effect: Effect): Uint8Array | undefined {
  if (!result.ok) assert.fail(`send() failed with ${result.error.code}: ${result.error.message}`);
  assert.equal(result.effect, effect, "the result's effect is the one in the traits");
  return result.answer;
}

/** Checks that a send failed with a ChannelError of one of these codes. */
export function failed(result: SendResult, ...codes: ChannelErrorCode[]): void {
  assert.equal(result.ok, false, `send() says it succeeded; expected ${codes.join(" or ")}`);
  if (result.ok) return;
  checkError(result.error);
  assert.ok(codes.includes(result.error.code), `expected ${codes.join(" or ")}, got ${result.error.code}`);
}

/** Checks that `error` is a ChannelError. By shape: a program may hold two copies of the core. */
export function checkError(error: unknown): asserts error is Error & { readonly code: ChannelErrorCode } {
  assert.ok(error instanceof Error && error.name === "ChannelError", `not a ChannelError: ${String(error)}`);
  assert.ok(
    "code" in error && channelErrorCodes.some((code) => code === error.code),
    "its code is a known one",
  );
  assert.ok(error.message.length > 0, "it says something to people");
}
