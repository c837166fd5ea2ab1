import type { Socket } from "node:net";

/** Breaks a connection off. One that is being ended cannot be reset: Node would keep its handle, and spin on it at the process's end. */
export function reset(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
