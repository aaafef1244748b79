import { expect, it } from "vitest";
import { drawSeed } from "./storm/random.js";
import { runStorm } from "./storm/run-storm.js";

/** Every kind of fault once, and some twice. */
const FAULTS = 30;
/** Hundreds of short jobs, whatever the faults do to the rate. */
const JOBS_MIN = 200;
const CLIENTS = 8;
/** The faults take some 2 minutes, the load a little longer, and what is left open then has a minute to settle. */
const TIMEOUT_MS = 360_000;

it(
  "a farm keeps its promises in a storm of faults",
  async () => {
    const seed = Number(process.env.FARM_TEST_SEED ?? drawSeed());
    const tell = (line: string) => void process.stderr.write(`storm: ${line}\n`);
    tell(`seed ${seed}; FARM_TEST_SEED=${seed} ./farm test chaos replays it`);
    const report = await runStorm({
      ...{ seed, faults: FAULTS, jobsMin: JOBS_MIN, clients: CLIENTS, tell },
      counts: { gateway: 2, worker: 2, courier: 0 },
    });
    tell(`${report.record.stories.length} jobs, ${report.record.receipts.length} webhooks`);
    const why = `seed ${seed}, logs in ${report.dataDir}`;
    expect(report.violations, why).toEqual([]);
    expect(report.crashes, why).toEqual([]);
  },
  TIMEOUT_MS,
);
