import type { Channel, Link } from "@multifleet/core";
import { open, type Host } from "../../../test/host.js";
import { nats, type NatsOptions } from "../src/index.js";

const opened = new Set<Link>();

/** Opens one of the two channels; it is closed by {@link closeAll} at the latest. */
export async function openNats(
  host: Host,
  options: NatsOptions,
  which: "nats" | "jetstream" = "nats",
): Promise<Link> {
  const channel = nats(options).find(({ name }) => name === which);
  return await openChannel(channel as Channel, host);
}

export async function openChannel(channel: Channel, host: Host): Promise<Link> {
  const link = await open(channel, host);
  opened.add(link);
  return link;
}

/** Disposes every link that a test opened. */
export async function closeAll(): Promise<void> {
  const links = [...opened];
  opened.clear();
  await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
}
