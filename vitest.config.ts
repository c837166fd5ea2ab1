import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run our packages from their TypeScript source; processes that a test spawns run the built dist/.
// Behind our own condition stand Vite's defaults for code that runs on a server.
const conditions = ["@multifleet/source", "module", "node", "development|production"];

/** The files that take minutes are begun first: at the end they would run alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's own method, not an array's
    const rest = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => moduleId.endsWith("-killed.test.ts");
    return [...rest.filter(isLong), ...rest.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "lint/test/**/*.test.ts"],
    // Processes, not threads: a native store may take its process down, and a leaked handle shows.
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // A test that passes at the second try has found a race.
    retry: 0,
    allowOnly: false,
    sequence: { sequencer: LongestFirst },
  },
});
