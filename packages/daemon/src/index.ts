/**
 * A Multi-Fleet node for other Node programs: `createDaemon()` starts one, with its channels, its store and, if wanted, its local API.
 *
 * @packageDocumentation
 */
export { configJsonSchema, configSchema, type Config } from "./config.js";
export { counterTable } from "./counters.js";
export { createDaemon, type Daemon, type DaemonOptions } from "./daemon.js";
export { StartFailure } from "./failure.js";
export { jsonLog, type Log, type LogLevel } from "./log.js";
export type {
  CheckRow,
  EventSource,
  FleetNode,
  HealthView,
  MessageView,
  NodeEvent,
  PathView,
  PeerView,
  SendAnswer,
  SendRequest,
} from "./node.js";
export { Problem, problems, type ProblemCode } from "./problem.js";
