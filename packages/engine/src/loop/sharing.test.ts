import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLearnedCaps } from "../batch-caps/learned-caps.js";
import { type ClassClaim, type ClassTurns, callCost, createClassTurns, turnWaitMax } from "./class-turns.js";
import type { FrameRun } from "./frame-run.js";
import { fixedCaps, type RowCaps } from "./row-caps.js";
import { createStepBatcher } from "./step-batcher.js";
import { type FakeFrame, fakeRun } from "./testing/fake-run.js";
import { watchWaits } from "./testing/watch-waits.js";

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

/** Frames of random classes, each coming before the turn `at`. */
interface History {
  readonly frames: readonly (FakeFrame & {
    readonly at: number;
    readonly size: number;
    readonly weight: number;
  })[];
  readonly rowsMax: number;
}

/** The longest wait of a class for its turn over its bound, both of what was really there. */
async function longestWait({ frames, rowsMax }: History, turns: ClassTurns): Promise<number> {
  const waits = watchWaits();
  const batcher = createStepBatcher(
    async ({ rows, height }) => {
      waits.serve(`${height}`, callCost(rows.length, height ** 2 / 4));
      return rows.map(({ latent }) => new Float32Array(latent.length));
    },
    { caps: fixedCaps(rowsMax), now: () => 0, turns },
  );
  const inFlight = new Map<FrameRun, number>();
  const lastTurn = Math.max(...frames.map(({ at }) => at));
  let longest = 0;
  for (let turn = 0; turn <= lastTurn || batcher.size > 0; turn += 1) {
    for (const { at, weight, ...fields } of frames) {
      if (at !== turn) continue;
      const run = fakeRun(fields);
      inFlight.set(run, weight);
      batcher.add(run, { weight });
    }
    for (const run of inFlight.keys()) if (run.state !== "stepping") inFlight.delete(run);
    waits.see(claimsOf(inFlight, rowsMax));
    await batcher.runNext();
    for (const wait of waits.all()) longest = Math.max(longest, wait.spent / turnWaitMax(wait));
  }
  return longest;
}

/** What the classes of some frames ask for: a call with as many rows as wait, up to the cap or one frame. */
function claimsOf(inFlight: ReadonlyMap<FrameRun, number>, rowsMax: number): ClassClaim[] {
  const sizes = [...new Set([...inFlight.keys()].map(({ height }) => height))];
  return sizes.map((size) => {
    const runs = [...inFlight].filter(([run]) => run.height === size);
    const counts = runs.map(([run]) => run.pendingRows().length);
    const rows = Math.min(
      counts.reduce((sum, count) => sum + count, 0),
      Math.max(rowsMax, ...counts),
    );
    const weight = Math.max(...runs.map(([, own]) => own));
    return { key: `${size}`, cost: callCost(rows, size ** 2 / 4), weight };
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

  describe("with random frames, weights and caps", () => {
    const frame = fc.record({
      at: fc.integer({ min: 0, max: 60 }),
      steps: fc.integer({ min: 1, max: 20 }),
      size: fc.constantFrom(2, 24, 48),
      guided: fc.boolean(),
      weight: fc.constantFrom(0.25, 1, 4),
    });
    const history = fc.record({
      frames: fc.array(frame, { minLength: 1, maxLength: 24 }),
      rowsMax: fc.integer({ min: 1, max: 8 }),
    });

    test("serves each class within the bound of the classes", async () => {
      await fc.assert(
        fc.asyncProperty(history, async (drawn) => {
          expect(await longestWait(drawn, createClassTurns())).toBeLessThanOrEqual(1 + 1e-9);
        }),
        { numRuns: 40, seed: 3 },
      );
    });

    test("would find out a choice that starves: always the class that came first", async () => {
      const starving: ClassTurns = { next: ([first]) => first?.key };
      const waits: number[] = [];
      for (const drawn of fc.sample(history, { numRuns: 15, seed: 3 })) {
        waits.push(await longestWait(drawn, starving));
      }
      expect(waits.filter((wait) => wait > 1).length).toBeGreaterThan(5);
    });
  });
});
