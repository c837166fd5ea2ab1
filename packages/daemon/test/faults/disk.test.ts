import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { TestFleet, TestNode } from "../fleet.js";
import { expectBalanced, Ledger } from "../ledger.js";

const mount = process.getuid?.() === 0 && process.platform === "linux" ? findProgram("mount") : undefined;
const strace = process.platform === "linux" ? findProgram("strace") : undefined;

/** A disk of its own for one home, small enough to be filled. */
class SmallDisk implements Disposable {
  readonly path: string;
  readonly #filler: string;

  constructor(path: string, megabytes: number) {
    this.path = path;
    this.#filler = join(path, "filler");
    mkdirSync(path, { recursive: true, mode: 0o700 });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", path]);
  }

  /** Takes all the room that is left. */
  fill(): void {
    for (let size = 1024 * 1024; size >= 512; size /= 2) {
      for (let more = true; more;) {
        try {
          writeFileSync(this.#filler, Buffer.alloc(size, 1), { flag: "a" });
        } catch (thrown) {
          expect((thrown as NodeJS.ErrnoException).code).toBe("ENOSPC");
          more = false;
        }
      }
    }
  }

  free(): void {
    rmSync(this.#filler);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.path]);
  }
}

const large = "x".repeat(100_000);

test.skipIf(mount === undefined)(
  "F24: a full disk at the sender is 507 and no message; with room again it is 202, without a restart (needs root on Linux, to mount a small disk)",
  async () => {
    await using fleet = await TestFleet.start(["mac2"]);
    const mac2 = fleet.node("mac2");
    using disk = new SmallDisk(join(fleet.directory, "mac1"), 16);
    const mac1 = await fleet.add("mac1");
    const ledger = new Ledger();
    await ledger.post(mac1, "mac2");
    disk.fill();
    const refused: string[] = [];
    for (let i = 0; i < 300 && refused.length < 3; i++) {
      const { status, body } = await mac1.send("mac2", large, { id: `large-${i}` });
      if (status === 202) ledger.accepted.add(body.id);
      else {
        expect(status).toBe(507);
        expect(body).toMatchObject({ code: "disk_full" });
        expect(body.state).toBeUndefined();
        refused.push(`large-${i}`);
      }
    }
    expect(refused).toHaveLength(3);
    // Health tells of the last commit, and a small one of the node's own may still have found room.
    let health = await mac1.get("/health");
    for (let i = 0; i < 20 && health.status !== 503; i++) {
      expect((await mac1.send("mac2", large, { id: `again-${i}` })).status).toBe(507);
      health = await mac1.get("/health");
    }
    expect([health.status, health.body.status]).toEqual([503, "failed"]);
    for (const id of refused) expect((await mac1.get(`/message/${id}`)).status).toBe(404);
    disk.free();
    const { status, body } = await mac1.send("mac2", large, { id: refused[0] });
    expect(status).toBe(202);
    expect((await mac1.settled(body.id)).state).toBe("delivered");
    expect((await mac1.get("/health")).status).toBe(200);
    await ledger.delivered(mac1, 30);
    const inbox = (await mac2.inbox()).map((item) => item.id);
    expect(inbox.filter((id) => id === refused[0])).toHaveLength(1);
    expect(inbox).not.toContain(refused[1]);
    await expectBalanced(mac1);
  },
  90_000,
);

test.skipIf(mount === undefined)(
  "F25: a full disk at the receiver gives no receipt; the message waits with a reason, health is red, and it is delivered when there is room (needs root on Linux, to mount a small disk)",
  async () => {
    await using fleet = await TestFleet.start(["mac1"]);
    const mac1 = fleet.node("mac1");
    using disk = new SmallDisk(join(fleet.directory, "mac2"), 16);
    const mac2 = await fleet.add("mac2", { config: { channels: { seed: false } } });
    disk.fill();
    const ids: string[] = [];
    let red = await mac2.get("/health");
    for (let i = 0; i < 300 && red.body.status !== "failed"; i++) {
      const { body } = await mac1.send("mac2", large, { id: `large-${i}` });
      ids.push(body.id);
      red = await mac2.get("/health");
    }
    expect([red.status, red.body.status]).toEqual([503, "failed"]);
    expect(red.body.reasons.join()).toContain("disk is full");
    const waiting = (await mac1.get(`/message/${ids.at(-1)}`)).body;
    expect(["accepted", "sent"]).toContain(waiting.state);
    expect(waiting.reason).toContain("BUSY");
    disk.free();
    for (const id of ids) expect((await mac1.settled(id, 60)).state).toBe("delivered");
    expect((await mac2.inbox()).map((item) => item.id).toSorted()).toEqual(ids.toSorted());
    expect((await mac2.get("/health")).status).toBe(200);
  },
  120_000,
);

test.skipIf(strace === undefined)(
  "F26: a flush that fails once is 503 and no message; what was accepted before is intact after a restart (needs strace on Linux)",
  async () => {
    await using fleet = await TestFleet.start(["mac2"]);
    const mac2 = fleet.node("mac2");
    const mac1 = await fleet.add("mac1");
    const ledger = new Ledger();
    for (let i = 0; i < 10; i++) await ledger.post(mac1, "mac2");
    await ledger.delivered(mac1, 30);
    await mac1.stop();
    const faulty = new TestNode(mac1.home, "mac1", {
      wrapper: [
        strace ?? "",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync,msync,fsync",
        "-e",
        "inject=fdatasync:error=EIO:when=12+3",
      ],
    });
    fleet.nodes.push(faulty);
    await faulty.start();
    let failed = 0;
    for (let i = 0; i < 60; i++) {
      const { status, body } = await faulty.send("mac2", `faulty ${i}`, { id: `faulty-${i}` });
      if (status === 202) ledger.accepted.add(body.id);
      else {
        expect([status, body.code]).toEqual([503, "store_failed"]);
        ledger.unknown.add(`faulty-${i}`);
        failed++;
      }
    }
    expect(failed).toBeGreaterThan(0);
    await faulty.kill("SIGKILL");
    mac1.port = 0;
    await mac1.start();
    await ledger.delivered(mac1, 60);
    const seen = (await mac2.inbox()).map((item) => item.id);
    expect(new Set(seen).size).toBe(seen.length);
    for (const id of ledger.accepted) expect(seen).toContain(id);
    await expectBalanced(mac1);
  },
  120_000,
);
