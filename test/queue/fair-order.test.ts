import type { Priority } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { freshModel, startQueueRedis } from "./farm-fixture.js";
import {
  jobOf,
  largestDeparture,
  setWeight,
  submitAll,
  type TakenFrame,
  takeFrames,
  whileBacklogged,
  workBy,
} from "./order-run.js";

/** Frames that lie ready for a fleet that has not announced itself (`WINDOW_MIN`); those are no longer reordered. */
const WINDOW = 4;

/**
 * Frames by which one of two equal tenants may lead in what was taken: one in the order of release, and whatever lies
 * ready, or is being taken, may be the other's.
 */
const LEAD_MAX = 1 + WINDOW + 1;

/**
 * Frames that may be taken before a new tenant's first one: those that lie ready as it comes, and as many while it is put
 * in their place, for which the stand-in engine gives no time.
 */
const FIRST_WAIT_MAX = 2 * WINDOW;

const tenantOf = (frame: TakenFrame) => frame.tenant;

let redis: RedisServer & AsyncDisposable;
let farm: Farm;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
});

afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe("the order between tenants", () => {
  it.each([
    { concurrency: 1, size: 1, window: 500 },
    { concurrency: 8, size: 2, window: 600 },
  ])("is by weight within 5% of any window of $window frames, $concurrency at once", async (run) => {
    const model = freshModel();
    const weights = new Map([
      [`one-${run.size}`, 1],
      [`two-${run.size}`, 2],
      [`five-${run.size}`, 5],
      [`half-${run.size}`, 0.5],
    ]);
    const [one = "", two = "", five = "", half = ""] = [...weights.keys()];
    for (const [tenant, weight] of weights) await setWeight(farm, tenant, weight);
    // Sizes of jobs, costs of frames and priorities differ; the work is in proportion to the weights.
    await submitAll(farm, model, [
      { tenant: half, jobs: 1, params: { num_images: 200 * run.size, steps: 1 } },
      { tenant: one, jobs: 25, params: { num_images: 2 * run.size, steps: 4, priority: "low" } },
      { tenant: one, jobs: 25, params: { num_images: 2 * run.size, steps: 4, priority: "high" } },
      { tenant: two, jobs: 20, params: { num_images: 20 * run.size, steps: 2 } },
      { tenant: five, jobs: 5, params: { num_images: 50 * run.size, steps: 2, width: 128, height: 128 } },
    ]);
    const frames = 950 * run.size;
    const taken = await takeFrames(farm, { model, frames, concurrency: run.concurrency });
    const backlogged = whileBacklogged(taken, tenantOf);
    expect(backlogged.length).toBeGreaterThan(0.9 * frames);
    const departure = largestDeparture(backlogged, tenantOf, { weights, window: run.window, stride: 20 });
    expect(departure).toBeLessThan(0.05);
  });

  it("is that of release, also while frames are on their way to where they lie ready", async () => {
    const model = freshModel();
    await submitAll(farm, model, [{ tenant: "single", jobs: 1, params: { num_images: 150 } }]);
    const taken = await takeFrames(farm, { model, frames: 150, concurrency: 1 });
    expect(taken.map(({ index }) => index)).toEqual(taken.map((_frame, at) => at));
  });

  it("alternates between equal tenants with equal jobs", async () => {
    const model = freshModel();
    await submitAll(farm, model, [
      { tenant: "left", jobs: 10, params: { num_images: 10 } },
      { tenant: "right", jobs: 50, params: { num_images: 2 } },
    ]);
    const taken = await takeFrames(farm, { model, frames: 190, concurrency: 1 });
    expect(Math.max(...leadsOf(taken, "left", "right").map(Math.abs))).toBeLessThanOrEqual(LEAD_MAX);
  });

  it.each([
    { name: "a small frame", params: { steps: 1 } },
    { name: "a frame a hundred times as costly", params: { steps: 100, width: 128, height: 128 } },
  ])("takes $name of a new tenant before anyone's backlog", async ({ params }) => {
    const model = freshModel();
    await submitAll(farm, model, [
      { tenant: "busy", jobs: 1, params: { num_images: 400 } },
      { tenant: "busier", jobs: 100, params: { num_images: 4 } },
    ]);
    const came = new Map<string, number>();
    const taken = await takeFrames(farm, {
      model,
      frames: 200,
      concurrency: 1,
      onFrame: async ({ tenant }, at) => {
        if (at % 20 !== 10 || !tenant.startsWith("bus")) return;
        const name = `new-${freshModel().slice("model:".length)}`;
        came.set(name, at);
        await farm.submit(jobOf(model, name, params));
      },
    });
    const waits = [...came].map(([name, at]) => taken.findIndex(({ tenant }) => tenant === name) - at);
    expect(waits.length).toBeGreaterThan(5);
    expect(Math.min(...waits)).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(FIRST_WAIT_MAX);
  });

  it("gives no credit for idle time", async () => {
    const model = freshModel();
    await submitAll(farm, model, [
      { tenant: "idle", jobs: 1, params: {} },
      { tenant: "steady", jobs: 1, params: { num_images: 400 } },
    ]);
    const taken = await takeFrames(farm, {
      model,
      frames: 350,
      concurrency: 1,
      onFrame: async (_frame, at) => {
        if (at === 200) await farm.submit(jobOf(model, "idle", { num_images: 200 }));
      },
    });
    const leads = leadsOf(taken.slice(201), "idle", "steady");
    expect(Math.max(...leads.map(Math.abs))).toBeLessThanOrEqual(LEAD_MAX);
  });

  it("gives a tenant that comes and goes no more than its share", async () => {
    const model = freshModel();
    await submitAll(farm, model, [
      { tenant: "honest", jobs: 4, params: { num_images: 100 } },
      { tenant: "hopper", jobs: 4, params: {} },
    ]);
    const taken = await takeFrames(farm, {
      model,
      frames: 250,
      concurrency: 1,
      // Comes with a few frames each time when the last ones are gone, dear and cheap ones by turns.
      onFrame: async ({ tenant }, at) => {
        if (tenant !== "hopper" || at % 3 > 0) return;
        await farm.submit(jobOf(model, "hopper", { num_images: 3, steps: at % 2 === 0 ? 8 : 1 }));
      },
    });
    const work = workBy(taken, tenantOf);
    const [hopper, honest] = [work.get("hopper") ?? 0, work.get("honest") ?? 0];
    const dearest = Math.max(...taken.map(({ cost }) => cost));
    expect(hopper).toBeGreaterThan(0);
    expect(hopper).toBeLessThanOrEqual(honest + LEAD_MAX * dearest);
  });
});

describe("the order between a tenant's classes", () => {
  it("is 4 : 2 : 1, and takes nothing from other tenants", async () => {
    const model = freshModel();
    await submitAll(farm, model, [
      { tenant: "classy", jobs: 10, params: { num_images: 40, priority: "high" } },
      { tenant: "classy", jobs: 10, params: { num_images: 20, priority: "normal" } },
      { tenant: "classy", jobs: 10, params: { num_images: 10, priority: "low" } },
      { tenant: "plain", jobs: 10, params: { num_images: 70, priority: "low" } },
    ]);
    const taken = await takeFrames(farm, { model, frames: 1_000, concurrency: 4 });
    const tenants = new Map([
      ["classy", 1],
      ["plain", 1],
    ]);
    const between = largestDeparture(taken, tenantOf, { weights: tenants, window: 200, stride: 20 });
    const own = taken.filter(({ tenant }) => tenant === "classy");
    const weights = new Map<Priority, number>([
      ["high", 4],
      ["normal", 2],
      ["low", 1],
    ]);
    const within = largestDeparture(own, ({ priority }) => priority, { weights, window: 210, stride: 10 });
    expect(between).toBeLessThan(0.05);
    expect(within).toBeLessThan(0.05);
  });
});

/** How many more frames the one had than the other, after each frame. */
function leadsOf(taken: readonly TakenFrame[], one: string, other: string): number[] {
  let lead = 0;
  return taken.map(({ tenant }) => {
    if (tenant === one) lead++;
    if (tenant === other) lead--;
    return lead;
  });
}
