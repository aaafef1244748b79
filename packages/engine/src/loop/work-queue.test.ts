import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWorkQueue, OVERTAKEN_WORK_FACTOR, type QueuedWork } from "./work-queue.js";

interface Job extends QueuedWork {
  readonly name: number;
  readonly at: number;
  left: number;
}

/** Jobs of 1 to 50 units that come over time, each with a weight. */
function jobs(weight: fc.Arbitrary<number>): fc.Arbitrary<Job[]> {
  const job = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 40 }), weight);
  return fc.array(job, { minLength: 1, maxLength: 40 }).map((drawn) => {
    let at = 0;
    return drawn.map(([work, gap, own], name) => {
      at += gap;
      return { name, work, weight: own, at, left: work };
    });
  });
}

/** Runs one unit of the first job after the other; when each was done, the time it waited for, and who was before it. */
function simulate(all: readonly Job[], isFifo: boolean) {
  const queue = createWorkQueue<Job>((job) => job.left);
  const waiting = new Set<Job>();
  const done = new Map<number, { readonly at: number; readonly workBefore: number }>();
  const before = new Map<number, number>();
  const pending = all.map((job) => ({ ...job }));
  let now = 0;
  while (done.size < all.length) {
    while (pending[0] !== undefined && pending[0].at <= now) {
      const job = pending.shift();
      if (job === undefined) break;
      before.set(
        job.name,
        [...waiting].reduce((sum, other) => sum + other.left, 0),
      );
      waiting.add(job);
      queue.add(job, job);
    }
    const first = isFifo ? [...waiting][0] : queue.items()[0];
    if (first !== undefined) first.left -= 1;
    now += 1;
    if (first?.left !== 0) continue;
    done.set(first.name, { at: now, workBefore: before.get(first.name) ?? 0 });
    waiting.delete(first);
    queue.remove(first);
  }
  return done;
}

const weightedSum = (all: readonly Job[], done: ReturnType<typeof simulate>) =>
  all.reduce((sum, { name, weight }) => sum + weight * (done.get(name)?.at ?? Number.NaN), 0);

function named(names: readonly [string, number, number?][]): readonly string[] {
  const queue = createWorkQueue<readonly [string, number, number?]>(([, work]) => work);
  for (const item of names) queue.add(item, { work: item[1], weight: item[2] ?? 1 });
  return queue.items().map(([name]) => name);
}

describe("createWorkQueue()", () => {
  test("puts the least work first and keeps the order of equals", () => {
    expect(
      named([
        ["long", 20],
        ["short", 3],
        ["equal", 3],
        ["middle", 5],
      ]),
    ).toEqual(["short", "equal", "middle", "long"]);
  });

  test("lets weight stand against work", () => {
    expect(
      named([
        ["usual", 6],
        ["urgent", 6, 4],
      ]),
    ).toEqual(["urgent", "usual"]);
  });

  test("lets an item be overtaken by as much work as its own, and no more", () => {
    expect(
      named([
        ["long", 8],
        ["a", 4],
        ["b", 4],
      ]),
    ).toEqual(["a", "b", "long"]);
    expect(
      named([
        ["long", 8],
        ["a", 4],
        ["b", 5],
      ]),
    ).toEqual(["a", "long", "b"]);
  });

  test("forgets an item that is removed", () => {
    const queue = createWorkQueue<string>(() => 1);
    queue.add("a", { work: 1, weight: 1 });
    queue.remove("b");
    expect(queue.size).toBe(1);
    queue.remove("a");
    expect(queue.items()).toEqual([]);
  });

  test("never makes the mean wait worse than first come, first served", () => {
    fc.assert(
      fc.property(jobs(fc.constant(1)), (all) => {
        expect(weightedSum(all, simulate(all, false))).toBeLessThanOrEqual(
          weightedSum(all, simulate(all, true)),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("never makes the weighted mean wait worse than first come, first served", () => {
    fc.assert(
      fc.property(jobs(fc.constantFrom(1, 2, 4)), (all) => {
        expect(weightedSum(all, simulate(all, false))).toBeLessThanOrEqual(
          weightedSum(all, simulate(all, true)),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("makes an item wait for no more than the work before it and as much as its own", () => {
    fc.assert(
      fc.property(jobs(fc.constant(1)), (all) => {
        for (const [name, { at, workBefore }] of simulate(all, false)) {
          const job = all[name];
          if (job === undefined) throw new TypeError("an item that was never added is done");
          const bound = job.at + workBefore + (1 + OVERTAKEN_WORK_FACTOR) * job.work;
          expect(at).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 300 },
    );
  });
});
