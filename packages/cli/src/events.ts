import type { IncomingMessage } from "node:http";
import { call, open } from "./client.js";
import { Failure } from "./failure.js";
import type { Access } from "./home.js";

/** Something that happened at the node. */
export interface NodeEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Events as they come. Ends when the daemon ends the stream; stop reading it early with `return`, or by the signal. */
export interface EventStream extends AsyncIterable<NodeEvent> {
  close(): void;
}

/** Follows `GET /events` from now, or from behind `lastId`; resolves once the daemon streams. @throws Failure as `call` does */
export async function follow(access: Access, lastId?: string): Promise<EventStream> {
  const response = await open(access, "GET", "/events", {
    headers: {
      accept: "text/event-stream",
      ...(lastId === undefined ? {} : { "last-event-id": lastId }),
    },
  });
  if (response.statusCode === 200) {
    return {
      close: () => void response.destroy(),
      [Symbol.asyncIterator]: () => events(response),
    };
  }
  response.destroy();
  // Not a stream: the plain call tells why.
  await call(access, "GET", "/health");
  throw new Failure("connection_lost", "the daemon does not stream its events now");
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
async function* events(response: IncomingMessage): AsyncGenerator<NodeEvent, void> {
  let rest = "";
  let id = "";
  let type = "";
  let data: string[] = [];
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const complete = (rest + chunk).split(/\r?\n/);
      rest = complete.pop() ?? "";
      for (const line of complete) {
        if (line === "") {
          if (data.length > 0) yield { id, type, data: record(data.join("\n")) };
          [type, data] = ["", []];
          continue;
        }
        const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
        if (field === "id") id = value;
        else if (field === "event") type = value;
        else if (field === "data") data.push(value);
      }
    }
  } catch (error) {
    // A stream that breaks off has ended; whoever follows asks again, from the last id it saw.
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET" && !response.destroyed) throw error;
  }
}

function record(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
