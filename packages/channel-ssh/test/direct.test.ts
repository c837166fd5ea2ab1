import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Decoder, encodeVerdict } from "@multifleet/core/stream";
import { seedName } from "@multifleet/core/seed";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Keyring } from "../../../test/keyring.js";
import { SshServer, sshd } from "../../../test/sshd.js";
import { Connection } from "../src/connection.js";
import channels, { ssh, type SshOptions } from "../src/index.js";
import { checkOptions } from "../src/options.js";
import { fault, frame, mac2, open, type Open } from "./host.js";

const base = mkdtempSync(join(tmpdir(), "mf-direct-"));
const cli = fileURLToPath(new URL("../../cli/bin/multifleet.js", import.meta.url));
let keyring: Keyring;
/** One that forwards sockets, and one that forbids it and allows two sessions. */
let server: SshServer;
let strict: SshServer;
let home: string;
let daemon: Daemon;

/** A peer's daemon as far as its socket goes: it answers each frame with the frame, when it is let. */
class Daemon {
  readonly frames: Buffer[] = [];
  /** Most connections that were open at once. */
  most = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #held: (() => void)[] | undefined;
  #told: () => void = () => undefined;

  private constructor(listener: Server) {
    this.#server = listener;
    listener.on("connection", (socket) => this.#serve(socket));
  }

  static async listen(path: string): Promise<Daemon> {
    const made = new Daemon(createServer());
    await new Promise<void>((resolve) => made.#server.listen(path, resolve));
    return made;
  }

  /** Answers nothing until so many frames have come. @returns when that is */
  async hold(count: number): Promise<void> {
    this.#held = [];
    while (this.#held.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.most = Math.max(this.most, this.#sockets.size);
    const decoder = new Decoder(1_000_000, (id, payload) => {
      const bytes = Buffer.from(payload);
      this.frames.push(bytes);
      const answer = () => socket.write(encodeVerdict(id, { code: "taken", answer: bytes }));
      if (this.#held === undefined) answer();
      else this.#held.push(answer);
      this.#told();
    });
    socket.on("data", (chunk) => decoder.push(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

beforeAll(async () => {
  if (sshd === undefined) return;
  keyring = new Keyring(base);
  server = await SshServer.start(keyring, "peer");
  strict = await SshServer.start(keyring, "strict", {
    config: ["AllowStreamLocalForwarding no", "MaxSessions 2"],
  });
  for (const [alias, each] of [
    ["peer", server],
    ["strict", strict],
  ] as const) {
    keyring.host(alias, each);
    keyring.trust(each);
  }
});

beforeEach(async () => {
  home = mkdtempSync(join(base, "home-"));
  for (const room of ["", "tmp", "new", "cur"]) mkdirSync(join(home, "seed", room), { mode: 0o700 });
  daemon = await Daemon.listen(join(home, "daemon.sock"));
});

afterEach(async () => {
  await daemon.close();
});

afterAll(async () => {
  await server?.end();
  await strict?.end();
  rmSync(base, { recursive: true, force: true });
});

function known(alias: string) {
  return {
    ssh: [alias],
    ipc: [`ipc:0:${join(home, "daemon.sock")}`],
    seed: [`seed:0:${join(home, "seed")}`],
  };
}

function to(alias: string, options: SshOptions = {}): Promise<Open> {
  return open(ssh({ config: keyring.config, ...options }), known(alias));
}

/** A stand-in for `multifleet`: notes its arguments, reads its input, and prints what it is told. */
function program(prints: string): string {
  const path = join(home, "program.sh");
  writeFileSync(path, `echo "$@" >> ${home}/arguments; cat > ${home}/input; cat <<'END'\n${prints}\nEND\n`);
  return `sh ${path}`;
}

describe.skipIf(sshd === undefined)("straight to the daemon", () => {
  test("both channels share one connection, and the daemon's answer comes back", async () => {
    const before = server.connections;
    const [seed, direct] = channels({ config: keyring.config });
    await using first = await open(seed, known("peer"));
    await using second = await open(direct, known("peer"));
    const { bytes } = frame();
    const sent = await Promise.all([first.send(bytes), second.send(bytes), second.send(bytes)]);
    const answered = { ok: true, effect: "delivers", answer: Buffer.from(bytes) };
    expect(sent).toEqual([{ ok: true, effect: "stores" }, answered, answered]);
    expect(server.connections - before).toBe(1);
    expect(second.link.status?.()).toMatchObject({ connections: 1 });
    // The one that is left keeps it.
    await first[Symbol.asyncDispose]();
    expect(await second.send(bytes)).toEqual(answered);
    expect(server.connections - before).toBe(1);
  });

  test("at most eight go over a connection at once, and none is lost for it", async () => {
    await using mac1 = await to("peer");
    const full = daemon.hold(8);
    const sending = Array.from({ length: 30 }, () => mac1.send());
    await full;
    expect(daemon.most).toBe(8);
    daemon.release();
    expect((await Promise.all(sending)).every(({ ok }) => ok)).toBe(true);
    expect(daemon.most).toBe(8);
    expect(daemon.frames).toHaveLength(30);
  });

  test("who waits for a channel can be told to stop", async () => {
    await using mac1 = await to("peer", { maxChannels: 2 });
    const full = daemon.hold(2);
    const first = Promise.all([mac1.send(), mac1.send()]);
    await full;
    const stop = new AbortController();
    const second = mac1.send(undefined, stop.signal);
    stop.abort();
    expect(fault(await second).code).toBe("ABORTED");
    daemon.release();
    expect((await first).map(({ ok }) => ok)).toEqual([true, true]);
    expect((await mac1.send()).ok).toBe(true);
  });

  test("a server that hangs is found without anybody giving up, and the next frame connects anew", async () => {
    await using mac1 = await to("peer");
    expect((await mac1.send()).ok).toBe(true);
    const down = mac1.host.next();
    server.signal("SIGSTOP");
    expect(fault(await mac1.send()).code).toMatch(/^(CLOSED|TIMEOUT)$/);
    expect(await down).toMatchObject({
      state: "down",
      peer: mac2,
      reason: expect.stringContaining("Keepalive"),
    });
    expect(mac1.host.counts).toContain("lost_connections");
    server.signal("SIGKILL");
    expect((await mac1.send()).ok).toBe(true);
    expect(mac1.host.events.map(({ state }) => state)).toEqual(["up", "down", "up"]);
  });

  test("an idle connection ends by itself, and nobody is told that anything is down", async () => {
    await using mac1 = await to("peer", { idleMs: 100 });
    const before = server.connections;
    expect((await mac1.send()).ok).toBe(true);
    await server.empty();
    expect((await mac1.send()).ok).toBe(true);
    expect(server.connections - before).toBe(2);
    expect(mac1.host.events.map(({ state }) => state)).toEqual(["up"]);
    expect(mac1.host.counts).toEqual([]);
  });

  test("a peer that is elsewhere now is followed, and what is under way goes on", async () => {
    keyring.host("moved", server);
    await using mac1 = await to("peer");
    const come = daemon.hold(1);
    const first = mac1.send();
    await come;
    const before = server.connections;
    mac1.host.known["ssh"] = ["moved"];
    daemon.release();
    expect([(await mac1.send()).ok, (await first).ok]).toEqual([true, true]);
    expect(server.connections - before).toBe(1);
    expect(mac1.host.events.map(({ state }) => state)).toEqual(["up"]);
  });

  test("a connection that nobody wants any more once it stands leaves nothing that keeps the process", async () => {
    const [armed, cleared] = [vi.spyOn(globalThis, "setTimeout"), vi.spyOn(globalThis, "clearTimeout")];
    const news = { lost: () => undefined, over: () => undefined };
    const connection = new Connection(
      { host: "peer" },
      checkOptions({ config: keyring.config, idleMs: 54_321 }),
      news,
    );
    await connection.use(() => Promise.resolve());
    await connection.ready;
    await connection.close();
    const idle = armed.mock.results.filter((_, at) => armed.mock.calls[at]?.[1] === 54_321);
    expect(idle.length).toBeGreaterThan(0);
    const ended = new Set(cleared.mock.calls.map(([timer]) => timer));
    expect(idle.filter(({ value }) => !ended.has(value as NodeJS.Timeout))).toEqual([]);
    vi.restoreAllMocks();
  });

  test("a daemon that hangs up before it answers has delivered nothing", async () => {
    await using mac1 = await to("peer");
    const come = daemon.hold(1);
    const sending = mac1.send();
    await come;
    await daemon.close();
    expect(fault(await sending).code).toBe("CLOSED");
    daemon = await Daemon.listen(join(home, "daemon.sock"));
  });
});

describe.skipIf(sshd === undefined)("where the server forwards nothing", () => {
  const multifleet = () => `echo welcome '{'; ${process.execPath} ${cli} --home ${home}`;

  test("multifleet deliver hands the packet over, and brings the answer", async () => {
    await using mac1 = await to("strict", { command: multifleet() });
    const { bytes } = frame(786_432);
    const sent = await mac1.send(bytes);
    expect(sent).toMatchObject({ ok: true, effect: "delivers" });
    expect(sent.ok && Buffer.from(sent.answer ?? []).equals(bytes)).toBe(true);
    expect(daemon.frames.map((each) => each.equals(bytes))).toEqual([true]);
    expect(mac1.host.counts).toEqual(["forwarding_refused"]);
  });

  test("with the daemon down the packet is stored, and nobody says that it was delivered", async () => {
    await daemon.close();
    await using mac1 = await to("strict", { command: multifleet() });
    const { bytes } = frame();
    expect(await mac1.send(bytes)).toEqual({ ok: true, effect: "stores" });
    expect(readFileSync(join(home, "seed", "new", seedName(bytes))).equals(bytes)).toBe(true);
    expect(readdirSync(join(home, "seed", "tmp"))).toEqual([]);
    daemon = await Daemon.listen(join(home, "daemon.sock"));
  });

  test("more at once than the server allows sessions wait for each other", async () => {
    await using mac1 = await to("strict", { command: program('{"state":"taken"}') });
    const sent = await Promise.all(Array.from({ length: 6 }, () => mac1.send()));
    expect(sent).toEqual(Array.from({ length: 6 }, () => ({ ok: true, effect: "delivers" })));
  });

  for (const [prints, code, message] of [
    ['{"state":"refused","reason":"bad_signature"}', "REFUSED", "bad_signature"],
    ['{"state":"later","reason":"disk_full"}', "BUSY", "disk_full"],
    ['{"state":"delivered"}', "UNREACHABLE", "ended with 0"],
    ["{", "UNREACHABLE", "ended with 0"],
    ["Connected. Welcome!", "UNREACHABLE", "ended with 0"],
  ] as const)
    test(`a program that says ${prints} is taken at its word, and no further`, async () => {
      await using mac1 = await to("strict", { command: program(prints) });
      expect(fault(await mac1.send())).toEqual({ code, message: expect.stringContaining(message) });
    });

  test("a program that is not there is named, with what its shell said", async () => {
    await using mac1 = await to("strict", { command: "/nonexistent/multifleet" });
    expect(fault(await mac1.send())).toEqual({
      code: "UNREACHABLE",
      message: expect.stringMatching(/\/nonexistent\/multifleet deliver --json does not help: \S+sh: /),
    });
    expect(mac1.host.counts).toEqual(["forwarding_refused", "command_errors"]);
  });

  test("nothing that a packet or a peer says gets into the command", async () => {
    const planted = join(home, "planted");
    await using mac1 = await open(ssh({ config: keyring.config, command: program('{"state":"taken"}') }), {
      ...known("strict"),
      ipc: [`ipc:0:/tmp/x;touch ${planted}`],
      seed: [`seed:0:/tmp/$(touch ${planted})`],
    });
    expect((await mac1.send(Buffer.from(`; touch ${planted}\n`))).ok).toBe(true);
    expect(readFileSync(join(home, "arguments"), "utf8")).toBe("deliver --json\n");
    expect(readFileSync(join(home, "input"), "utf8")).toBe(`; touch ${planted}\n`);
    expect(readdirSync(home)).not.toContain("planted");
  });
});
