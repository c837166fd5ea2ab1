import { createServer } from "node:net";
import { Problem } from "../problem.js";

/** A port on which nothing listens now. */
export async function freePort(host: string): Promise<number> {
  return bound(host, 0);
}

/** @throws Problem `port_taken` where another program listens there, or `bad_request` where this machine has no such address. */
export async function expectFree(host: string, port: number, option: string): Promise<void> {
  try {
    await bound(host, port);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new Problem(
        "port_taken",
        `port ${port} on ${host} is taken by another program. Choose another with ${option} (0 takes any free one), or end that program; where it is a NATS server that you run yourself, set NATS_URL and start the daemon again`,
        { cause: thrown },
      );
    if (code === "EADDRNOTAVAIL")
      throw new Problem("bad_request", `listen is ${host}, and this machine has no such address`, {
        cause: thrown,
      });
    if (code === "EACCES")
      throw new Problem("port_taken", `port ${port} is not for ordinary users: choose one above 1023`, {
        cause: thrown,
      });
    throw thrown;
  }
}

/** Listens for a moment, and tells on which port. */
function bound(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
