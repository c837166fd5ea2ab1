import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { openProxy } from "../src/demo/proxy.js";
import { fallbacks, quantile, tally, type Accepted } from "../src/demo/tally.js";
import { patience } from "../src/demo/patience.js";
import type { InboxItem, MessageView } from "../src/views.js";

const sent = (id: string, to = "mac2"): Accepted => ({ id, from: "mac1", to, body: `body of ${id}` });
const held = (id: string, more: object = {}) =>
  ({ id, body: `body of ${id}`, channel: "http", ...more }) as InboxItem;
const states = (...list: [string, string][]) =>
  new Map(list.map(([id, state]) => [id, { id, state, attempts: [] } as unknown as MessageView]));

test("the books balance where everything is in its inbox once and has its receipt", () => {
  const books = tally(
    [sent("a"), sent("b"), sent("c", "mac3")],
    states(["a", "delivered"], ["b", "surfaced"], ["c", "delivered"]),
    new Map([
      ["mac2", [held("a"), held("b", { channel: "ipc" })]],
      ["mac3", [held("c")]],
    ]),
  );
  expect(books).toMatchObject({ ok: true, total: { sent: 3, delivered: 3, inInbox: 3, lost: 0, twice: 0 } });
  expect(books.byChannel).toEqual({ http: 2, ipc: 1 });
});

test("a lost message is counted, and so is one that is called delivered and is not there", () => {
  const books = tally(
    [sent("a"), sent("b")],
    states(["a", "delivered"], ["b", "delivered"]),
    new Map([["mac2", [held("a")]]]),
  );
  expect(books).toMatchObject({ ok: false, total: { lost: 1, twice: 0 } });
});

test("a message that came twice is counted, under the same id or another", () => {
  const inbox = (...items: InboxItem[]) =>
    tally([sent("a")], states(["a", "delivered"]), new Map([["mac2", items]]));
  expect(inbox(held("a"), held("a"))).toMatchObject({ ok: false, total: { lost: 0, twice: 1 } });
  expect(inbox(held("a"), held("x", { body: "body of a" }))).toMatchObject({
    ok: false,
    total: { twice: 1 },
  });
});

test("what arrived without its receipt, or in the wrong inbox, or was never sent, does not balance", () => {
  expect(tally([sent("a")], states(["a", "sent"]), new Map([["mac2", [held("a")]]])).ok).toBe(false);
  const misled = new Map([
    ["mac2", []],
    ["mac3", [held("a")]],
  ]);
  expect(tally([sent("a")], states(["a", "delivered"]), misled)).toMatchObject({
    ok: false,
    total: { lost: 1 },
  });
  const stranger = tally([], new Map(), new Map([["mac2", [held("x")]]]));
  expect(stranger).toMatchObject({
    ok: false,
    faults: ["x is in the inbox of mac2, and was not sent to it"],
  });
});

test("a fall-through is the time from one channel's failure to the next one's start", () => {
  const attempts = [
    { channel: "ipc", at: 110, ms: 5, outcome: "delivered" },
    { channel: "http", at: 100, ms: 8, outcome: "CLOSED" },
  ];
  expect(fallbacks(attempts)).toEqual([2]);
  expect(fallbacks([{ channel: "http", at: 100, ms: 50, outcome: "TIMEOUT" }, { channel: "ipc", at: 130, ms: 1, outcome: "delivered" }])).toEqual([0]); // prettier-ignore
  expect(fallbacks([{ channel: "http", at: 1, ms: 1, outcome: "delivered" }, { channel: "ipc", at: 2, ms: 1, outcome: "ABORTED" }])).toEqual([]); // prettier-ignore
  expect(fallbacks([{ channel: "http", at: 1, ms: 1, outcome: "BUSY" }, { channel: "http", at: 900, ms: 1, outcome: "delivered" }])).toEqual([]); // prettier-ignore
  const later = { channel: "http", at: 700, ms: 5, outcome: "CLOSED" };
  const stored = { channel: "seed", at: 115, ms: 5, outcome: "stored" };
  expect(fallbacks([...attempts.slice(1), stored, later, { channel: "ipc", at: 1200, ms: 1, outcome: "delivered" }])).toEqual([7]); // prettier-ignore
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(3);
  expect(quantile([], 0.5)).toBeUndefined();
});

test("the wire carries bytes both ways, breaks with the next ones on it, and works again once mended", async () => {
  const heard: string[] = [];
  const peers = new Set<Socket>();
  const server = createServer((socket) => {
    peers.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      heard.push(data.toString());
      socket.write(`re: ${data.toString()}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const wire = await openProxy((server.address() as AddressInfo).port);
  const say = async (text: string) => {
    const socket = connect(wire.port, "127.0.0.1");
    const answer = new Promise<string>((resolve) => {
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("error", () => socket.destroy());
      socket.on("close", () => resolve("closed"));
    });
    socket.write(text);
    const said = await answer;
    socket.destroy();
    return said;
  };
  expect(await say("one")).toBe("re: one");
  const cut = wire.cutAtNextByte();
  expect(await say("two")).toBe("closed");
  await cut;
  expect(await say("three")).toBe("closed");
  wire.mend();
  expect(await say("four")).toBe("re: four");
  expect(heard).toEqual(["one", "four"]);
  await wire[Symbol.asyncDispose]();
  for (const peer of peers) peer.destroy();
  server.close();
});

test("a process ends by itself after a connection was broken off that was just being ended", async () => {
  const script = `
    import { createServer, connect } from "node:net";
    import { reset } from ${JSON.stringify(new URL("../dist/demo/reset.js", import.meta.url).href)};
    const server = createServer((socket) => socket.on("error", () => {}).on("close", () => server.close()));
    server.listen(0, "127.0.0.1", () => {
      const socket = connect(server.address().port, "127.0.0.1", () => {
        socket.end();
        reset(socket);
      });
      socket.on("error", () => {});
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    timeout: 10_000,
    killSignal: "SIGKILL",
  });
  expect((await once(child, "close"))[0]).toBe(0);
});

test("a wait of the demo ends by its deadline, and by the signal", async () => {
  const ending = new AbortController();
  const { wait } = patience(ending.signal);
  const never = new Promise<never>(() => {});
  await expect(wait("mac2 starts", 10, never)).rejects.toThrow("mac2 starts: not within 0.01 s");
  expect(await wait("it", 1000, Promise.resolve(7))).toBe(7);
  const waiting = wait("it", 10_000, never);
  ending.abort();
  await expect(waiting).rejects.toThrow("interrupted");
  await expect(wait("it", 10_000, never)).rejects.toThrow("interrupted");
});
