import { existsSync, watch } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ChannelError,
  isPacketId,
  maxPacketBytes,
  type Channel,
  type ChannelHost,
  type Link,
  type SendResult,
} from "@multifleet/core";

/** A channel that stores: each node has a folder, and a frame is a file in it. What the kit says of `stores` is tried on it. */
export function directory({ root }: { readonly root: string }): Channel {
  return {
    contract: 1,
    name: "directory",
    traits: { effect: "stores", inbound: true, maxFrameBytes: maxPacketBytes, rank: 4 },
    async open(host, { signal }) {
      if (root === "") throw new ChannelError("MISCONFIGURED", "directory: root is empty");
      if (signal.aborted) throw new ChannelError("ABORTED", "opening was aborted");
      const inbox = join(root, host.node);
      await mkdir(inbox, { recursive: true });
      return open(root, inbox, host);
    },
  };
}

function open(root: string, inbox: string, host: ChannelHost): Link {
  let isOpen = true;
  let closing: Promise<void> | undefined;
  let reading = Promise.resolve();
  let settle: () => void;
  const closed = new Promise<undefined>((resolve) => (settle = () => resolve(undefined)));
  const sending = new Set<Promise<SendResult>>();

  /** Reads the folder until nothing new is in it: an event of the watcher is a doorbell and no more. */
  async function read(): Promise<void> {
    for (const name of (await readdir(inbox)).toSorted()) {
      if (!isOpen) return;
      if (name.startsWith(".")) continue;
      const path = join(inbox, name);
      if (!isPacketId(name)) {
        host.count("junk_files");
        await rename(path, join(inbox, `.junk-${name}`));
        continue;
      }
      const verdict = await host.receive(await readFile(path));
      if (verdict.code !== "later") await unlink(path);
    }
  }

  function look(): void {
    reading = reading.then(read).catch(() => host.count("read_errors"));
  }

  const watcher = watch(inbox, (event, name) => {
    if (event === "rename" && name?.startsWith(".") === false) look();
  });
  watcher.on("error", () => host.count("watch_errors"));
  look();

  async function store(to: string, id: string, bytes: Uint8Array): Promise<SendResult> {
    try {
      await writeFile(join(root, to, `.${id}`), bytes);
      await rename(join(root, to, `.${id}`), join(root, to, id));
      return { ok: true, effect: "stores" };
    } catch (cause) {
      return { ok: false, error: new ChannelError("INTERNAL", `cannot write for ${to}`, { cause }) };
    }
  }

  return {
    addresses: [],
    closed,
    reaches: (to) => existsSync(join(root, to)),
    async send({ to, id, bytes }, { signal }) {
      if (signal.aborted) return { ok: false, error: new ChannelError("ABORTED", "the send was aborted") };
      if (!isOpen) return { ok: false, error: new ChannelError("CLOSED", "the link is closed") };
      if (bytes.length > maxPacketBytes)
        return { ok: false, error: new ChannelError("TOO_LARGE", "larger than a packet") };
      if (!existsSync(join(root, to)))
        return { ok: false, error: new ChannelError("UNREACHABLE", `${to} has no folder`) };
      const result = store(to, id, bytes);
      sending.add(result);
      return await result.finally(() => sending.delete(result));
    },
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };

  async function close(): Promise<void> {
    isOpen = false;
    const ended = new Promise<void>((resolve) => watcher.once("close", resolve));
    watcher.close();
    await Promise.all([ended, reading, ...sending]);
    settle();
  }
}

/** Removes a folder that a test made. */
export async function remove(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
}
