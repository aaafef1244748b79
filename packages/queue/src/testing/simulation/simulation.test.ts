import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findRedisServer, type PrivateRedis, startPrivateRedis } from "./private-redis.js";
import { type SeedReport, type SimulationContext, simulateSeed } from "./simulate-seed.js";
import { ATTEMPT_BUGS, JOB_BUGS, ORDER_BUGS } from "./text-bugs.js";
import { type LoadedScripts, loadScripts } from "./virtual-scripts.js";
import { ACTOR_BUGS, type ActorBug } from "./world.js";

/**
 * Seeds of a whole run: 16 ms of processor time each, which 120 calls of Redis take besides; some 45 s on a quiet machine,
 * measured 215 s beside a load of 8. `FARM_TEST_SEEDS` asks for more, as test/soak does.
 */
const SEEDS = Number(process.env.FARM_TEST_SEEDS ?? 3_000);

/** Seeds within which every deliberate bug shows itself. */
const SEEDS_PER_BUG = 400;

/** Seeds that are played side by side, so that Redis is never idle. */
const LANES = 48;

/** As above for a bug, which shows itself soon: the seeds beside the one that finds it are in vain. */
const LANES_PER_BUG = 8;

/** Milliseconds for all seeds: some ten times what they take on two cores. */
const TIMEOUT_MS = 1_800_000;

/** Played alone, with all that happens in it printed. */
const REPLAYED = process.env.FARM_TEST_SEED === undefined ? undefined : Number(process.env.FARM_TEST_SEED);

const server = findRedisServer();
if (server === undefined && process.env.FARM_TEST_REQUIRED === "1") {
  throw new Error("Cannot simulate the queue: no Redis server is on the path");
}

let held: PrivateRedis | undefined;
let context: SimulationContext | undefined;

beforeAll(async () => {
  if (server === undefined) return;
  held = await startPrivateRedis(server);
  context = { redis: held.redis, scripts: await loadScripts(held.redis) };
});
afterAll(async () => held?.[Symbol.asyncDispose]());

function ready(): SimulationContext {
  if (context === undefined) throw new Error("Cannot simulate without a Redis");
  return context;
}

/** Plays seeds side by side until one is bad; gives that one. */
async function play(
  context: SimulationContext,
  { from = 1, count, lanes }: { readonly from?: number; readonly count: number; readonly lanes: number },
): Promise<SeedReport | undefined> {
  const ending = new AbortController();
  const bad: SeedReport[] = [];
  let next = from;
  const lane = async () => {
    while (next < from + count && bad.length === 0) {
      const report = await simulateSeed({ ...context, signal: ending.signal }, next++);
      if (report.problem === undefined) continue;
      bad.push(report);
      ending.abort();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return bad[0];
}

function describeReport({ seed, problem, trace }: SeedReport): string {
  return [...trace, `seed ${seed}: ${problem ?? "all is well"}`, `replay with FARM_TEST_SEED=${seed}`].join(
    "\n",
  );
}

async function findBug(
  scripts: LoadedScripts,
  { bug, from = 1 }: { readonly bug?: ActorBug; readonly from?: number | undefined },
): Promise<string | undefined> {
  const { redis } = ready();
  const context = { redis, scripts, ...(bug === undefined ? {} : { bug }) };
  return (await play(context, { from, count: SEEDS_PER_BUG, lanes: LANES_PER_BUG }))?.problem;
}

describe.skipIf(server === undefined)("the simulation of jobs", () => {
  test.runIf(REPLAYED !== undefined)("replays one seed", { timeout: TIMEOUT_MS }, async () => {
    const report = await simulateSeed({ ...ready(), keepsTrace: true }, REPLAYED ?? 0);
    process.stdout.write(`${describeReport(report)}\n`);
    expect(report.problem).toBeUndefined();
  });

  test("plays the same seed the same way", async () => {
    for (const seed of [3, 14, 16]) {
      const once = await simulateSeed({ ...ready(), keepsTrace: true }, seed);
      const again = await simulateSeed({ ...ready(), keepsTrace: true }, seed);
      expect(again).toEqual(once);
      expect(once.trace.length).toBeGreaterThan(20);
    }
  });

  test.runIf(REPLAYED === undefined)(
    `keeps every promise in ${SEEDS} seeds`,
    { timeout: TIMEOUT_MS },
    async () => {
      const bad = await play(ready(), { count: SEEDS, lanes: LANES });
      expect(bad && describeReport(bad)).toBeUndefined();
    },
  );

  const textBugs = Object.entries({ ...ATTEMPT_BUGS, ...JOB_BUGS, ...ORDER_BUGS });
  test.runIf(REPLAYED === undefined).each(textBugs)(
    "catches: %s",
    { timeout: TIMEOUT_MS },
    async (_, bug) => {
      expect(await findBug(await loadScripts(ready().redis, [bug]), { from: bug.from })).toBeDefined();
    },
  );

  test.runIf(REPLAYED === undefined).each(Object.entries(ACTOR_BUGS))(
    "catches in %s",
    { timeout: TIMEOUT_MS },
    async (_, bug) => {
      expect(await findBug(ready().scripts, { bug })).toBeDefined();
    },
  );
});
