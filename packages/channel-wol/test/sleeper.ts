import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";

/** The name of this machine's loopback interface, whose broadcasts stay on this machine. */
export const loopback = Object.entries(networkInterfaces()).find(([, addresses = []]) =>
  addresses.some(({ address }) => address === "127.0.0.1"),
)?.[0] as string;

/** What a card listens for, on loopback: it keeps every packet that comes. */
export class Sleeper implements AsyncDisposable {
  readonly packets: Buffer[] = [];
  readonly #socket: Socket;
  #tell: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (packet) => {
      this.packets.push(packet);
      this.#tell();
    });
  }

  static async listen(): Promise<Sleeper> {
    const socket = createSocket("udp4");
    socket.bind(0);
    await once(socket, "listening");
    return new Sleeper(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Resolves once there are `count` packets. */
  async got(count: number): Promise<void> {
    while (this.packets.length < count) await new Promise<void>((resolve) => (this.#tell = resolve));
  }

  /** Resolves once everything that was sent before has arrived: what goes to one socket of this machine keeps its order. */
  async settled(): Promise<void> {
    const { length } = this.packets;
    const socket = createSocket("udp4");
    socket.send("end", this.port, "127.0.0.1");
    while (this.packets.at(-1)?.toString() !== "end")
      await new Promise<void>((resolve) => (this.#tell = resolve));
    socket.close();
    this.packets.pop();
    if (this.packets.length < length) throw new Error("packets went missing");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }
}

/** The 102 bytes, written out: the standard's own words, not the library's. */
export function expected(mac: string): Buffer {
  const card = Buffer.from(mac.replaceAll(/[^0-9a-f]/gi, ""), "hex");
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => card)]);
}
