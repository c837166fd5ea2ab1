import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hub, memory } from "@multifleet/channel-memory";
import { kindBytes, type Channel, type Frame, type Link, type SendResult } from "@multifleet/core";
import { jsonLog } from "../src/log.js";
import { createDaemon, type Config, type Daemon } from "../src/index.js";

/** What happens to a frame on its way: it is given the honest send, and answers for it. */
export type Carry = (
  frame: Frame,
  send: (frame: Frame) => Promise<SendResult>,
  link: Link,
) => Promise<SendResult>;

/** An honest channel whose carrier is in other hands. It has the name, the traits and the medium of the honest one. */
export function carriedBy(channel: Channel, carry: () => Carry | undefined): Channel {
  return {
    ...channel,
    async open(host, options) {
      const link = await channel.open(host, options);
      return {
        addresses: link.addresses,
        closed: link.closed,
        reaches: (to) => link.reaches(to),
        send: (frame, how) => {
          const honest = (each: Frame) => link.send(each, how);
          // Hellos come when the roster has something to say, and are no test's business here.
          const isHello = frame.bytes[5] === kindBytes.hello;
          return (isHello ? undefined : carry()?.(frame, honest, link)) ?? honest(frame);
        },
        [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
      };
    },
  };
}

/** Two nodes of this process that are peers; what leaves mac1 passes through the hands of `carry`, once it is set. */
export class Pair implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "pair-"));
  readonly hub = new Hub();
  mac1!: Daemon;
  mac2!: Daemon;
  carry: Carry | undefined;
  readonly #config: Config;

  private constructor(config: Config) {
    this.#config = config;
  }

  static async start(config: Config = {}): Promise<Pair> {
    const pair = new Pair(config);
    pair.mac1 = await pair.open("mac1");
    pair.mac2 = await pair.open("mac2");
    const { code } = await pair.mac1.invite({ uses: 1, expires: "1h", lan: false });
    await pair.mac2.join({ code });
    return pair;
  }

  /** Starts a node of the pair, or starts it again. */
  open(node: "mac1" | "mac2"): Promise<Daemon> {
    const channel = memory({ hub: this.hub });
    return createDaemon({
      home: join(this.directory, node),
      node,
      port: false,
      config: this.#config,
      channels: [node === "mac1" ? carriedBy(channel, () => this.carry) : channel],
      log: jsonLog(() => undefined, "silent"),
    });
  }

  /** Sends a text from mac1 to mac2; gives the id. */
  async send(body: string, more: object = {}): Promise<string> {
    const { id } = await this.mac1.send({
      type: "context",
      to: "mac2",
      payload: { subject: "test", body },
      ...more,
    });
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mac1.close();
    await this.mac2.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Seconds as a signal for `wait`. */
export function within(seconds: number): AbortSignal {
  return AbortSignal.timeout(seconds * 1_000);
}
