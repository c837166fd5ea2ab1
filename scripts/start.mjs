// `npm start [-- --once]`: sets everything up and runs the demo.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { checkNode, root, setUp } from "./setup.mjs";

checkNode();
if (!(await setUp())) process.exit(1);

const program = join(root, "packages/cli/bin/multifleet.js");
const child = spawn(process.execPath, [program, "demo", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
  process.on(signal, () => {
    // The terminal has sent Ctrl-C to the demo as well; a second one would mean "at once".
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
child.on("error", (error) => {
  console.error(`The demo could not be started: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
