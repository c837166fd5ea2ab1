import { request, type IncomingMessage } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { serve, token } from "./rig.js";

interface Reader {
  readonly response: IncomingMessage;
  /** Resolves with all that came so far once it matches. A run of `~` is one. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all that came when the stream is over. */
  readonly over: Promise<string>;
  leave(): void;
}

/** Follows the event stream as a client does. */
function follow(port: number, lastEventId?: number | string): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(lastEventId !== undefined && { "last-event-id": `${lastEventId}` }),
    };
    const outgoing = request(
      { host: "127.0.0.1", port, path: "/events", headers, agent: false },
      (response) => {
        let text = "";
        const watches = new Set<() => void>();
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString().replaceAll(/~+/g, "~");
          for (const watch of watches) watch();
        });
        const over = new Promise<string>((done) => response.on("close", () => done(text)));
        const until = (pattern: RegExp) =>
          new Promise<string>((found) => {
            const watch = () => {
              if (pattern.test(text) && watches.delete(watch)) found(text);
            };
            watches.add(watch);
            watch();
          });
        resolve({ response, until, over, leave: () => outgoing.destroy() });
      },
    );
    onTestFinished(() => void outgoing.destroy());
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** The numbers of the events that came whole. */
const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)\ndata: .*\n\n/gm)].map(([, id]) => Number(id));

test("events come as they happen, with their type, number, time and data", async () => {
  const { port, node } = await serve();
  node.events.emit("peer", { node: "before" });
  const reader = await follow(port);
  expect(reader.response.headers["content-type"]).toBe("text/event-stream");
  await reader.until(/retry: 1000/);
  node.events.emit("message", { id: "m1", state: "sent" });
  node.events.emit("inbox", { id: "i1", subject: "two\nlines" });
  const text = await reader.until(/i1/);
  const { last } = node.events;
  expect(text.replace(/"at":"[^"]+"/g, '"at":""')).toBe(
    `retry: 1000\n\nevent: message\nid: ${last - 1}\ndata: {"at":"","id":"m1","state":"sent"}\n\n` +
      `event: inbox\nid: ${last}\ndata: {"at":"","id":"i1","subject":"two\\nlines"}\n\n`,
  );
});

test("a client that comes back gets each event since, once and in order", async () => {
  const { port, node } = await serve();
  const first = await follow(port);
  await first.until(/retry/);
  for (let i = 0; i < 3; i++) node.events.emit("message", { i });
  const seen = idsIn(await first.until(/"i":2/));
  first.leave();
  for (let i = 3; i < 50; i++) node.events.emit("message", { i });
  const second = await follow(port, seen.at(-1));
  node.events.emit("message", { i: 50 });
  const text = await second.until(/"i":50/);
  expect([...seen, ...idsIn(text)]).toEqual(Array.from({ length: 51 }, (_, i) => (seen[0] ?? 0) + i));
  expect(text).not.toContain("event: lost");
});

test.each([
  ["older than what is held", 1],
  ["of a time to come", Number.MAX_SAFE_INTEGER],
])("a client that comes back with an event %s is told that some are lost, and goes on", async (_, after) => {
  const { port, node } = await serve();
  node.events.emit("message", { i: 0 });
  const { last } = node.events;
  const reader = await follow(port, after);
  const lost = `event: lost\nid: ${last}\ndata: {"after":${after},"resumed_after":${last}}\n\n`;
  expect(await reader.until(/lost[^]*\n\n/)).toBe(`retry: 1000\n\n${lost}`);
  node.events.emit("message", { i: 1 });
  expect(idsIn(await reader.until(/"i":1/))).toEqual([last, last + 1]);
});

test.each(["x", "-1", "1.5", "", "9007199254740992"])("the Last-Event-ID %s is refused", async (id) => {
  const { ask } = await serve();
  const answer = await ask("/events", { headers: { "last-event-id": id } });
  expect(answer.json).toMatchObject({ status: 400, errors: [{ header: "last-event-id" }] });
});

test("a silent stream is kept alive with comments, and only while somebody listens", async () => {
  const { port, api } = await serve({ keepAliveMs: 20 });
  const reader = await follow(port);
  await reader.until(/(?:: keep-alive\n\n){3}/);
  await api.close();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout");
  const text = await reader.over;
  expect(text).toMatch(/^retry: 1000\n\n(: keep-alive\n\n)+$/);
  expect(timers.length).toBeLessThan(2);
});

test("a client that reads slowly costs no memory, and gets every event or is told that some are lost", async () => {
  const { port, node } = await serve();
  const reader = await follow(port);
  await reader.until(/retry/);
  const { last } = node.events;
  reader.response.pause();
  const text = "~".repeat(10_000);
  const before = process.memoryUsage().rss;
  // Far more than the sockets and the node hold: 300 MB.
  for (let i = 0; i < 30_000; i++) node.events.emit("message", { i, ...(i > 25_000 && { text: "" }), text });
  expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000);
  reader.response.resume();
  const end = node.events.last;
  const ids = idsIn(await reader.until(new RegExp(`^id: ${end}\ndata: .*\n\n`, "m")));
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]).toBe(last + 1);
});

test("a client that does not read at all is cut off and counted, and can resume", async () => {
  const { port, node, counters } = await serve({ keepAliveMs: 100 });
  const reader = await follow(port);
  await reader.until(/retry/);
  reader.response.pause();
  const text = "~".repeat(100_000);
  // 200 MB: more than any system keeps for a connection.
  for (let i = 0; i < 2_000; i++) node.events.emit("message", { i, text });
  await counters.until(() => counters.value("api_streams_cut_total") === 1);
  reader.response.resume();
  const seen = idsIn(await reader.over);
  const end = node.events.last;
  // As every client does that is cut off, now or again: on a busy machine it may be more than once.
  for (let times = 0; seen.at(-1) !== end && times < 100; times++) {
    const again = await follow(port, seen.at(-1));
    seen.push(
      ...idsIn(await Promise.race([again.until(new RegExp(`^id: ${end}\ndata: .*\n\n`, "m")), again.over])),
    );
    again.leave();
  }
  expect(seen).toEqual(Array.from({ length: 2_000 }, (_, i) => end - 1_999 + i));
});

test("a client that leaves is forgotten", async () => {
  const { port, node } = await serve();
  let listening = 0;
  const { subscribe } = node.events;
  const change = new EventTarget();
  node.events.subscribe = (listener) => {
    const unsubscribe = subscribe.call(node.events, listener);
    listening++;
    return () => {
      listening--;
      change.dispatchEvent(new Event("left"));
      unsubscribe();
    };
  };
  const reader = await follow(port);
  expect(listening).toBe(1);
  const left = new Promise((resolve) => change.addEventListener("left", resolve, { once: true }));
  reader.leave();
  await left;
  expect(listening).toBe(0);
});
