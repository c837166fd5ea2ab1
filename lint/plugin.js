import { noPolling } from "./no-polling.js";
import { noSilentCatch } from "./no-silent-catch.js";

/** Multi-Fleet's own lint rules, loaded by oxlint through `.oxlintrc.json`. */
export default {
  meta: { name: "multifleet" },
  rules: { "no-silent-catch": noSilentCatch, "no-polling": noPolling },
};
