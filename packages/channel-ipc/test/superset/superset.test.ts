import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findProgram } from "../../../../test/needs.js";
import { superset } from "../../src/superset/index.js";
import { StandInHostService } from "./host-service.js";
import { Pane } from "./pane.js";
import { StandInTerminalHost } from "./terminal-host.js";

const { signal } = new AbortController();
const script = process.platform === "linux" ? findProgram("script") : undefined;
const needs = "(needs script on Linux, for a real terminal)";

/** What stands in for the wait between a paste and Enter, where a test has it. */
const settling = vi.hoisted(() => ({ until: undefined as ((ms: number) => Promise<void>) | undefined }));
vi.mock(import("node:timers/promises"), async (original) => {
  const real = await original();
  const setTimeout = (ms: number, value: unknown, options: object) =>
    settling.until?.(ms) ?? real.setTimeout(ms, value, options);
  return { ...real, setTimeout: setTimeout as typeof real.setTimeout };
});

let home: string;
const ends: AsyncDisposable[] = [];
const keep = <T extends AsyncDisposable>(end: T): T => {
  ends.push(end);
  return end;
};
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), "multifleet-superset-"))));
afterEach(async () => {
  vi.restoreAllMocks();
  settling.until = undefined;
  for (const end of ends.splice(0).toReversed()) await end[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

const openPane = async () => keep(await Pane.open(join(home, "report.sock")));
/** A terminal without anything in it, where it does not come to that. */
const nothing = { pid: 2 ** 22 + 1, write: (keys: string) => void keys };

/** What a terminal of Superset's does is the same by both of its hosts. */
const hosts = {
  "the terminal-host of version 1": {
    at: { host: "v1", id: "pane-1" },
    async start(pane: Pane) {
      const host = keep(await StandInTerminalHost.start(home, { "pane-1": pane }));
      return { submitted: () => host.written.filter((data) => data === "\r").length };
    },
  },
  "the host service of version 2": {
    at: { host: "v2:org-1", id: "term-1" },
    async start(pane: Pane) {
      const service = keep(await StandInHostService.start(home, { "term-1": pane }));
      return { submitted: () => service.asked.filter((line) => line.includes("writeInput")).length };
    },
  },
};

describe.each(Object.entries(hosts))("%s", (_, { at, start }) => {
  test.skipIf(script === undefined)(
    `text is pasted whole into the agent's prompt, and Enter comes after it ${needs}`,
    async () => {
      const pane = await openPane();
      await start(pane);
      await pane.startAgent();
      const terminals = superset({ directory: home, settleMs: 50 });
      expect(await terminals.terminals({ signal })).toMatchObject({
        terminals: [{ ...at, program: "claude", isAgent: true }],
        troubles: [],
      });
      const text = "From mac2: the tests pass 🎉\nSecond line\twith a tab, 汉字";
      await terminals.type(at, text, { signal });
      await pane.gave(`\u001b[200~${text}\u001b[201~\r`);
      expect(pane.given).toBe(`\u001b[200~${text}\u001b[201~\r`);
    },
  );

  test.skipIf(script === undefined)(
    `nothing in a text ends the paste or drives the terminal ${needs}`,
    async () => {
      const pane = await openPane();
      await start(pane);
      await pane.startAgent();
      const terminals = superset({ directory: home, settleMs: 0 });
      await terminals.type(at, "a\u001b[201~\rb\u009b201~\r\nc\u0003\u0004\u007f\u0000d\ud800", { signal });
      const safe = "a␛[201~\nb\ufffd201~\nc␃␄␡␀d\ufffd";
      await pane.gave("\r");
      expect(pane.given).toBe(`\u001b[200~${safe}\u001b[201~\r`);
    },
  );

  test.skipIf(script === undefined)(
    `a shell is typed nothing, before an agent was there and after it ${needs}`,
    async () => {
      const pane = await openPane();
      const { submitted } = await start(pane);
      const write = vi.spyOn(pane, "write");
      const terminals = superset({ directory: home, settleMs: 0 });
      const refused = {
        code: "REFUSED",
        message: expect.stringContaining('is "bash", and text goes to agents alone'),
      };
      await expect(terminals.type(at, "touch it", { signal })).rejects.toMatchObject(refused);
      expect(write).not.toHaveBeenCalled();
      await pane.startAgent();
      await pane.endAgent();
      write.mockClear();
      await expect(terminals.type(at, "touch it", { signal })).rejects.toMatchObject(refused);
      expect(write).not.toHaveBeenCalled();
      expect(submitted()).toBe(0);
      expect(await terminals.terminals({ signal })).toMatchObject({
        terminals: [{ program: "bash", isAgent: false }],
      });
    },
  );

  test.skipIf(script === undefined)(
    `where the agent ends after the paste, Enter is not pressed: a shell would run the text ${needs}`,
    async () => {
      const pane = await openPane();
      const { submitted } = await start(pane);
      await pane.startAgent("SUPERSET_TEST_ENDS=1");
      // However busy this machine is: the wait is over when the agent is.
      settling.until = vi.fn(() => pane.agentEnded());
      const terminals = superset({ directory: home });
      await expect(terminals.type(at, "touch it", { signal })).rejects.toMatchObject({ code: "REFUSED" });
      expect(settling.until).toHaveBeenCalledExactlyOnceWith(500);
      expect(submitted()).toBe(0);
    },
  );
});

describe("the terminal-host of version 1", () => {
  const at = { host: "v1", id: "pane-1" };

  test.skipIf(script === undefined)(
    `two texts at once go one after the other, each with its own Enter ${needs}`,
    async () => {
      const pane = await openPane();
      const host = keep(await StandInTerminalHost.start(home, { "pane-1": pane }));
      await pane.startAgent();
      const terminals = superset({ directory: home, settleMs: 20 });
      const texts = ["one", "two", "three"];
      await Promise.all(texts.map((text) => terminals.type(at, text, { signal })));
      expect(host.written).toEqual(texts.flatMap((text) => [`\u001b[200~${text}\u001b[201~`, "\r"]));
      await host.idle();
    },
  );

  test("a token file that others can read, that is a link or that is missing is not used, and its token is in no error", async () => {
    const host = keep(await StandInTerminalHost.start(home, { "pane-1": nothing }));
    const token = join(home, "terminal-host.token");
    const terminals = superset({ directory: home });
    const troubles = async () => (await terminals.terminals({ signal })).troubles;
    expect(await troubles()).toEqual([]);
    chmodSync(token, 0o644);
    expect(await troubles()).toEqual([expect.stringContaining(`run chmod 600 '${token}'`)]);
    chmodSync(token, 0o600);
    renameSync(token, join(home, "elsewhere"));
    expect(await troubles()).toEqual([expect.stringContaining("holds no token")]);
    symlinkSync(join(home, "elsewhere"), token);
    expect(await troubles()).toEqual([expect.stringContaining("ELOOP")]);
    rmSync(token);
    const wrong = "f".repeat(64);
    writeFileSync(token, wrong, { mode: 0o600 });
    const [said = ""] = await troubles();
    expect(said).toContain("AUTH_FAILED");
    expect(said).not.toContain(wrong);
    expect(said).not.toContain(host.token);
    await expect(terminals.type(at, "hello", { signal })).rejects.toMatchObject({ code: "DENIED" });
  });

  test("a host that is silent, talks nonsense or hangs up is a failure with its reason, and leaves nothing open", async () => {
    const host = keep(await StandInTerminalHost.start(home, { "pane-1": nothing }));
    const terminals = superset({ directory: home });
    for (const [instead, says] of [
      [() => "no json\n", "no JSON"],
      [
        ({ id }: { id: string }) => `{"id":"${id}","ok":true,"payload":{"sessions":7}}\n`,
        "lists no sessions",
      ],
      [() => `"${"x".repeat(5_000_000)}`, "a line without end"],
    ] as const) {
      host.instead = instead;
      const { troubles } = await terminals.terminals({ signal });
      expect(troubles).toEqual([expect.stringContaining(says)]);
    }
    for (const silence of ["", "[1]\nnull\n"]) {
      host.instead = () => silence;
      const { troubles } = await superset({ directory: home, timeoutMs: 50 }).terminals({ signal });
      expect(troubles).toEqual([expect.stringContaining("did not answer within 50 ms")]);
    }
    host.instead = () => {
      for (const socket of host.sockets) socket.destroy();
      return "";
    };
    expect((await terminals.terminals({ signal })).troubles).toHaveLength(1);
    const abort = new AbortController();
    host.instead = () => {
      abort.abort();
      return "";
    };
    await expect(terminals.type(at, "hello", abort)).rejects.toMatchObject({ code: "ABORTED" });
    await host.idle();
  });

  test("a terminal that is not there, or whose process is gone, is typed nothing", async () => {
    const host = keep(await StandInTerminalHost.start(home, { "pane-1": nothing }));
    const terminals = superset({ directory: home });
    await expect(terminals.type(at, "hello", { signal })).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("cannot be told"),
    });
    const type = terminals.type({ host: "v1", id: "pane-2" }, "hello", { signal });
    await expect(type).rejects.toMatchObject({ code: "UNREACHABLE" });
    const other = terminals.type({ host: "v2:org-9", id: "pane-1" }, "hello", { signal });
    await expect(other).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(host.written).toEqual([]);
  });
});

describe("the host service of version 2", () => {
  test("a manifest that points off this machine's loopback, is old or is not private is not followed", async () => {
    const service = keep(await StandInHostService.start(home, { "term-1": nothing }));
    const terminals = superset({ directory: home });
    const troubles = async () => (await terminals.terminals({ signal })).troubles;
    const { port } = service;
    for (const endpoint of [`http://localhost:${port}`, `http://127.0.0.1:${port}/`]) {
      service.announce({ endpoint });
      expect(await troubles(), endpoint).toEqual([]);
    }
    service.asked.length = 0;
    for (const endpoint of [
      ...[
        `https://127.0.0.1:${port}`,
        `http://192.0.2.7:${port}`,
        "http://superset.example",
        "file:///etc/passwd",
        7,
      ],
      ...[
        `http://user:word@127.0.0.1:${port}`,
        `http://127.0.0.1.example:${port}`,
        `http://0.0.0.0:${port}`,
        "",
      ],
    ]) {
      service.announce({ endpoint });
      expect(await troubles(), String(endpoint)).toEqual([
        expect.stringContaining("not on this machine's loopback"),
      ]);
    }
    service.announce({ pid: nothing.pid });
    expect(await troubles()).toEqual([expect.stringContaining("does not run any more")]);
    service.announce({ authToken: "a token\r\nx-other: header" });
    expect(await troubles()).toEqual([expect.stringContaining("holds no token")]);
    service.announce({});
    chmodSync(service.manifest, 0o640);
    expect(await troubles()).toEqual([expect.stringContaining("chmod 600")]);
    expect(service.asked).toEqual([]);
  });

  test("a token that is refused is told, and is in no error", async () => {
    const service = keep(await StandInHostService.start(home, { "term-1": nothing }));
    service.announce({ authToken: "another-token-entirely" });
    const { troubles } = await superset({ directory: home }).terminals({ signal });
    expect(troubles).toEqual([expect.stringContaining("401: UNAUTHORIZED")]);
    expect(troubles.join()).not.toContain("another-token-entirely");
  });

  test("what a host says of itself reaches nobody's terminal as it is", async () => {
    keep(await StandInHostService.start(home, { "term-1": nothing }));
    const { terminals } = await superset({ directory: home }).terminals({ signal });
    expect(terminals).toEqual([
      {
        host: "v2:org-1",
        id: "term-1",
        workspace: "ws-1",
        title: "main [31m",
        program: undefined,
        isAgent: false,
      },
    ]);
  });

  test("both hosts are asked, and one that fails does not hide the other", async () => {
    keep(await StandInHostService.start(home, { "term-1": nothing }));
    keep(await StandInTerminalHost.start(home, { "pane-1": nothing }));
    chmodSync(join(home, "terminal-host.token"), 0o666);
    const { terminals, troubles } = await superset({ directory: home }).terminals({ signal });
    expect(terminals).toMatchObject([{ host: "v2:org-1" }]);
    expect(troubles).toHaveLength(1);
  });
});

test("where there is no Superset that is said", async () => {
  await expect(superset({ directory: home }).terminals({ signal })).rejects.toMatchObject({
    code: "UNREACHABLE",
    message: expect.stringContaining(home),
  });
});

test("text that is empty, too long, or that an agent takes for a command is not typed", async () => {
  const host = keep(await StandInTerminalHost.start(home, { "pane-1": nothing }));
  const terminals = superset({ directory: home, maxBytes: 20 });
  for (const text of ["", " \n", "/quit", "  !rm -rf .", "#note", "\n@file", "$HOME"]) {
    const typing = terminals.type({ host: "v1", id: "pane-1" }, text, { signal });
    const message = expect.stringMatching(/there is no text|may be a command to the agent/);
    await expect(typing, text).rejects.toMatchObject({ code: "REFUSED", message });
  }
  const typing = terminals.type({ host: "v1", id: "pane-1" }, "é".repeat(11), { signal });
  await expect(typing).rejects.toMatchObject({ code: "TOO_LARGE" });
  expect(host.written).toEqual([]);
});

test("options that cannot work are named with what is allowed, and a shell is no agent", () => {
  for (const [options, says] of [
    [{ agents: ["bash"] }, 'agents is ["bash"], and must be a list of command names'],
    [{ agents: ["node"] }, "none of them a shell or an interpreter"],
    [{ agents: ["my agent"] }, "agents is"],
    [{ directory: "superset" }, 'directory is "superset", and must be an absolute path'],
    [{ settleMs: -1 }, "settleMs is -1, and must be a whole number from 0 to 10000"],
    [{ settle: 1 }, 'there is no option "settle"; there are directory, agents'],
  ] as const) {
    expect(() => superset(options as object), JSON.stringify(options)).toThrow(says);
  }
  expect(superset({ agents: ["aider"] })).toBeDefined();
});
