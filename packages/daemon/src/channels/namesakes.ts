import {
  ChannelError,
  type Channel,
  type ChannelHost,
  type Link,
  type NodeId,
  type Traits,
} from "@multifleet/core";

/**
 * Makes one channel of those that share a name: seed files are written into a directory of this machine or, over SSH, into another's, and are
 * one way for whoever sends. The first that reaches a peer carries to it.
 */
export function joinNamesakes(channels: readonly Channel[]): Channel[] {
  return [...grouped(channels).values()].map((all) => {
    const [first, ...others] = all;
    return first === undefined || others.length > 0 ? joined(all) : first;
  });
}

function grouped(channels: readonly Channel[]): Map<string, Channel[]> {
  const groups = new Map<string, Channel[]>();
  for (const channel of channels) {
    const group = groups.get(channel.name) ?? [];
    groups.set(channel.name, [...group, channel]);
  }
  return groups;
}

/** @throws TypeError where they differ in what a success means: that is a mistake of who made them. */
function joined(channels: readonly Channel[]): Channel {
  const [first] = channels;
  if (first === undefined || channels.some(({ traits }) => traits.effect !== first.traits.effect))
    throw new TypeError(`channels named ${first?.name} differ in effect`);
  const traits: Traits = {
    effect: first.traits.effect,
    inbound: channels.some(({ traits: { inbound } }) => inbound),
    maxFrameBytes: Math.min(...channels.map(({ traits: { maxFrameBytes } }) => maxFrameBytes)),
    rank: Math.min(...channels.map(({ traits: { rank } }) => rank)),
  };
  return {
    contract: 1,
    name: first.name,
    traits,
    async open(host: ChannelHost, options: { readonly signal: AbortSignal }): Promise<Link> {
      const opened = await Promise.allSettled(channels.map((channel) => channel.open(host, options)));
      const links = opened.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      const refused = opened.find((each) => each.status === "rejected");
      if (refused !== undefined) {
        await end(links);
        throw refused.reason;
      }
      return joinLinks(links);
    },
  };
}

function joinLinks(links: readonly Link[]): Link {
  const toward = (to: NodeId) => links.find((link) => link.reaches(to));
  // Where one of them breaks, all are opened again.
  const broken = Promise.race(links.map(({ closed }) => closed));
  let ending: Promise<void> | undefined;
  const close = () => (ending ??= end(links));
  return {
    reaches: (to) => toward(to) !== undefined,
    send(frame, options) {
      const link = toward(frame.to);
      if (link !== undefined) return link.send(frame, options);
      return Promise.resolve({
        ok: false,
        error: new ChannelError("UNREACHABLE", `no address is known for ${frame.to}`),
      });
    },
    get addresses() {
      return links.flatMap(({ addresses }) => addresses);
    },
    closed: broken.then(async (reason) => {
      await close();
      return reason;
    }),
    poke() {
      for (const link of links) link.poke?.();
    },
    [Symbol.asyncDispose]: close,
  };
}

async function end(links: readonly Link[]): Promise<void> {
  await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
}
