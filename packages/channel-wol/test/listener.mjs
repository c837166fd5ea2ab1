// What a sleeping machine's cards hear: a line for each packet that comes to the ports given. Ready once it says so.
import { createSocket } from "node:dgram";
import { once } from "node:events";

for (const port of process.argv.slice(2)) {
  const socket = createSocket("udp4");
  socket.on("message", (packet, { address }) => {
    process.stdout.write(
      `${JSON.stringify({ port: Number(port), from: address, packet: packet.toString("hex") })}\n`,
    );
  });
  socket.bind(Number(port));
  await once(socket, "listening");
}
process.stdout.write('"ready"\n');
process.stdin.on("end", () => process.exit(0)).resume();
