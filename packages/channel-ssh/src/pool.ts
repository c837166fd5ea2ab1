import type { NodeId } from "@multifleet/core";
import { Connection } from "./connection.js";
import type { Hint } from "./hint.js";
import type { Settings } from "./options.js";

/** Who is told when a connection that it used ends. */
export interface User {
  lost(peer: NodeId, reason: string): void;
}

interface Entry {
  readonly hint: string;
  readonly connection: Connection;
  readonly users: Set<User>;
}

/** The connections of one daemon, one for each peer, shared by the links that carry over them. */
export class Pool {
  readonly #connections = new Map<NodeId, Entry>();
  /** Those that are ending, so that the last link out can wait for them. */
  readonly #ending = new Set<Connection>();
  #links = 0;

  /** A link has been opened. */
  join(): void {
    this.#links += 1;
  }

  /** A link is disposed; with the last one all connections end. Resolves when nothing is left that only it kept. */
  async leave(): Promise<void> {
    this.#links -= 1;
    if (this.#links > 0) return;
    const all = [...[...this.#connections.values()].map(({ connection }) => connection), ...this.#ending];
    this.#connections.clear();
    await Promise.all(all.map((connection) => connection.close()));
  }

  /** The kept connection to a peer, begun now where there is none, and anew where the peer is elsewhere now. */
  connection(peer: NodeId, hint: Hint, settings: Settings, user: User): Connection {
    const text = JSON.stringify(hint);
    let entry = this.#connections.get(peer);
    if (entry !== undefined && entry.hint !== text) {
      this.#ending.add(entry.connection);
      entry.connection.retire();
      entry = undefined;
    }
    entry ??= this.#connect(peer, text, hint, settings);
    entry.users.add(user);
    return entry.connection;
  }

  /** The connections that a user has used, for people. */
  status(user: User): Readonly<Record<string, unknown>> {
    const used = [...this.#connections].filter(([, { users }]) => users.has(user));
    return {
      connections: used.length,
      channels: Object.fromEntries(used.map(([peer, { connection }]) => [peer, connection.channels])),
    };
  }

  #connect(peer: NodeId, text: string, hint: Hint, settings: Settings): Entry {
    const users = new Set<User>();
    const connection: Connection = new Connection(hint, settings, {
      lost: (reason) => {
        for (const user of users) user.lost(peer, reason);
      },
      over: () => {
        if (this.#connections.get(peer)?.connection === connection) this.#connections.delete(peer);
        this.#ending.add(connection);
        void connection.gone.then(() => this.#ending.delete(connection));
      },
    });
    const entry = { hint: text, connection, users };
    this.#connections.set(peer, entry);
    return entry;
  }
}
