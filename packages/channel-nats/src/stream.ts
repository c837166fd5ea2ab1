import { maxPacketBytes } from "@multifleet/core";
import { explainRefusal, isObject, refusals, Refusal, type Api, type Json } from "./api.js";
import { natsError } from "./failure.js";
import { bucketName, covers, storedSubjects, streamName } from "./names.js";
import type { Settings } from "./options.js";
import type { ServerInfo } from "./probe.js";

const nanoseconds = 1_000_000;

/** A stream as it is to be, but for what depends on the cluster and its disks. */
export interface Plan {
  readonly name: string;
  readonly config: Json;
  /** A subject that the stream must take, if it was there before. */
  readonly takes: string;
  /** How much it may hold, in bytes. Servers set it aside, and may not have that much. */
  readonly maxBytes: number;
}

/** A stream as it is. */
export interface StreamState {
  readonly name: string;
  /** When it was made: another time is another stream, and holds nothing of what the first one held. */
  readonly created: string;
  readonly config: Json;
  readonly messages: number;
  readonly bytes: number;
  readonly replicas: number;
}

/**
 * A server says that a stream is removed before its files are, and would remove those of a new one too: so long after, in ms, they are gone.
 * Seen with nats-server 2.9.10: a stream that was made again at once could store nothing any more.
 */
const removingMs = 1_000;

/** Resolves when the files of a stream are gone that was said to be removed just now. */
export async function removed(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, removingMs).unref());
}

/** The copies for nodes that are away. Work queue: what was acknowledged is gone. A full one refuses, and drops nothing. */
export function messagesPlan({ maxAgeMs, maxBytes }: Settings, sample: string): Plan {
  return {
    name: streamName,
    takes: sample,
    maxBytes,
    config: {
      name: streamName,
      subjects: [storedSubjects],
      retention: "workqueue",
      storage: "file",
      discard: "new",
      discard_new_per_subject: true,
      max_msgs_per_subject: 1,
      max_age: maxAgeMs * nanoseconds,
      max_msg_size: maxPacketBytes + 4_096,
      max_msgs: -1,
      max_consumers: -1,
      duplicate_window: Math.min(120_000, maxAgeMs) * nanoseconds,
    },
  };
}

/** A KV bucket, as `nats kv add` makes one with a history of 1. */
export function bucketPlan(sample: string): Plan {
  return {
    name: `KV_${bucketName}`,
    takes: sample,
    maxBytes: 64 * 1_024 * 1_024,
    config: {
      name: `KV_${bucketName}`,
      subjects: [`$KV.${bucketName}.>`],
      retention: "limits",
      storage: "file",
      discard: "new",
      max_msgs_per_subject: 1,
      max_age: 0,
      max_msg_size: 65_536,
      max_msgs: -1,
      max_consumers: -1,
      duplicate_window: 120_000 * nanoseconds,
      allow_rollup_hdrs: true,
      deny_delete: true,
      allow_direct: true,
    },
  };
}

/** How many servers are to keep a stream, most first, by what the cluster is known to have; the last always works. */
export function replicasFor(info: ServerInfo | undefined, asked: number | undefined): readonly number[] {
  if (asked !== undefined) return asked === 1 ? [1] : [asked, 1];
  if (info?.cluster === undefined) return [1];
  const told = info.connect_urls?.length ?? 0;
  // A cluster may keep to itself who is in it; asking it for three does no harm.
  if (told >= 5) return [5, 3, 1];
  return told >= 3 || told === 0 ? [3, 1] : [1];
}

/** The stream as it is now; undefined when there is none. @throws as {@link Api.call} does */
export async function findStream(api: Api, name: string): Promise<StreamState | undefined> {
  try {
    return stateOf(name, await api.call(`STREAM.INFO.${name}`));
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.code === refusals.notFound) return undefined;
    throw thrown;
  }
}

/**
 * Finds the stream, or makes it. One that somebody made otherwise is taken as it is, where it can serve.
 * @throws ChannelError `MISCONFIGURED` when there is no JetStream or the stream cannot serve; others when it is not to be had now.
 */
export async function ensureStream(api: Api, plan: Plan, replicas: readonly number[]): Promise<StreamState> {
  try {
    const state = (await findStream(api, plan.name)) ?? (await make(api, plan, replicas));
    return checked(plan, state);
  } catch (thrown) {
    return explainRefusal(thrown);
  }
}

/** Spreads a stream over more servers, where there are more; never over fewer. @returns Undefined when it stays as it is. */
export async function growStream(
  api: Api,
  state: StreamState,
  replicas: readonly number[],
): Promise<StreamState | undefined> {
  for (const wanted of replicas) {
    if (wanted <= state.replicas) return undefined;
    try {
      const answer = await api.call(`STREAM.UPDATE.${state.name}`, { ...state.config, num_replicas: wanted });
      return stateOf(state.name, answer);
    } catch (thrown) {
      if (!(thrown instanceof Refusal) || !isScarcity(thrown)) throw thrown;
    }
  }
  return undefined;
}

async function make(api: Api, plan: Plan, replicas: readonly number[]): Promise<StreamState> {
  for (const num_replicas of replicas) {
    for (const max_bytes of [plan.maxBytes, plan.maxBytes / 4, plan.maxBytes / 16]) {
      try {
        const config = { ...plan.config, max_bytes: Math.floor(max_bytes), num_replicas };
        await api.call(`STREAM.CREATE.${plan.name}`, config);
      } catch (thrown) {
        if (!(thrown instanceof Refusal)) throw thrown;
        if (thrown.code === refusals.noStorage) continue;
        if (isScarcity(thrown) && num_replicas > 1) break;
        // Another node was faster, and knew of more servers or fewer.
        if (thrown.code !== refusals.nameInUse) throw thrown;
      }
      const state = await findStream(api, plan.name);
      if (state !== undefined) return state;
    }
  }
  throw natsError("UNREACHABLE", `the servers have no room for the stream ${plan.name}`);
}

function isScarcity({ code }: Refusal): boolean {
  return code === refusals.noPeers || code === refusals.noReplicas || code === refusals.noResources;
}

function checked(plan: Plan, state: StreamState): StreamState {
  const { subjects, retention } = state.config;
  const served = Array.isArray(subjects) && subjects.some((each) => covers(String(each), plan.takes));
  if (!served)
    throw natsError(
      "MISCONFIGURED",
      `the stream ${plan.name} was there before, and does not take ${plan.takes}`,
    );
  if (retention === "interest")
    throw natsError(
      "MISCONFIGURED",
      `the stream ${plan.name} was there before, and keeps nothing for who is away`,
    );
  return state;
}

function stateOf(name: string, answer: Json): StreamState {
  const { config, state, created } = answer;
  if (!isObject(config) || !isObject(state) || typeof created !== "string")
    throw natsError("INTERNAL", `what was told of the stream ${name} makes no sense`);
  return {
    name,
    created,
    config,
    messages: Number(state["messages"] ?? 0),
    bytes: Number(state["bytes"] ?? 0),
    replicas: Number(config["num_replicas"] ?? 1),
  };
}
