import { maxPacketBytes, type Link, type SendResult } from "@multifleet/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { http } from "../src/index.js";
import { maxRequestBytes } from "../src/protocol.js";
import { Host, open, outcome, send } from "../../../test/host.js";
import { Office } from "./office.js";

let office: Office;
let link: Link;

beforeEach(async () => {
  office = await Office.open();
  link = await open(http({ listen: false, connections: 2 }), new Host("alpha", office.address));
});

afterEach(async () => {
  await link[Symbol.asyncDispose]();
  await office.close();
});

const frame = (text: string) => send(link, Buffer.from(text));
const answerOf = (result: SendResult) => (result.ok ? String(result.answer) : result.error.code);

test("what is sent in one tick goes in one request, and each frame gets its own answer", async () => {
  office.onLetter((letter) => letter.take());
  // Some are sent at once and some only after a chain of promises, as a daemon's are.
  const later = async (text: string) => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    return await frame(text);
  };
  const results = await Promise.all([frame("a"), frame("b"), later("c"), later("d")]);
  expect(office.letters.map(({ frames }) => frames)).toEqual([["a", "b", "c", "d"]]);
  expect(results.map(answerOf)).toEqual(["a", "b", "c", "d"]);
});

test("a lone frame is sent by itself at once, also while another is being answered", async () => {
  const first = frame("first");
  await office.arrived(1);
  const second = frame("second");
  await office.arrived(2);
  office.letters[1]?.take();
  expect(answerOf(await second)).toBe("second");
  office.letters[0]?.take();
  expect(answerOf(await first)).toBe("first");
});

test("while every connection has a request, what waits goes together in the next one", async () => {
  const busy = [frame("x")];
  await office.arrived(1);
  busy.push(frame("y"));
  await office.arrived(2);
  const waiting = [frame("1")];
  await new Promise((resolve) => setImmediate(resolve));
  waiting.push(frame("2"), frame("3"));
  office.letters[0]?.take();
  await office.arrived(3);
  expect(office.letters[2]?.frames).toEqual(["1", "2", "3"]);
  office.letters[1]?.take();
  office.letters[2]?.take();
  expect((await Promise.all([...busy, ...waiting])).map(answerOf)).toEqual(["x", "y", "1", "2", "3"]);
});

test("giving up one frame of a request does not touch the others", async () => {
  const abort = new AbortController();
  const results = [frame("a"), send(link, Buffer.from("b"), abort.signal), frame("c")];
  await office.arrived(1);
  abort.abort();
  expect(outcome((await results[1]) as SendResult)).toBe("ABORTED");
  office.letters[0]?.take();
  expect((await Promise.all(results)).map(answerOf)).toEqual(["a", "ABORTED", "c"]);
});

test("giving up every frame of a request ends the request", async () => {
  const abort = new AbortController();
  const results = [frame("a"), frame("b")].map(() => send(link, Buffer.from("x"), abort.signal));
  await office.arrived(1);
  office.letters[0]?.take();
  const more = [send(link, Buffer.from("1"), abort.signal), send(link, Buffer.from("2"), abort.signal)];
  await office.arrived(2);
  const ended = new Promise((resolve) => office.letters[1]?.response.once("close", resolve));
  abort.abort();
  expect((await Promise.all(more)).map(outcome)).toEqual(["ABORTED", "ABORTED"]);
  await ended;
  expect((await Promise.all(results)).map(outcome)).toEqual(["delivers", "delivers"]);
});

test("a frame that is given up while it waits is never sent", async () => {
  const busy = [frame("x")];
  await office.arrived(1);
  busy.push(frame("y"));
  await office.arrived(2);
  const abort = new AbortController();
  const given = send(link, Buffer.from("given up"), abort.signal);
  const kept = frame("kept");
  abort.abort();
  expect(outcome(await given)).toBe("ABORTED");
  office.letters[0]?.take();
  await office.arrived(3);
  expect(office.letters[2]?.frames).toEqual(["kept"]);
  office.letters[1]?.take();
  office.letters[2]?.take();
  expect((await Promise.all([...busy, kept])).map(answerOf)).toEqual(["x", "y", "kept"]);
});

test("a frame that is given up while its connection is being made is never sent, and the connection is used", async () => {
  const abort = new AbortController();
  const given = send(link, Buffer.from("given up"), abort.signal);
  await new Promise((resolve) => queueMicrotask(() => process.nextTick(() => process.nextTick(resolve))));
  abort.abort();
  expect(outcome(await given)).toBe("ABORTED");
  office.onLetter((letter) => letter.take());
  expect(answerOf(await frame("kept"))).toBe("kept");
  expect(office.letters.map(({ frames }) => frames)).toEqual([["kept"]]);
});

test("no request is larger than a peer takes, however much is ready", async () => {
  office.onLetter((letter) => letter.take());
  const large = Array.from({ length: 12 }, (_, index) => Buffer.alloc(maxPacketBytes, index));
  const small = Array.from({ length: 2_500 }, (_, index) => Buffer.from(`small ${index}`));
  const results = await Promise.all([...large, ...small].map((bytes) => send(link, bytes)));
  expect(results.every(({ ok }) => ok)).toBe(true);
  for (const { bytes } of office.letters) expect(bytes).toBeLessThan(maxRequestBytes);
  expect(office.letters.reduce((sum, { frames }) => sum + frames.length, 0)).toBe(2_512);
});

test("what waits for a peer that does not answer is bounded, and the rest is told BUSY at once", async () => {
  const aborts: AbortController[] = [];
  const begin = (bytes: Uint8Array) => {
    const abort = new AbortController();
    aborts.push(abort);
    return send(link, bytes, abort.signal);
  };
  const stuck = [begin(Buffer.from("x"))];
  await office.arrived(1);
  stuck.push(begin(Buffer.from("y")));
  await office.arrived(2);
  const large = Buffer.alloc(maxPacketBytes);
  const waiting = Array.from({ length: 21 }, () => begin(large));
  expect(outcome(await send(link, large))).toBe("BUSY");
  for (const abort of aborts) abort.abort();
  const results = await Promise.all([...stuck, ...waiting]);
  expect(new Set(results.map(outcome))).toEqual(new Set(["ABORTED"]));
  // What was given up takes no room any more.
  office.onLetter((letter) => letter.take());
  expect(outcome(await send(link, large))).toBe("delivers");
});
