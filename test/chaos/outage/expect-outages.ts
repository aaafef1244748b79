import { expect } from "vitest";
import { startTestFarm } from "../../harness/index.js";
import { type OutageKind, sufferOutage } from "./suffer-outage.js";

/** How Redis goes away and for how long. */
export interface Outage {
  readonly kind: OutageKind;
  readonly seconds: number;
}

/** Milliseconds in which the gateway says that it cannot: 2 s, and what a timer is late on cores that are shared. */
const ANSWER_MS_MAX = 2_500;
/** Milliseconds from the return of Redis to each worker's next frame. */
const FETCH_MS_MAX = 15_000;
/** One frame at a time, so that no worker takes what the other is to show that it can take. */
const ENV = { FARM_WORKER_CONCURRENCY: "1", FARM_ENGINE_THREADS: "1" };

/** Lets a farm of two workers go through outages one after the other and expects what is promised of each. */
export async function expectOutages(outages: readonly Outage[]): Promise<void> {
  await using farm = await startTestFarm({ workers: 2, env: ENV });
  for (const outage of outages) {
    const { answers, wrongAnswers, slowestAnswerMs, fetchedAgainMs } = await sufferOutage(farm, outage);
    const what = `${outage.seconds} s ${outage.kind}`;
    const waited = Object.values(fetchedAgainMs);
    process.stderr.write(
      `outage ${what}: ${answers} answers, slowest ${Math.round(slowestAnswerMs)} ms; ` +
        `workers fetch after ${waited.map(Math.round).join(" and ")} ms\n`,
    );
    expect(wrongAnswers, what).toEqual([]);
    expect(slowestAnswerMs, what).toBeLessThan(ANSWER_MS_MAX);
    expect(waited, what).toHaveLength(farm.workers.length);
    for (const ms of waited) expect(ms, what).toBeLessThan(FETCH_MS_MAX);
  }
}
