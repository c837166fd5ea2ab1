// `npm run pnpm -- add zod`: the one pnpm that this project uses, with its store where the set-up keeps it.
import { checkNode, runPnpm } from "./setup.mjs";

checkNode();
process.exitCode = (await runPnpm(process.argv.slice(2), { show: true })).code;
