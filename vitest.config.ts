import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// One project per kind of suite; `./farm test <suite>` picks by folder. Sources are read through the
// "@latentfarm/source" export condition, so that unit tests need no build.
export default defineConfig({
  resolve: { conditions: ["@latentfarm/source"] },
  ssr: { resolve: { conditions: ["@latentfarm/source"], externalConditions: ["@latentfarm/source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Vitest's own default leaves a core free, which on two is half of them. Suites of one file at a time have one anyway.
    maxWorkers: availableParallelism(),
  },
});
