import type { Channel, NodeId, Traits } from "@multifleet/core";

/** Where a node listens: its name, and the `addresses` of its open link. */
export interface Place {
  readonly node: NodeId;
  readonly addresses: readonly string[];
}

/**
 * What the kit needs to try a channel on its real medium. `create` sets one up for a single case; every other function
 * gets what it returned. Required are `traits`, `create` and `channel`; each of the others unlocks the cases that need it,
 * and without it they are skipped by name.
 */
export interface Rig<Medium> {
  /** The channel's traits. They decide which cases apply, before anything is opened. */
  readonly traits: Traits;
  /** Sets up a fresh medium: a hub, a temporary directory, a server. Return nothing where the channels are the medium. */
  create(): Medium | Promise<Medium>;
  /** Makes the channel of one node on this medium. Every node of the medium can reach every other. */
  channel(medium: Medium, node: NodeId): Channel;
  /** Takes the medium down; every link is disposed by then. */
  dispose?(medium: Medium): void | Promise<void>;
  /** Cuts every node off from the others, as a pulled cable or a stopped server does. */
  cut?(medium: Medium): void | Promise<void>;
  /** Undoes `cut`. */
  heal?(medium: Medium): void | Promise<void>;
  /** Puts something on the medium, at the place of one node, that is no frame: a broken request, half a length, a junk file. */
  garble?(medium: Medium, at: Place): void | Promise<void>;
  /** Names what the closed links left behind on the medium, such as socket files; frames that wait in a store are not meant. */
  leftovers?(medium: Medium): readonly string[] | Promise<readonly string[]>;
  /** A channel whose options can never work. */
  misconfigured?(): Channel;
  /** Set where the medium takes any name, as a topic does: a stranger is then found missing by sending, not by asking. */
  readonly strangersReachable?: boolean;
  /** The period of a keep-alive that the medium's protocol asks for, in ms: such a timer is not polling. */
  readonly keepAliveMs?: number;
  /** How many frames the crowded cases send at once; default 300. Lower it for a medium of a few frames a second. */
  readonly crowd?: number;
  /** How long anything may take before a case fails, in ms; default 4,000, under the 5 s that runners commonly allow. */
  readonly deadlineMs?: number;
}

/** A rig whose medium is nobody's business. Methods are bivariant, so every rig is one. */
export type AnyRig = Rig<unknown>;
