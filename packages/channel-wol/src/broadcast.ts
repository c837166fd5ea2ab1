import { createSocket, type Socket } from "node:dgram";
import { broadcastOf, type Subnet } from "./subnet.js";

/** Sends packets to everybody on one network, from the address that this machine has there. @throws What the system said. */
export async function broadcast(
  from: Subnet,
  packets: readonly Uint8Array[],
  ports: readonly number[],
): Promise<void> {
  const socket = createSocket("udp4");
  const broken = new Promise<never>((_, reject) => socket.once("error", reject));
  try {
    await Promise.race([broken, sendAll(socket, from, packets, ports)]);
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

async function sendAll(
  socket: Socket,
  from: Subnet,
  packets: readonly Uint8Array[],
  ports: readonly number[],
): Promise<void> {
  await new Promise<void>((resolve) => socket.bind({ address: from.address, exclusive: true }, resolve));
  socket.setBroadcast(true);
  for (const packet of packets) for (const port of ports) await send(socket, packet, port, broadcastOf(from));
}

function send(socket: Socket, packet: Uint8Array, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, address, (error) => (error === null ? resolve() : reject(error)));
  });
}
