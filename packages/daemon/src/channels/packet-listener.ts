import type { Channel, Link } from "@multifleet/core";
import type { Mailbox } from "@multifleet/mailbox";
import type { Log } from "../log.js";
import { Problem } from "../problem.js";
import { listenerDrawer, type KeptListener } from "./own-options.js";
import type { Supervisor } from "./supervisor.js";

export interface PacketListenerHost {
  readonly log: Log;
  readonly mailbox: Mailbox;
  readonly supervisor: Pick<Supervisor, "states" | "link" | "replace">;
  /** The user or the embedding program decides where it listens. */
  readonly fixed: boolean;
  /** A new `http` channel with what is now known of its listener; undefined where the node's channels were given to it. */
  rebuilt(port?: number): Promise<Channel | undefined>;
  /** The listener is reached in other places since now: the peers are to know. */
  moved(): void;
}

/** Where `http` takes packets in: its port and its width are found out or chosen while the node runs, and kept over restarts. */
export class PacketListener {
  readonly #host: PacketListenerHost;

  constructor(host: PacketListenerHost) {
    this.#host = host;
  }

  /** Whether other machines can reach it: it listens beyond loopback. */
  get isOpenToMachines(): boolean {
    return this.#link?.addresses.some((address) => !isLoopback(address)) === true;
  }

  /** The port is only preferred, unless it was configured: where it is taken, any free one will do. */
  async settlePort(configured: ReadonlySet<string>): Promise<void> {
    const { log, supervisor, rebuilt } = this.#host;
    const http = supervisor.states().find(({ channel }) => channel.name === "http");
    if (http !== undefined && http.state !== "open" && !configured.has("http")) {
      log.warn("packet_listener_port_taken", { reason: http.reason });
      const any = await rebuilt(0);
      if (any !== undefined) await supervisor.replace(any);
    }
    await this.#keepPort();
  }

  /** Opens it to other machines, now and after restarts. @throws Problem */
  async openToMachines(): Promise<void> {
    if (this.isOpenToMachines) return;
    const { fixed, supervisor, rebuilt, moved } = this.#host;
    await this.#keep({ host: "0.0.0.0" });
    const wider = await rebuilt();
    if (wider !== undefined) await supervisor.replace(wider);
    if (!this.isOpenToMachines) {
      throw new Problem(
        "bad_request",
        fixed
          ? "the packet listener stays on loopback, since channels.http says so; change it in config.json"
          : "this machine has no network address at the moment; connect it to a network, and try again",
      );
    }
    moved();
  }

  get #link(): Link | undefined {
    return this.#host.supervisor.link("http");
  }

  /** Keeps the port that was taken, so that peers find this node there after a restart. */
  async #keepPort(): Promise<void> {
    const address = this.#link?.addresses.find((each) => URL.canParse(each));
    const port = address === undefined ? Number.NaN : Number(new URL(address).port);
    if (port > 0 && this.#kept.port !== port) await this.#keep({ port });
  }

  get #kept(): KeptListener {
    return this.#host.mailbox.get<KeptListener>(listenerDrawer) ?? {};
  }

  async #keep(change: KeptListener): Promise<void> {
    await this.#host.mailbox.put(listenerDrawer, { ...this.#kept, ...change });
  }
}

/** Whether an address such as `http://127.0.0.1:8856` is this machine's own. */
export function isLoopback(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
