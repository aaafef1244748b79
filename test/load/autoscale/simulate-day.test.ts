import { type FrameOrder, findRedisServer, ModelledOrder, type TakenFrame } from "@latentfarm/queue/testing";
import { describe, expect, it } from "vitest";
import { SPOT } from "./assumptions.js";
import { makeDay } from "./day-of-load.js";
import { reportDay } from "./day-report.js";
import { makePool, type PolicyOptions } from "./policies.js";
import { backlogSeconds, clairvoyant, type Signal } from "./scaling-signals.js";
import { type DayPlan, type DayRecord, simulateDay } from "./simulate-day.js";
import { isSameRecord, playTwice } from "./witness.js";

/** Two ends a node and hour, half of them without a word. */
const ROUGH = { ...SPOT, endsPerHour: 2, toldShare: 0.5 };

function plan(options: PolicyOptions = {}, changes: Partial<DayPlan> = {}): DayPlan {
  const day = makeDay(3, { hours: [8, 12], largeFrames: 300 });
  return { day, seed: 3, pools: [makePool(options)], isSaving: true, ...changes };
}

const play = (...options: Parameters<typeof plan>) => simulateDay(plan(...options), new ModelledOrder());
const report = (record: DayRecord) => reportDay(record, 0.9);

describe("simulateDay()", () => {
  it("draws every frame once, whatever its nodes do", async () => {
    const { day, drawn, interruptions } = await play({ spot: ROUGH, drainSeconds: 5 });
    const wanted = day.jobs.flatMap(({ id, frames }) =>
      Array.from({ length: frames }, (_, at) => `${id} ${at}`),
    );
    expect(drawn.map(({ job, index }) => `${job.id} ${index}`).sort()).toEqual(wanted.sort());
    expect(interruptions).toBeGreaterThan(5);
  });

  it("draws nothing before the first worker can be there, and no picture faster than a GPU can", async () => {
    const { drawn } = await play({ min: 0 });
    const ends = drawn.map(({ job, ms }) => job.atMs + ms);
    expect(Math.min(...ends)).toBeGreaterThan(115_000);
    const { stepSeconds } = makePool().gpu;
    for (const { job, ms } of drawn)
      expect(ms / 1_000).toBeGreaterThan(job.steps * stepSeconds[job.side] * 0.8);
  });

  it("pays at least for the time in which GPUs drew", async () => {
    const record = await play();
    const { stepSeconds, frameSeconds } = makePool().gpu;
    const alone = record.drawn.reduce(
      (sum, { job }) => sum + job.steps * stepSeconds[job.side] + frameSeconds,
      0,
    );
    // Sharing gains a quarter at most.
    expect(record.gpuHours).toBeGreaterThan(alone / 3_600 / 1.25);
    expect(record.dollars).toBeCloseTo(record.gpuHours * makePool().gpu.spotPerHour, 6);
  });

  it("plays the same day of the same seed, and another of another", async () => {
    const [one, same] = [await play({ spot: ROUGH }), await play({ spot: ROUGH })];
    expect(isSameRecord(one, same)).toBe(true);
    expect(isSameRecord(one, await play({ spot: ROUGH }, { seed: 4 }))).toBe(false);
  });

  it("keeps within the bounds of its replicas", async () => {
    const { samples } = await play({ min: 2, max: 5 });
    expect(samples.every(({ replicas }) => replicas >= 2 && replicas <= 5)).toBe(true);
    expect(samples.some(({ replicas }) => replicas === 5)).toBe(true);
  });

  it("wastes work where frames begin anew, and less where they go on", async () => {
    const rough = { spot: ROUGH, drainSeconds: 5 };
    const losing = report(await play(rough, { isSaving: false }));
    const saving = report(await play(rough));
    expect(saving.wastedShare).toBeLessThan(losing.wastedShare / 4);
    expect(losing.wastedShare).toBeGreaterThan(0.005);
  });

  it("goes on with the workers that it has while Prometheus is away, and falls back where it has fewer", async () => {
    const away = { prometheusAway: [[0, 48 * 3_600_000]] as const };
    expect(report(await play({ fallbackReplicas: 3 }, away)).replicasMax).toBe(3);
    expect(report(await play({ fallbackReplicas: 1 }, away)).replicasMax).toBe(1);
  });

  it("shows a signal that is told in the wrong unit", async () => {
    const inHours: Signal = (view) => (backlogSeconds(view) ?? 0) / 3_600;
    const [right, wrong, best] = [
      report(await play()),
      report(await play({ signal: inHours })),
      report(await play({ signal: clairvoyant, target: 300 })),
    ];
    expect(wrong.onTime).toBeLessThan(right.onTime - 0.2);
    expect(best.onTime).toBeGreaterThanOrEqual(right.onTime - 0.01);
  });
});

const isSkipped = findRedisServer() === undefined && process.env.FARM_TEST_REQUIRED !== "1";

describe.skipIf(isSkipped)("a day on production's scripts", () => {
  const short: Partial<DayPlan> = { day: makeDay(5, { hours: [9, 10], largeFrames: 100 }) };

  it("is the same day, to the picture and the scrape", async () => {
    const witness = await playTwice(
      "test",
      plan({ spot: { ...ROUGH, endsPerHour: 6 }, drainSeconds: 5 }, short),
    );
    expect(witness).toMatchObject({ isSame: true });
    expect(witness.frames).toBeGreaterThan(300);
    expect(witness.interruptions).toBeGreaterThan(5);
  });

  it("is another one when the order is another: a model that loses what was saved", async () => {
    class Forgetful extends ModelledOrder implements FrameOrder {
      override async take(worker: string, nowMs: number): Promise<TakenFrame | undefined> {
        const taken = await super.take(worker, nowMs);
        return taken === undefined ? undefined : { ...taken, saved: 0 };
      }
    }
    const rough = plan({ spot: { ...ROUGH, endsPerHour: 6 }, drainSeconds: 5 }, short);
    const [one, other] = [
      await simulateDay(rough, new ModelledOrder()),
      await simulateDay(rough, new Forgetful()),
    ];
    expect(isSameRecord(one, other)).toBe(false);
  });
});
