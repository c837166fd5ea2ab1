// `npm run bench [-- --rounds 5 --json]`: sets everything up, then measures on this machine.
import { join } from "node:path";
import { checkNode, root, run, setUp } from "./setup.mjs";

checkNode();
if (!(await setUp())) process.exit(1);
const { code } = await run(process.execPath, [join(root, "bench/run.mjs"), ...process.argv.slice(2)], {
  show: true,
});
process.exitCode = code;
