/**
 * Carries Multi-Fleet packets by NATS: as a request to the peer itself, and as a copy in JetStream for one that is away.
 *
 * @packageDocumentation
 */
export { nats, nats as default } from "./nats.js";
export type { NatsOptions, TlsOptions } from "./options.js";
