import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seedName } from "@multifleet/core/seed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Keyring } from "../../../test/keyring.js";
import { isRoot, SshServer, sshd } from "../../../test/sshd.js";
import { seed } from "../src/index.js";
import { fault, frame, open, type Open } from "./host.js";
import { findProgram } from "../../../test/needs.js";

const base = mkdtempSync(join(tmpdir(), "mf-seed-"));
const strace = findProgram("strace");
const servers: SshServer[] = [];
let keyring: Keyring;
let made = 0;

async function serve(alias: string, options: Parameters<typeof SshServer.start>[2] = {}): Promise<SshServer> {
  const server = await SshServer.start(keyring, alias, options);
  servers.push(server);
  keyring.host(alias, server);
  keyring.trust(server);
  return server;
}

beforeAll(async () => {
  if (sshd === undefined) return;
  keyring = new Keyring(base);
  await serve("peer");
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.end()));
  rmSync(base, { recursive: true, force: true });
});

/** A seed directory as a daemon makes it. */
function makeDirectory(path = join(base, `seed-${(made += 1)}`)): string {
  for (const room of ["", "tmp", "new", "cur"]) mkdirSync(join(path, room), { mode: 0o700, recursive: true });
  return path;
}

function contents(path: string): Record<string, readonly string[]> {
  return Object.fromEntries(["tmp", "new", "cur"].map((room) => [room, readdirSync(join(path, room))]));
}

function to(path: string, alias = "peer"): Promise<Open> {
  return open(seed({ config: keyring.config }), { ssh: [alias], seed: [`seed:0123456789abcdef:${path}`] });
}

describe.skipIf(sshd === undefined)("a seed file over SSH", () => {
  test("is whole, private, in new under the name of its content, and one however often it is sent", async () => {
    const path = makeDirectory();
    await using mac1 = await to(path);
    const { bytes } = frame(786_432);
    expect(await mac1.send(bytes)).toEqual({ ok: true, effect: "stores" });
    expect(await mac1.send(bytes)).toEqual({ ok: true, effect: "stores" });
    expect(contents(path)).toEqual({ tmp: [], new: [seedName(bytes)], cur: [] });
    const file = join(path, "new", seedName(bytes));
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(mac1.host.counts).toEqual([]);
  });

  test.skipIf(strace === undefined)(
    "is flushed before it is in new, and new is flushed after it",
    async () => {
      const trace = join(base, "trace");
      await serve("traced", { under: [strace ?? "", "-f", "-y", "-e", "trace=fsync,/rename", "-o", trace] });
      const path = makeDirectory();
      await using mac1 = await to(path, "traced");
      expect(await mac1.send()).toEqual({ ok: true, effect: "stores" });
      const calls = [
        ...readFileSync(trace, "utf8").matchAll(/ (fsync|rename\w*)\(.*?\/seed-\d+\/(tmp|new)\b(?!.*= -1)/g),
      ];
      expect(calls.map(([, name, room]) => `${name} ${room}`)).toEqual([
        "fsync tmp",
        expect.stringMatching(/^rename\w* tmp$/),
        "fsync new",
      ]);
    },
  );

  test("is in new only when it is whole: where the server is killed in the middle of it, nothing is", async () => {
    const server = await serve("fragile");
    const path = makeDirectory();
    await using mac1 = await to(path, "fragile");
    // Its first write needs an answer that this process has not read yet when it hears of the file.
    const watcher = watch(join(path, "tmp"), () => server.signal("SIGKILL"));
    const sent = fault(await mac1.send(frame(786_432).bytes));
    watcher.close();
    expect(sent.code).toBe("CLOSED");
    const { tmp, ...rest } = contents(path);
    expect(tmp).toHaveLength(1);
    expect(rest).toEqual({ new: [], cur: [] });
    expect(mac1.host.events.map(({ state }) => state)).toEqual(["up", "down"]);
    expect(await mac1.send()).toEqual({ ok: true, effect: "stores" });
    expect(contents(path)["new"]).toHaveLength(1);
  });

  test.skipIf(!isRoot)(
    "is refused by a full disk as something for later, and leaves nothing there",
    async () => {
      const path = join(base, "small");
      mkdirSync(path);
      const before = `mount -t tmpfs -o size=128k,mode=0700 none ${path} && mkdir -m 0700 ${path}/tmp ${path}/new ${path}/cur`;
      const server = await serve("full", { before });
      await using mac1 = await to(path, "full");
      expect(fault(await mac1.send(frame(500_000).bytes))).toMatchObject({
        code: "BUSY",
        message: expect.stringContaining("is full"),
      });
      const { bytes } = frame(1_000);
      expect(await mac1.send(bytes)).toEqual({ ok: true, effect: "stores" });
      expect(contents(server.inside(path))).toEqual({ tmp: [], new: [seedName(bytes)], cur: [] });
    },
  );

  test("goes to .multifleet/seed of the login directory where the peer has announced nothing", async () => {
    const login = mkdtempSync(join(base, "login-"));
    const path = makeDirectory(join(login, ".multifleet", "seed"));
    await serve("usual", { config: [`Subsystem sftp internal-sftp -d ${login}`] });
    await using mac1 = await open(seed({ config: keyring.config }), { ssh: ["usual"] });
    expect(await mac1.send()).toEqual({ ok: true, effect: "stores" });
    expect(contents(path)["new"]).toHaveLength(1);
  });

  test("goes where the options say, before what the peer says", async () => {
    const [path, told] = [makeDirectory(), makeDirectory()];
    const channel = seed({ config: keyring.config, peers: { mac2: { ssh: "peer", seed: `${path}/` } } });
    await using mac1 = await open(channel, { seed: [`seed:0:${told}`] });
    expect(await mac1.send()).toEqual({ ok: true, effect: "stores" });
    expect([contents(path)["new"], contents(told)["new"]].map((names) => names?.length)).toEqual([1, 0]);
  });
});

describe.skipIf(sshd === undefined)("nothing is written", () => {
  /** Sends into a place that was made hostile, and holds that nothing came to lie there, nor where a link leads. */
  async function expectRefused(path: string, why: RegExp, ...watched: readonly string[]): Promise<void> {
    await using mac1 = await to(path);
    expect(fault(await mac1.send())).toMatchObject({
      code: "DENIED",
      message: expect.stringMatching(why),
    });
    for (const place of watched) expect(readdirSync(place)).toEqual([]);
    expect(mac1.host.counts).toEqual(["put_errors"]);
  }

  for (const room of ["tmp", "new", "cur"])
    test(`through a link in the place of ${room}`, async () => {
      const [path, elsewhere] = [makeDirectory(), mkdtempSync(join(base, "elsewhere-"))];
      rmSync(join(path, room), { recursive: true });
      symlinkSync(elsewhere, join(path, room));
      const others = ["tmp", "new"].filter((each) => each !== room).map((each) => join(path, each));
      await expectRefused(path, /is a symbolic link: nothing was written/, elsewhere, ...others);
    });

  test("through a link in the place of the directory, or of one above it", async () => {
    const path = makeDirectory(join(base, "real", "seed"));
    symlinkSync(path, join(base, "linked"));
    await expectRefused(join(base, "linked"), /symbolic link/, join(path, "tmp"), join(path, "new"));
    symlinkSync(join(base, "real"), join(base, "above"));
    await expectRefused(join(base, "above", "seed"), /symbolic link/, join(path, "tmp"), join(path, "new"));
  });

  for (const [room, mode] of [
    ["", 0o750],
    ["new", 0o770],
    ["tmp", 0o701],
  ] as const)
    test(`where others can look into ${room || "the directory"} (mode ${mode.toString(8)})`, async () => {
      const path = makeDirectory();
      chmodSync(join(path, room), mode);
      await expectRefused(path, /is open to others/, join(path, "tmp"), join(path, "new"));
    });

  test.skipIf(!isRoot)("into rooms of another user, or of two", async () => {
    const path = makeDirectory();
    chownSync(join(path, "new"), 54_321, 54_321);
    await expectRefused(path, /new there is another user's/, join(path, "tmp"), join(path, "new"));
    for (const room of ["", "tmp", "cur"]) chownSync(join(path, room), 54_321, 54_321);
    // All of them are another's: the file itself tells whose files would lie there.
    await expectRefused(path, /is another user's than the one who logs in/, join(path, "new"));
  });

  test("where there is no seed directory, which is no reason to make one", async () => {
    const path = makeDirectory();
    renameSync(join(path, "new"), join(path, "old"));
    await using mac1 = await to(path);
    expect(fault(await mac1.send())).toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining(`there is no seed directory at ${path}`),
    });
    expect(readdirSync(path).toSorted()).toEqual(["cur", "old", "tmp"]);
  });
});

test("a peer without an ssh host is not reached: its files are another channel's", async () => {
  await using mac1 = await open(seed(), { seed: ["seed:0:/home/ada/.multifleet/seed"] });
  expect(mac1.link.reaches(frame().to)).toBe(false);
  expect(fault(await mac1.send()).code).toBe("UNREACHABLE");
});
