import type { AnyRig } from "./rig.js";

/** Frames of more than this are not made: 16 MiB, twenty times what Multi-Fleet sends. */
const practical = 16 * 1_024 * 1_024;

/** The largest frame that the kit gives a channel, in bytes. */
export function largest({ traits }: AnyRig): number {
  return Math.min(traits.maxFrameBytes, practical);
}

/** For the case that sends one byte more than a channel claims to carry. */
export function needsLimit({ traits }: AnyRig): string | undefined {
  return traits.maxFrameBytes < practical ? undefined : "the channel's limit is larger than any frame";
}
