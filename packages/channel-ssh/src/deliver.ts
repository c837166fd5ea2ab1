import type { ClientChannel } from "ssh2";
import { maxPacketBytes, type SendResult } from "@multifleet/core";
import { failure, printable } from "./failure.js";
import type { Passage } from "./link.js";
import { resultOf } from "./verdict.js";

/** An answer in base64, and a login shell that has something to say first. */
const maxOutput = 2 * maxPacketBytes + 65_536;
const maxComplaint = 4_096;

/**
 * Runs `multifleet deliver` on the peer's machine, with the frame on its input. The command line is the user's own, from the options: nothing of
 * the frame and nothing that a peer says gets into it.
 */
export async function deliverByCommand(passage: Passage, socket: string): Promise<SendResult> {
  const { connection, bytes, peer, signal } = passage;
  const command = `${peer.command} deliver --json`;
  const { code, out, err } = await talk(await connection.program(command, signal), bytes, signal);
  const answer = lastObject(out);
  switch (answer?.["state"]) {
    case "taken": {
      const text = answer["answer"];
      return resultOf(
        typeof text === "string" ? { code: "taken", answer: Buffer.from(text, "base64") } : { code: "taken" },
      );
    }
    // Its daemon was not there: a file in its seed directory is all that can be said of it.
    case "stored":
      return { ok: true, effect: "stores" };
    case "refused":
    case "later":
      return resultOf({ code: answer["state"], reason: reasonIn(answer) });
    default: {
      passage.count("command_errors");
      const why = printable(err) || `it ended with ${code ?? "a signal"}`;
      return failure(
        "UNREACHABLE",
        `nobody listens at ${socket}, or the server forbids forwarding to it; and ${printable(command)} does not help: ${why}`,
      );
    }
  }
}

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function talk(channel: ClientChannel, bytes: Uint8Array, signal: AbortSignal): Promise<Said> {
  const out: Buffer[] = [];
  let size = 0;
  let err = "";
  let code: number | null = null;
  try {
    return await new Promise((resolve, reject) => {
      channel.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxOutput) resolve({ code, out: "", err: "it says more than fits" });
        else out.push(chunk);
      });
      channel.stderr.on("data", (chunk: Buffer) => {
        if (err.length < maxComplaint) err += chunk.toString("utf8");
      });
      channel.on("exit", (status: number | null) => (code = status));
      channel.on("error", reject);
      channel.on("close", () => resolve({ code, out: Buffer.concat(out).toString("utf8"), err }));
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      channel.end(bytes);
    });
  } finally {
    channel.destroy();
    channel.resume();
    channel.stderr.resume();
  }
}

/** The last line that is an object in JSON; what a login shell prints before it is passed over. */
function lastObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const line = text.split("\n").findLast((each) => each.startsWith("{"));
  if (line === undefined) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function reasonIn({ reason }: Readonly<Record<string, unknown>>): string {
  return typeof reason === "string" ? printable(reason) : "it gave no reason";
}
