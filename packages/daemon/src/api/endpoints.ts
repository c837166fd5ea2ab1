import type { Endpoint } from "./endpoint.js";
import { fleet } from "./endpoints/fleet.js";
import { inbox } from "./endpoints/inbox.js";
import { messages } from "./endpoints/messages.js";
import { nats } from "./endpoints/nats.js";
import { observing } from "./endpoints/observing.js";

/** Everything the local API offers: the one list from which it is served, validated and documented. */
export const endpoints: readonly Endpoint[] = [...messages, ...inbox, ...fleet, ...nats, ...observing];
