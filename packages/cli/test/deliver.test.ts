import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Decoder, encodeVerdict } from "@multifleet/core/stream";
import type { Verdict } from "@multifleet/core";
import { seedName } from "@multifleet/core/seed";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "./rig.js";

const packet = Buffer.from([0, 255, 128, 10, 13, 0, 7]);
let home: string;
let server: Server | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mf-deliver-"));
});

afterEach(async () => {
  if (server !== undefined) await new Promise((resolve) => server?.close(resolve));
  server = undefined;
  rmSync(home, { recursive: true, force: true });
});

/** A daemon's socket. @returns What it was given */
async function listen(answer: Verdict | "junk" | "hang up"): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  server = createServer((socket) => {
    const decoder = new Decoder(1_000_000, (id, frame) => {
      frames.push(Buffer.from(frame));
      if (answer === "hang up") socket.destroy();
      else socket.write(answer === "junk" ? Buffer.alloc(32, 255) : encodeVerdict(id, answer));
    });
    socket.on("data", (chunk) => decoder.push(chunk));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server?.listen(join(home, "daemon.sock"), resolve));
  return frames;
}

function makeSeed(): void {
  for (const room of ["", "tmp", "new", "cur"]) mkdirSync(join(home, "seed", room), { mode: 0o700 });
}

test("deliver hands the packet to the daemon, byte for byte, and prints its answer", async () => {
  const frames = await listen({ code: "taken", answer: Buffer.from([1, 2, 255]) });
  expect(await run(["deliver", "--json"], { home, stdin: packet })).toEqual({
    code: 0,
    out: '{"state":"taken","answer":"AQL/"}\n',
    err: "",
  });
  expect(await run(["deliver"], { home, stdin: packet })).toEqual({ code: 0, out: "taken\n", err: "" });
  expect(frames).toEqual([packet, packet]);
});

test("deliver says what the daemon says no to, and ends with 1", async () => {
  await listen({ code: "refused", reason: "bad_signature" });
  expect(await run(["deliver", "--json"], { home, stdin: packet })).toEqual({
    code: 1,
    out: '{"state":"refused","reason":"bad_signature"}\n',
    err: "multifleet: the daemon says refused: bad_signature\n",
  });
});

test("deliver stores the packet in the seed directory where no daemon runs, and says stored", async () => {
  makeSeed();
  expect(await run(["deliver", "--json"], { home, stdin: packet })).toEqual({
    code: 0,
    out: '{"state":"stored"}\n',
    err: "",
  });
  expect(readFileSync(join(home, "seed", "new", seedName(packet)))).toEqual(packet);
  expect(readdirSync(join(home, "seed", "tmp"))).toEqual([]);
});

for (const answer of ["junk", "hang up"] as const)
  test(`deliver stores the packet where what listens answers with ${answer}`, async () => {
    makeSeed();
    await listen(answer);
    expect(await run(["deliver"], { home, stdin: packet })).toMatchObject({ code: 0, out: "stored\n" });
    expect(readdirSync(join(home, "seed", "new"))).toEqual([seedName(packet)]);
  });

test("deliver writes through no planted link, and says that nothing was stored", async () => {
  makeSeed();
  const elsewhere = mkdtempSync(join(tmpdir(), "mf-elsewhere-"));
  rmSync(join(home, "seed", "tmp"), { recursive: true });
  symlinkSync(elsewhere, join(home, "seed", "tmp"));
  const ran = await run(["deliver", "--json"], { home, stdin: packet });
  expect(ran.code).toBe(1);
  expect(JSON.parse(ran.out)).toMatchObject({ error: { code: "not_stored" } });
  expect(readdirSync(elsewhere)).toEqual([]);
  rmSync(elsewhere, { recursive: true });
});

test("deliver takes nothing that is no packet: nothing, or more than one may have", async () => {
  makeSeed();
  expect(await run(["deliver"], { home, stdin: "" })).toMatchObject({ code: 2 });
  expect(await run(["deliver"], { home })).toMatchObject({ code: 2 });
  const large = Buffer.alloc(786_433);
  expect(await run(["deliver"], { home, stdin: large })).toMatchObject({ code: 1, out: "" });
  expect(readdirSync(join(home, "seed", "new"))).toEqual([]);
  expect(existsSync(join(home, "daemon.sock"))).toBe(false);
});
