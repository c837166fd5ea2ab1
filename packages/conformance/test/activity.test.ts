import { once } from "node:events";
import { open } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Activity } from "../src/activity.js";

test("a deadline that is put off by reading the clock is not polling", async () => {
  const activity = new Activity();
  await activity.watch(async () => {
    const end = Date.now() + 60_000;
    let ended = false;
    const look = () => {
      ended = Date.now() >= end;
      // lint: polling-ok It waits for what is left of one deadline.
      if (!ended) setTimeout(look, Math.min(end - Date.now(), 1_000));
    };
    look();
    await activity.checkRest();
    expect(ended).toBe(true);
  });
});

test("the clocks are right again after time was made to run", async () => {
  const before = { date: Date.now(), performance: performance.now() };
  const activity = new Activity();
  await activity.watch(async () => {
    setTimeout(() => undefined, 3_600_000);
    await activity.checkRest();
  });
  expect(Date.now() - before.date).toBeLessThan(60_000);
  expect(performance.now() - before.performance).toBeLessThan(60_000);
});

test("a keep-alive is left alone if it is announced, and polling if it is not", async () => {
  for (const announced of [30_000, undefined]) {
    const activity = new Activity(announced);
    await activity.watch(async () => {
      // lint: polling-ok It stands for a protocol's keep-alive.
      const timer = setInterval(() => undefined, 30_000);
      const rest = activity.checkRest();
      if (announced === undefined)
        await expect(rest).rejects.toThrow(/an interval runs: Timeout of .*activity/);
      else await expect(rest).resolves.toBeUndefined();
      clearInterval(timer);
    });
  }
});

test("timers that Node arms for itself are none of a channel's doing", async () => {
  const { createServer: createHttpServer } = await import("node:http");
  const activity = new Activity();
  await activity.watch(async () => {
    const server = createHttpServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const response = await fetch(`http://127.0.0.1:${address.port}`, { headers: { connection: "close" } });
    await response.text();
    await expect(activity.checkRest()).resolves.toBeUndefined();
    server.close();
    await once(server, "close");
  });
});

test("what others start meanwhile is not counted", async () => {
  const activity = new Activity();
  let start: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (start = resolve));
  const others = asked.then(async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  });
  await activity.watch(async () => {
    start();
    const server = await others;
    await expect(activity.checkClosed()).resolves.toBeUndefined();
    server.close();
  });
});

test("a connection that a server accepted and did not close is left open", async () => {
  const activity = new Activity();
  let call: (port: number) => void = () => undefined;
  const caller = new Promise<number>((resolve) => (call = resolve)).then((port) =>
    connect(port, "127.0.0.1"),
  );
  await activity.watch(async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const accepting = once(server, "connection");
    call(address.port);
    const near = await caller;
    const [accepted] = await accepting;
    server.close();
    await expect(activity.checkClosed()).rejects.toThrow(/TCPWRAP/);
    near.destroy();
    accepted.destroy();
  });
});

test("a file is open until it is closed", async () => {
  const activity = new Activity();
  await activity.watch(async () => {
    const file = await open(fileURLToPath(import.meta.url));
    await expect(activity.checkClosed()).rejects.toThrow(/FILEHANDLE/);
    await file.close();
    await expect(activity.checkClosed()).resolves.toBeUndefined();
  });
});
