// `npm run turbo -- test --filter=@multifleet/core`: one task over some packages, cached; it reports to nobody.
import { checkNode, runPnpm } from "./setup.mjs";

checkNode();
Object.assign(process.env, {
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  TURBO_NO_UPDATE_NOTIFIER: "1",
});
const args = ["exec", "turbo", "run", "--cache=local:rw", ...process.argv.slice(2)];
process.exitCode = (await runPnpm(args, { show: true })).code;
