import { expect, test } from "vitest";
import { foregroundProgram, programOf } from "../../src/superset/program.js";

test("a program is told by its command, and a script by its own name", () => {
  for (const [command, program] of [
    ["claude", "claude"],
    ["/usr/local/bin/claude --resume abc", "claude"],
    ["-zsh", "zsh"],
    ["node /usr/local/bin/gemini", "gemini"],
    ["/usr/bin/node --no-warnings --max-old-space-size=4096 /opt/cursor-agent.js --chat", "cursor-agent"],
    ["node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", "claude"],
    ["node /usr/lib/node_modules/@openai/codex/bin/codex.js", "codex"],
    ["bash /usr/local/bin/claude", "bash"],
    ["vim claude", "vim"],
    ["npm exec claude", "npm"],
  ] as const) {
    expect(programOf(command), command).toBe(program);
  }
});

test("where an option may have a value of its own, what runs is not known", () => {
  for (const command of ["node", "node -r claude x.js", "node --require claude x.js", "node -e 1 claude", ""])
    expect(programOf(command), command).toBeUndefined();
});

const row = (
  pid: number,
  parent: number,
  group: number,
  foreground: number,
  terminal: string,
  command: string,
) => ({
  ...{ pid, parent, group, foreground, terminal, command },
});

test("what is typed goes to the leader of the group in the foreground, whoever started the terminal", () => {
  const all = [
    row(100, 1, 100, -1, "?", "/opt/superset/pty-subprocess"),
    row(101, 100, 101, 105, "pts/3", "-bash"),
    row(103, 101, 103, 105, "pts/3", "claude"),
    row(105, 101, 105, 105, "pts/3", "node /usr/local/bin/codex"),
    row(106, 105, 105, 105, "pts/3", "/opt/codex/codex"),
  ];
  for (const pid of [100, 101]) expect(foregroundProgram(all, pid)).toBe("codex");
});

test("an agent in the background, of another terminal or that is gone has the keys of none", () => {
  const background = [row(101, 1, 101, 101, "pts/3", "bash"), row(103, 101, 103, 101, "pts/3", "claude")];
  expect(foregroundProgram(background, 101)).toBe("bash");
  // Its leader has ended; what is left of the group cannot be told.
  const left = [row(101, 1, 101, 105, "pts/3", "bash"), row(106, 101, 105, 105, "pts/3", "claude")];
  expect(foregroundProgram(left, 101)).toBeUndefined();
  // Two terminals beneath one process: which of them the host means is not known.
  const two = [
    row(100, 1, 100, -1, "?", "host"),
    row(101, 100, 101, 101, "pts/3", "claude"),
    row(102, 100, 102, 102, "pts/4", "bash"),
  ];
  expect(foregroundProgram(two, 100)).toBeUndefined();
  expect(foregroundProgram(two, 999)).toBeUndefined();
});
