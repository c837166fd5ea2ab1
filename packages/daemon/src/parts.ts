import type { Channel } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import type { NodeCounters } from "./books.js";
import type { Config } from "./config.js";
import type { Fleet } from "./fleet/fleet.js";
import type { Waking } from "./fleet/waking.js";
import type { Identity } from "./fleet/identity.js";
import type { Home } from "./home.js";
import type { Log } from "./log.js";
import type { Forwarding } from "./relay/forwarding.js";
import type { LocalServer } from "./nats/local-server.js";

/** What a node is put together from: everything that was opened or read before it starts. */
export interface Parts {
  readonly home: Home;
  readonly config: Config;
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly mailbox: Mailbox;
  readonly identity: Identity;
  readonly fleet: Fleet;
  readonly version: string;
  readonly nats: LocalServer;
  /** The local API's port as configured; the packet listener takes the next one where it can. */
  readonly apiPort: number | false;
  /** Exactly these channels, or those that are found. */
  readonly channels: readonly Channel[] | undefined;
  /** What the channel that wakes is given of the fleet around it. */
  readonly waking?: Waking["options"];
  /** What the channel that goes through other nodes is given of the fleet. */
  readonly forwarder?: Forwarding;
  /** The packet listener's address for this run. */
  readonly listen: string | undefined;
}
