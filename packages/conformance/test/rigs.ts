import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  fleetId,
  ChannelError,
  newPacketId,
  nodeId,
  type Channel,
  type ChannelHost,
  type Link,
} from "@multifleet/core";
// By path: a dependency on the reference channel, which depends on the kit, would be a circle.
import { Hub, memory } from "../../channel-memory/src/index.js";
import type { Rig } from "../src/index.js";
import { directory, remove } from "./directory.js";
import { waker } from "./waker.js";

/** How a test changes an honest channel. */
export type Change = (channel: Channel) => Channel;

/** A host that says what `host` says, but for some of it. */
export function changedHost(host: ChannelHost, change: Partial<ChannelHost>): ChannelHost {
  return {
    node: host.node,
    fleet: host.fleet,
    receive: (bytes) => host.receive(bytes),
    count: (event) => host.count(event),
    report: (event) => host.report(event),
    addresses: (to) => host.addresses(to),
    ...change,
  };
}

/** A channel whose links do what `change` says, and the rest as before. */
export function withLink(
  channel: Channel,
  change: (link: Link, host: ChannelHost) => Partial<Link>,
): Channel {
  return {
    ...channel,
    async open(host, options) {
      const link = await channel.open(host, options);
      return { ...link, ...change(link, host) };
    },
  };
}

/** A channel that hears `change` in place of its daemon. */
export function withHost(channel: Channel, change: (host: ChannelHost) => Partial<ChannelHost>): Channel {
  return { ...channel, open: (host, options) => channel.open(changedHost(host, change(host)), options) };
}

const mark = 0x2a;

/** Memory on which a frame is known by its first byte, so that there can be junk. `counted` is what it does about that. */
export function marked(hub: Hub | undefined, counted = true): Channel {
  const plain = memory(hub ? { hub } : {});
  const carrying = withHost(plain, (host) => ({
    async receive(bytes) {
      if (bytes[0] === mark) return await host.receive(bytes.subarray(1));
      if (counted) host.count("junk_frames");
      return { code: "refused", reason: "not marked" };
    },
  }));
  const maxFrameBytes = 70_000;
  return {
    ...withLink(carrying, (link) => ({
      async send(frame, options) {
        if (frame.bytes.length > maxFrameBytes && !options.signal.aborted)
          return { ok: false, error: new ChannelError("TOO_LARGE", `more than ${maxFrameBytes} bytes`) };
        const bytes = Uint8Array.from([mark, ...frame.bytes]);
        return await link.send({ ...frame, bytes }, options);
      },
    })),
    traits: { ...plain.traits, maxFrameBytes },
  };
}

/** The honest channel that the saboteurs start from, with all that a rig can do. */
export function memoryRig(change: Change = (channel) => channel): Rig<Hub> {
  return {
    traits: change(marked(undefined)).traits,
    create: () => new Hub(),
    channel: (hub) => change(marked(hub)),
    cut: (hub) => hub.cut(),
    heal: (hub) => hub.heal(),
    async garble(hub, { node }) {
      const host = { receive: async () => ({ code: "taken" }) as const, count() {}, report() {} };
      const { signal } = new AbortController();
      const link = await memory({ hub }).open(
        { ...host, node: nodeId("junk"), fleet: fleetId("conformance"), addresses: () => [] },
        { signal },
      );
      await link.send({ id: newPacketId(0), to: node, bytes: Uint8Array.of(1, 2, 3) }, { signal });
      await link[Symbol.asyncDispose]();
    },
    leftovers: (hub) => ["alpha", "bravo", "charlie"].filter((name) => hub.has(nodeId(name))),
    misconfigured: () => change(marked(undefined)),
    crowd: 100,
  };
}

/** A channel that stores, on a folder of its own. */
export function directoryRig(change: Change = (channel) => channel): Rig<string> {
  return {
    traits: change(directory({ root: "unused" })).traits,
    create: () => mkdtemp(join(tmpdir(), "multifleet-kit-")),
    channel: (root) => change(directory({ root })),
    dispose: remove,
    async garble(root, { node }) {
      await writeFile(join(root, node, "not a packet id!"), "junk");
    },
    async leftovers(root) {
      const files = await readdir(root, { recursive: true });
      return files.filter((file) => file.includes("/"));
    },
    misconfigured: () => change(directory({ root: "" })),
    crowd: 60,
  };
}

/** A channel that wakes; its sleepers are one socket, which nobody reads. */
export function wakerRig(change: Change = (channel) => channel): Rig<Socket> {
  return {
    traits: change(waker({ ports: {} })).traits,
    async create() {
      const sleeper = createSocket("udp4");
      sleeper.bind(0, "127.0.0.1");
      await once(sleeper, "listening");
      return sleeper;
    },
    channel(sleeper) {
      const { port } = sleeper.address();
      return change(waker({ ports: { alpha: port, bravo: port, charlie: port } }));
    },
    dispose: (sleeper) => void sleeper.close(),
  };
}
