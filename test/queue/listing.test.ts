import { isJobId, type JobId, type JobRecord } from "@latentfarm/contract";
import { connectQueue, type Farm, type JobQuery } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { freshModel, startQueueRedis } from "./farm-fixture.js";
import { Gate } from "./gate.js";
import { jobOf } from "./order-run.js";

/** Ended jobs, by the time of their end. */
const ENDED_KEY = "{latentfarm}:ended";

let redis: RedisServer & AsyncDisposable;
let farm: Farm;
let inspector: Redis;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
  inspector = new Redis(redis.url);
});

afterAll(async () => {
  inspector.disconnect();
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function freshTenant(): string {
  return `tenant-${freshModel().slice("model:".length)}`;
}

/** Submits so many jobs, each later than the one before, and gives their ids, newest first. */
async function submitSeries(tenant: string, count: number, model = freshModel()): Promise<JobId[]> {
  const ids: JobId[] = [];
  for (let at = 0; at < count; at++) {
    const job = jobOf(model, tenant);
    // Ids made within one millisecond stand in no order.
    await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(job.created_at));
    await farm.submit(job);
    ids.push(job.id);
  }
  return ids.reverse();
}

const idsOf = (jobs: readonly Pick<JobRecord, "id">[]) => jobs.map(({ id }) => id);

async function readAll(query: JobQuery, between: () => Promise<unknown> = async () => undefined) {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await farm.listJobs({ ...query, cursor });
    expect(page.jobs.length).toBeLessThanOrEqual(query.limit);
    ids.push(...idsOf(page.jobs));
    cursor = page.next_cursor ?? undefined;
    await between();
  } while (cursor !== undefined);
  return ids;
}

describe("listJobs()", () => {
  it("gives the newest first, page by page, and ends", async () => {
    const tenant = freshTenant();
    const ids = await submitSeries(tenant, 7);
    expect(await readAll({ tenant, limit: 3 })).toEqual(ids);
    expect(await readAll({ tenant, limit: 7 })).toEqual(ids);
    expect(await farm.listJobs({ tenant, limit: 7 })).toMatchObject({ next_cursor: null });
    expect(await farm.listJobs({ tenant, limit: 6 })).toMatchObject({ next_cursor: ids[5] });
  });

  it("goes on where it was though jobs come, and move from one state to another", async () => {
    const tenant = freshTenant();
    const model = freshModel();
    const ids = await submitSeries(tenant, 9, model);
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    const read = await readAll({ tenant, limit: 2 }, async () => {
      await farm.submit(jobOf(model, tenant));
      (await gate.next()).succeed();
      const { jobs } = await farm.listJobs({ tenant, limit: 1, status: "queued" });
      for (const { id } of jobs) if (isJobId(id)) await farm.cancel(id);
    });
    expect(read).toEqual(ids);
  });

  it("tells states apart", async () => {
    const tenant = freshTenant();
    const model = freshModel();
    const [third = "", second = "", first = ""] = await submitSeries(tenant, 3, model);
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    const list = async (status: JobQuery["status"]) =>
      idsOf((await farm.listJobs({ tenant, limit: 10, status })).jobs);
    const held = await gate.next();
    expect([await list("running"), await list("queued")]).toEqual([[first], [third, second]]);
    held.succeed();
    await gate.next();
    expect([await list("succeeded"), await list("running"), await list("queued")]).toEqual([
      [first],
      [second],
      [third],
    ]);
    expect([await list("failed"), await list("canceled"), await list("expired")]).toEqual([[], [], []]);
  });

  it("shows a tenant nothing of another", async () => {
    const [one, other] = [freshTenant(), freshTenant()];
    const ids = await submitSeries(one, 2);
    await submitSeries(other, 2);
    expect(await readAll({ tenant: one, limit: 1 })).toEqual(ids);
    expect(await readAll({ tenant: freshTenant(), limit: 1 })).toEqual([]);
  });

  it("leaves out what Redis has forgotten, and forgets it too", async () => {
    const tenant = freshTenant();
    const [second, first] = await submitSeries(tenant, 2);
    if (first === undefined) throw new TypeError("two jobs were submitted");
    await farm.cancel(first);
    const member = `${first}|${tenant}|canceled`;
    expect(await inspector.zscore(ENDED_KEY, member)).not.toBeNull();
    // A day later.
    await inspector.zadd(ENDED_KEY, 1, member);
    await inspector.del(`{latentfarm}:job:${first}`, `{latentfarm}:params:${first}`);
    expect(await readAll({ tenant, limit: 5 })).toEqual([second]);
    await using _keeper = farm.keep({ onJobEnd: async () => undefined });
    await expect.poll(() => inspector.zscore(ENDED_KEY, member), { timeout: 5_000 }).toBeNull();
    expect(await inspector.zcard(`{latentfarm}:jobs:${tenant}:canceled`)).toBe(0);
  });
});
