import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A wire that can be cut: a TCP proxy before a port of this machine. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /**
   * Arms the cut: the next bytes that come are not passed on, every connection is reset, and the port is closed.
   * Resolves when that has happened.
   */
  cutAtNextByte(): Promise<void>;
  /** Opens the same port again. */
  mend(): Promise<void>;
}

/** Opens a proxy on any free port. @param target The port that it leads to */
export async function openProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let armed: (() => void) | undefined;

  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: target, noDelay: true });
    near.setNoDelay(true);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("data", (bytes) => {
        if (armed === undefined) other.write(bytes);
        else cut();
      });
      one.on("end", () => other.end());
      // A wire has no errors of its own: what happens at one end is shown at the other.
      one.on("error", (error) => other.destroy(error));
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });

  function cut(): void {
    const told = armed;
    armed = undefined;
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
    told?.();
  }

  await listen(0);
  const { port } = server.address() as AddressInfo;

  function listen(on: number): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(on, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  }

  return {
    port,
    cutAtNextByte: () => new Promise((resolve) => (armed = resolve)),
    mend: () => (server.listening ? Promise.resolve() : listen(port)),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
