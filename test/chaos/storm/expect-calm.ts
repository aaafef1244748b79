import { expect } from "vitest";
import { drawSeed } from "./random.js";
import { runStorm, type StormOptions } from "./run-storm.js";
import { summarize } from "./summarize.js";

/**
 * Runs a storm and expects that no promise was broken in it. The seed is drawn, or that of FARM_TEST_SEED, and told
 * before the storm begins.
 */
export async function expectCalmAfter(
  suite: "chaos" | "soak",
  options: Omit<StormOptions, "seed" | "tell">,
): Promise<void> {
  const seed = Number(process.env.FARM_TEST_SEED ?? drawSeed());
  const tell = (line: string) => void process.stderr.write(`storm: ${line}\n`);
  tell(`seed ${seed}; FARM_TEST_SEED=${seed} ./farm test ${suite} replays it`);
  const report = await runStorm({ ...options, seed, tell });
  tell(summarize(report.record));
  const why = `seed ${seed}, logs in ${report.dataDir}`;
  expect(report.violations, why).toEqual([]);
  expect(report.crashes, why).toEqual([]);
}
