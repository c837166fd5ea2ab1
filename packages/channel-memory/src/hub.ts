import { ChannelError, type ChannelHost, type NodeId } from "@multifleet/core";

/** A node plugged into a hub: whom to hand frames to, and the sends it has in flight. */
export interface Port {
  readonly host: ChannelHost;
  readonly attempts: Set<Attempt>;
}

/** A send that waits for the far daemon. */
export interface Attempt {
  readonly to: NodeId;
  fail(error: ChannelError): void;
}

/**
 * The medium of channel-memory: what the nodes of one process have in common. Make one, and give it to the channel of
 * each node. It can be cut and healed, which every node on it hears at once.
 */
export class Hub {
  readonly #ports = new Map<NodeId, Port>();
  #cut = false;

  /** Plugs a node in. @throws ChannelError `DENIED` when its name is taken. */
  join(port: Port): void {
    const { node } = port.host;
    if (this.#ports.has(node)) throw new ChannelError("DENIED", `another node on this hub is called ${node}`);
    if (!this.#cut) this.#tell({ state: "up", peer: node });
    this.#ports.set(node, port);
  }

  /** Unplugs a node: its sends end, and so do those to it. */
  leave({ host: { node } }: Port): void {
    const own = this.#ports.get(node)?.attempts ?? [];
    for (const attempt of own) attempt.fail(new ChannelError("CLOSED", "the link was closed"));
    this.#ports.delete(node);
    for (const { attempts } of this.#ports.values()) {
      for (const attempt of attempts) {
        if (attempt.to === node) attempt.fail(new ChannelError("CLOSED", `${node} left the hub`));
      }
    }
    if (!this.#cut) this.#tell({ state: "down", peer: node, reason: "left the hub" });
  }

  /** Whether a node of this name is plugged in. */
  has(node: NodeId): boolean {
    return this.#ports.has(node);
  }

  /** The port of a node that can be reached now. */
  portOf(node: NodeId): Port | undefined {
    return this.#cut ? undefined : this.#ports.get(node);
  }

  /** Cuts all nodes off from each other. Sends in flight end with `CLOSED`. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    for (const { attempts } of this.#ports.values()) {
      for (const attempt of attempts) attempt.fail(new ChannelError("CLOSED", "the hub was cut"));
    }
    this.#tell({ state: "down", reason: "the hub was cut" });
  }

  /** Joins them again. */
  heal(): void {
    if (!this.#cut) return;
    this.#cut = false;
    this.#tell({ state: "up" });
  }

  #tell(event: Parameters<ChannelHost["report"]>[0]): void {
    for (const { host } of this.#ports.values()) host.report(event);
  }
}
