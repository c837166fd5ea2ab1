import { chmod } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { isMainThread } from "node:worker_threads";
import { ChannelError, type ChannelHost } from "@multifleet/core";
import { codeOf } from "./failure.js";
import { Guest, type Rooms } from "./guest.js";
import type { Settings } from "./options.js";
import { hasPipes, placeFor } from "./place.js";
import { inUse, removeStale } from "./stale.js";

/** How long frames may go on being answered once the door is closed, in ms. */
const graceMs = 2_000;

/** Starts to listen. @throws ChannelError `MISCONFIGURED` when the path cannot be had, `INTERNAL` otherwise. */
export async function openDoor(host: ChannelHost, settings: Settings): Promise<Door> {
  const path = await placeFor(settings.path, host.node);
  const door = new Door(host, settings, path);
  try {
    if (!hasPipes) await removeStale(path);
    await door.start();
    if (!hasPipes) await chmod(path, 0o600);
  } catch (error) {
    await door.close();
    if (error instanceof ChannelError) throw error;
    throw new ChannelError("INTERNAL", `ipc: cannot use ${path}: ${String(error)}`, { cause: error });
  }
  return door;
}

/** The socket that this node's peers connect to. */
export class Door implements Rooms {
  /** Where it is: the configured path, or what stands in for it. */
  readonly path: string;
  readonly host: ChannelHost;
  readonly frameTimeoutMs: number;
  /** Resolves when the server ended without having been told to. */
  readonly broken: Promise<ChannelError>;
  readonly #server: Server;
  readonly #maxConnections: number;
  readonly #budget: number;
  readonly #strangers = new Set<Guest>();
  readonly #known = new Set<Guest>();
  /** Half frames, those that began earliest first, with the memory that each takes. */
  readonly #halves = new Map<Guest, number>();
  #halfBytes = 0;
  #bytesInHand = 0;
  #closing: Promise<void> | undefined;

  constructor(host: ChannelHost, settings: Settings, path: string) {
    this.host = host;
    this.path = path;
    this.frameTimeoutMs = settings.frameTimeoutMs;
    this.#maxConnections = settings.maxConnections;
    this.#budget = settings.maxInboundBytes;
    this.#server = createServer((socket) => {
      this.#strangers.add(new Guest(socket, this));
      if (this.#strangers.size + this.#known.size > this.#maxConnections) this.#evictOldest();
    });
    this.broken = new Promise((resolve) => {
      this.#server.once("close", () => {
        if (this.#closing === undefined) resolve(new ChannelError("INTERNAL", "ipc: the listener ended"));
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => reject(whyNot(error, this.path));
      this.#server.once("error", fail);
      const listen = () =>
        this.#server.listen(this.path, () => {
          this.#server.off("error", fail);
          this.#server.on("error", () => this.host.count("accept_errors"));
          resolve();
        });
      if (hasPipes) listen();
      else withUmask(0o177, listen);
    });
  }

  /** Stops accepting, lets what is in hand be answered, and ends every connection. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const guests = [...this.#strangers, ...this.#known];
      const deadline = setTimeout(() => {
        for (const guest of guests) guest.destroy();
      }, graceMs);
      this.#server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
      for (const guest of guests) guest.dismiss();
    });
    return this.#closing;
  }

  hold(bytes: number): boolean {
    if (this.#bytesInHand + bytes > this.#budget) return false;
    this.#bytesInHand += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytesInHand -= bytes;
  }

  store(guest: Guest, bytes: number, isNew: boolean): void {
    this.#halfBytes += bytes - (this.#halves.get(guest) ?? 0);
    if (isNew || bytes === 0) this.#halves.delete(guest);
    if (bytes > 0) this.#halves.set(guest, bytes);
    while (this.#halfBytes > this.#budget) {
      const [oldest] = this.#halves.keys();
      if (oldest === undefined) return;
      this.store(oldest, 0, true);
      oldest.evict("crowded_out_frames");
    }
  }

  /** A thousand strangers shut out neither the peers that are connected nor the next one. */
  #evictOldest(): void {
    const [oldest] = this.#strangers;
    if (oldest === undefined) return;
    this.leave(oldest);
    oldest.evict("evicted_connections");
  }

  trust(guest: Guest): void {
    if (this.#strangers.delete(guest)) this.#known.add(guest);
  }

  leave(guest: Guest): void {
    this.store(guest, 0, true);
    this.#strangers.delete(guest);
    this.#known.delete(guest);
  }
}

/** Runs `body`, in which files are made synchronously, without the rights in `mask`. A worker thread has no umask of its own. */
function withUmask(mask: number, body: () => void): void {
  if (!isMainThread) return body();
  const before = process.umask(mask);
  try {
    body();
  } finally {
    process.umask(before);
  }
}

function whyNot(error: Error, path: string): ChannelError {
  const code = codeOf(error);
  if (code === "EADDRINUSE") return inUse(path, error);
  const kind = code === "EACCES" || code === "ENOENT" || code === "EROFS" ? "MISCONFIGURED" : "INTERNAL";
  return new ChannelError(kind, `ipc: cannot listen on ${path}: ${error.message}`, { cause: error });
}
