/** The channel that has a packet passed on now, and the one that leaves a copy with another node; `relay` for people means both. */
export const relayName = "relay";
export const relayNames: readonly string[] = [relayName, "relay-store"];
