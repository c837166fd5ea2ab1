import { main } from "./main.js";

// A reader that has seen enough, such as `head`, is no failure.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });

process.exitCode = await main(process.argv.slice(2), process);
// Everything is said once these writes are; nothing that still listens may keep the terminal waiting.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write("", done))),
);
process.exit();
