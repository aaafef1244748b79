import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLearnedCaps } from "../batch-caps/learned-caps.js";
import { callCost, turnWaitMax } from "./class-turns.js";
import type { FrameRun } from "./frame-run.js";
import { fixedCaps, type RowCaps } from "./row-caps.js";
import { createStepBatcher } from "./step-batcher.js";
import { fakeRun } from "./testing/fake-run.js";

/** A frame that comes to a simulated farm. */
interface Arrival {
  readonly at: number;
  readonly steps: number;
}

/** Milliseconds of a call by its rows. */
type CallMs = (rows: number) => number;

/** The mean time from arrival to last step, drawn by the real batcher on a simulated device. */
async function meanShared(arrivals: readonly Arrival[], callMs: CallMs, caps: RowCaps): Promise<number> {
  let now = 0;
  const batcher = createStepBatcher(
    async ({ rows }) => {
      now += callMs(rows.length);
      return rows.map(({ latent }) => new Float32Array(latent.length));
    },
    { caps, now: () => now },
  );
  const waiting = [...arrivals];
  const inFlight = new Map<FrameRun, Arrival>();
  let total = 0;
  while (waiting.length > 0 || inFlight.size > 0) {
    if (inFlight.size === 0) now = Math.max(now, waiting[0]?.at ?? 0);
    while (waiting[0] !== undefined && waiting[0].at <= now) {
      const arrival = waiting.shift();
      if (arrival === undefined) break;
      const run = fakeRun({ steps: arrival.steps, size: 2, guided: false });
      inFlight.set(run, arrival);
      batcher.add(run);
    }
    await batcher.runNext();
    for (const [run, arrival] of inFlight) {
      if (run.state !== "stepped") continue;
      inFlight.delete(run);
      total += now - arrival.at;
    }
  }
  return total / arrivals.length;
}

/** The mean time when each frame runs alone to its end, first come, first served. */
function meanFifo(arrivals: readonly Arrival[], callMs: CallMs): number {
  let now = 0;
  let total = 0;
  for (const { at, steps } of arrivals) {
    now = Math.max(now, at) + steps * callMs(1);
    total += now - at;
  }
  return total / arrivals.length;
}

const arrival = fc.record({ steps: fc.integer({ min: 1, max: 30 }), gap: fc.integer({ min: 0, max: 150 }) });

function inTime(drawn: readonly { readonly steps: number; readonly gap: number }[]): Arrival[] {
  let at = 0;
  return drawn.map(({ steps, gap }) => {
    at += gap;
    return { at, steps };
  });
}

const NO_GAIN: CallMs = (rows) => 10 * rows;

describe("createStepBatcher() in time", () => {
  test("never makes the mean wait worse than first come, first served, when sharing gains nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { minLength: 1, maxLength: 12 }), async (drawn) => {
        const arrivals = inTime(drawn);
        const mean = await meanShared(arrivals, NO_GAIN, fixedCaps(1));
        expect(mean).toBeLessThanOrEqual(meanFifo(arrivals, NO_GAIN) + 1e-6);
      }),
      { numRuns: 60 },
    );
  });

  // Rows per second with 2 rows over 1: from what is hardly a gain to what is published for 512 x 512.
  test.each([
    ["nothing", 1, 1.03],
    ["a little", 1.1, 1],
    ["some", 1.4, 0.95],
    ["much", 1.8, 0.75],
  ])(
    "learns to draw sooner than first come, first served, when sharing gains %s",
    async (_, gain, ratioMax) => {
      const callMs: CallMs = (rows) => 10 * (rows / gain ** Math.log2(rows));
      const histories = fc.sample(fc.array(arrival, { minLength: 40, maxLength: 40 }), {
        numRuns: 6,
        seed: 7,
      });
      let shared = 0;
      let fifo = 0;
      for (const drawn of histories) {
        shared += await meanShared(inTime(drawn), callMs, createLearnedCaps({ rowsMax: 16 }));
        fifo += meanFifo(inTime(drawn), callMs);
      }
      expect(shared / fifo).toBeLessThan(ratioMax);
    },
  );

  test("serves each class within the bound of the classes, for random frames, weights and caps", async () => {
    const frame = fc.record({
      at: fc.integer({ min: 0, max: 30 }),
      steps: fc.integer({ min: 1, max: 6 }),
      size: fc.constantFrom(2, 24, 48),
      guided: fc.boolean(),
      weight: fc.constantFrom(0.25, 1, 4),
    });
    const frames = fc.array(frame, { minLength: 1, maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(frames, fc.integer({ min: 1, max: 8 }), async (drawn, rowsMax) => {
        /** Cost of other classes' calls since a class was served or came to have a call. */
        const waited = new Map<number, number>();
        const costMax = (size: number) => callCost(Math.max(2, rowsMax), size ** 2 / 4);
        const classes = [...new Set(drawn.map(({ size }) => size))];
        const batcher = createStepBatcher(
          async ({ rows, height }) => {
            const cost = callCost(rows.length, height ** 2 / 4);
            waited.set(height, 0);
            for (const [size, spent] of waited) if (size !== height) waited.set(size, spent + cost);
            return rows.map(({ latent }) => new Float32Array(latent.length));
          },
          { caps: fixedCaps(rowsMax), now: () => 0 },
        );
        const inFlight = new Map<FrameRun, number>();
        for (let turn = 0; turn <= 30 || batcher.size > 0; turn += 1) {
          for (const { at, weight, ...fields } of drawn.filter((one) => one.at === turn)) {
            const run = fakeRun(fields);
            inFlight.set(run, fields.size);
            batcher.add(run, { weight });
          }
          for (const size of inFlight.values()) if (!waited.has(size)) waited.set(size, 0);
          await batcher.runNext();
          for (const run of inFlight.keys()) if (run.state !== "stepping") inFlight.delete(run);
          for (const size of [...waited.keys()]) {
            if (![...inFlight.values()].includes(size)) waited.delete(size);
          }
          for (const [size, spent] of waited) {
            const others = classes.filter((other) => other !== size);
            const bound = turnWaitMax({
              cost: costMax(size),
              weight: 0.25,
              otherCosts: others.reduce((sum, other) => sum + costMax(other), 0),
              otherWeights: 4 * others.length,
            });
            expect(spent).toBeLessThanOrEqual(bound);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
