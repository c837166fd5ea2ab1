import { newPacketId, nodeId, type Link, type SendResult } from "@multifleet/core";
import { Host, open } from "../../../test/host.js";
import { git } from "../src/index.js";
import type { GitOptions } from "../src/options.js";

/** One node with its channel open. */
export class Node {
  readonly host: Host;
  readonly link: Link;

  private constructor(host: Host, link: Link) {
    this.host = host;
    this.link = link;
  }

  static async open(host: Host | string, options: GitOptions): Promise<Node> {
    const daemon = typeof host === "string" ? new Host(host) : host;
    return new Node(daemon, await open(git(options), daemon));
  }

  async send(to: string, text: string, signal = new AbortController().signal): Promise<SendResult> {
    const frame = { id: newPacketId(Date.now()), to: nodeId(to), bytes: Buffer.from(text) };
    return await this.link.send(frame, { signal });
  }

  /** Resolves once `count` frames came in all. */
  async received(count: number): Promise<string[]> {
    await this.host.until(() => this.host.received.length >= count);
    return this.host.texts;
  }

  async close(): Promise<void> {
    await this.link[Symbol.asyncDispose]();
  }
}

/** The error code and text of a failed send, or the effect of one that worked. */
export function outcome(result: SendResult): string {
  return result.ok ? result.effect : `${result.error.code}: ${result.error.message}`;
}
