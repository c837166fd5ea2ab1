import { realpath, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Decoder, decodeVerdict, encode } from "@multifleet/core/stream";
import type { CallOf } from "../commands.js";
import { during, type Context, type Input } from "../context.js";
import { Failure, Misuse, reasonOf } from "../failure.js";
import { quoted } from "../quoted.js";

/** As `maxPacketBytes` of the core, which is not loaded for a number. */
const maxPacket = 786_432;
/** How long the daemon may think, in milliseconds; who asks over SSH waits all that time. */
const patience = 5_000;

type Answer = NonNullable<ReturnType<typeof decodeVerdict>>;

export async function run(_: CallOf<"deliver">, context: Context): Promise<number> {
  const packet = await readPacket(context.stdin());
  const answer = await during(context, "asking the daemon", ask(join(context.home, "daemon.sock"), packet));
  if (answer === undefined) return store(packet, context);
  if (context.json) context.out.json(shown(answer));
  else context.out.line(answer.code);
  if (answer.code === "taken") return 0;
  context.err.line(`multifleet: the daemon says ${answer.code}: ${answer.reason}`);
  return 1;
}

function shown(answer: Answer): object {
  if (answer.code !== "taken") return { state: answer.code, reason: answer.reason };
  const bytes = answer.answer;
  return {
    state: "taken",
    ...(bytes === undefined ? {} : { answer: Buffer.from(bytes).toString("base64") }),
  };
}

async function readPacket(input: Input): Promise<Buffer> {
  if (input.isTTY === true) throw new Misuse("deliver reads a sealed packet on standard input", "deliver");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxPacket)
      throw new Failure("packet_too_large", `a packet has at most ${maxPacket} bytes, and more came`);
    chunks.push(bytes);
  }
  if (size === 0) throw new Misuse("nothing came on standard input", "deliver");
  return Buffer.concat(chunks);
}

/** Asks the daemon by its own socket; undefined where none answers: it may have the packet all the same, and takes it once. */
async function ask(path: string, packet: Buffer): Promise<Answer | undefined> {
  if (!(await isOwnSocket(path))) return undefined;
  return await new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: Answer | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => settle(undefined), patience);
    const decoder = new Decoder(maxPacket + 1, (_id, payload) => settle(decodeVerdict(payload)));
    socket.on("data", (chunk) => {
      if (!decoder.push(chunk)) settle(undefined);
    });
    socket.on("error", () => settle(undefined));
    socket.on("close", () => settle(undefined));
    socket.write(encode(0, packet));
  });
}

/** A packet is handed to nobody else's program. */
async function isOwnSocket(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isSocket() && found.uid === process.getuid?.();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}

async function store(packet: Buffer, context: Context): Promise<number> {
  const { SeedDirectory } = await import("@multifleet/mailbox/seed");
  try {
    const directory = await SeedDirectory.find(await realpath(join(context.home, "seed")));
    await directory.store(packet);
  } catch (error) {
    throw new Failure(
      "not_stored",
      `no daemon answers, and the packet cannot be stored: ${reasonOf(error)}`,
      {
        hint: `Start the daemon with: npx multifleet-daemon --home ${quoted(context.home)}`,
        cause: error,
      },
    );
  }
  if (context.json) context.out.json({ state: "stored" });
  else context.out.line("stored");
  return 0;
}
