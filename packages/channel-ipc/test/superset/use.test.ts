import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { StandInTerminalHost } from "./terminal-host.js";

const directory = mkdtempSync(join(tmpdir(), "multifleet-superset-"));
// A pane whose process has ended.
const host = await StandInTerminalHost.start(directory, {
  "pane-1": { pid: 2 ** 22 + 1, write: () => undefined },
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

// #region use
import { superset } from "@multifleet/channel-ipc/superset";

const { signal } = new AbortController();
const terminals = superset({ directory });
const found = await terminals.terminals({ signal }); // { terminals: [{ id: "pane-1", program: "claude", isAgent: true, ... }], troubles: [] }
for (const terminal of found.terminals.filter(({ isAgent }) => isAgent)) {
  await terminals.type(terminal, "From mac2: the tests pass.", { signal });
}
// #endregion use

test("the README's example runs, and types nothing where no agent is", () => {
  expect(found.terminals).toMatchObject([{ id: "pane-1", isAgent: false }]);
  expect(host.written).toEqual([]);
});
