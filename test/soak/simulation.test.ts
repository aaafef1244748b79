import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SEEDS = 20_000;
/** Some 15 ms a seed on two quiet cores, and four times that beside others. */
const TIMEOUT_MS = 1_500_000;

/** The environment without what the runner of this test tells its own workers, and without a storm's seed. */
function freshEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("VITEST") && name !== "FARM_TEST_SEED",
  );
  return { ...Object.fromEntries(own), FARM_TEST_SEEDS: String(SEEDS) };
}

it(
  `the state machine of jobs keeps its promises in ${SEEDS} simulated seeds`,
  async () => {
    const folder = "packages/queue/src/testing/simulation";
    const child = spawn("npx", ["vitest", "run", folder, "-t", "keeps every promise"], {
      cwd: ROOT,
      env: freshEnvironment(),
      stdio: "inherit",
    });
    const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
    expect(status).toBe(0);
  },
  TIMEOUT_MS,
);
