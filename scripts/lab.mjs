// `npm run lab [-- F7 --full --list]`, as root on Linux: sets everything up, then runs several hosts on this machine and injects faults.
import { join } from "node:path";
import { checkNode, root, run, setUp } from "./setup.mjs";

checkNode();
if (!(await setUp())) process.exit(1);
const { code } = await run(process.execPath, [join(root, "lab/run.mjs"), ...process.argv.slice(2)], {
  show: true,
});
process.exitCode = code;
