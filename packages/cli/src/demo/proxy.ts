import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { reset } from "./reset.js";

/** A wire that can be cut: a TCP proxy before a port of this machine. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /**
   * Arms the cut: the next bytes that come are not passed on, every connection is reset, and so is each new one.
   * Resolves when that has happened.
   */
  cutAtNextByte(): Promise<void>;
  /** Makes it work again. */
  mend(): void;
}

/** Opens a proxy on any free port. It keeps the port while it is cut: another program would take it. @param target The port that it leads to */
export async function openProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let armed: (() => void) | undefined;

  const server = createServer((near) => {
    if (isCut) {
      reset(near);
      return;
    }
    near.setNoDelay(true);
    const far = connect({ host: "127.0.0.1", port: target, noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("data", (bytes) => {
        if (armed === undefined) other.write(bytes);
        else cut(armed);
      });
      one.on("end", () => other.end());
      // A wire has no errors of its own: what happens at one end is shown at the other.
      one.on("error", () => reset(other));
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });

  function cut(done: () => void): void {
    isCut = true;
    armed = undefined;
    for (const socket of sockets) reset(socket);
    done();
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });

  return {
    port: (server.address() as AddressInfo).port,
    cutAtNextByte: () => new Promise((resolve) => (armed = resolve)),
    mend() {
      isCut = false;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
