import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { machineId } from "../src/machine.js";

test("a machine is 16 hexadecimal digits, the same at every call", () => {
  expect(machineId()).toMatch(/^[0-9a-f]{16}$/);
  expect(machineId()).toBe(machineId());
});

test("another process of the same user gives this machine the same name", () => {
  const built = new URL("../dist/machine.js", import.meta.url);
  const code = `import(${JSON.stringify(built.href)}).then(({ machineId }) => process.stdout.write(machineId()))`;
  const elsewhere = execFileSync(process.execPath, ["-e", code], { cwd: fileURLToPath(new URL("/", built)) });
  expect(elsewhere.toString()).toBe(machineId());
});
