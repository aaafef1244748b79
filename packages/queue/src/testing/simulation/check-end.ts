import type { Redis } from "ioredis";
import type { Told } from "./check-log.js";
import { numberOf, type View } from "./view.js";
import { BrokenPromise, type World } from "./world.js";

/** Kinds of keys that may be left once everything has ended: what is kept for a while, and what is kept for ever. */
const KEPT =
  /^(job|events|params|idempotency):|^snapshot:|^jobs:|^(usage|tenant):|^fair:m\d(:tags)?$|^(ended|counters|eta|queues|usage)$/;

/** What must be so once all has ended: no books open, nothing left behind, every number agrees with the logs. */
export async function checkEnd(end: {
  readonly redis: Redis;
  readonly world: World;
  readonly view: View;
  readonly told: Told;
}): Promise<void> {
  const { redis, world, view, told } = end;
  for (const [name, { usage, out }] of Object.entries(view.tenants)) {
    if (out.length > 0)
      throw new BrokenPromise(`nobody holds a place at the end: tenant ${name} holds ${out.join(" ")}`);
    for (const field of ["cost", "frames", "running"]) {
      if (numberOf(usage, field) !== 0)
        throw new BrokenPromise(`books are closed at the end: ${field} of ${name} is ${usage[field]}`);
    }
  }
  for (const [id, { record }] of Object.entries(view.jobs)) {
    const isFiled = world.filed.has(`${id}|${record.finished_ms}`);
    if (!isFiled) throw new BrokenPromise(`the history of every end is written: that of job ${id} is not`);
  }
  await checkKeys(redis, world);
  await checkLogs(redis, world, view);
  await checkCounters(redis, world, { view, told });
  checkKeysOfClients(world, view);
}

async function checkKeys(redis: Redis, { root }: World): Promise<void> {
  const keys = await redis.keys(`${root}:*`);
  const left = keys.map((key) => key.slice(root.length + 1)).find((key) => !KEPT.test(key));
  if (left !== undefined) throw new BrokenPromise(`nothing is left behind: ${left} is`);
}

/** All numbers from 1 are in the log but those of previews, which are gone with their frames. */
async function checkLogs(redis: Redis, { root }: World, view: View): Promise<void> {
  for (const [id, { record }] of Object.entries(view.jobs)) {
    const entries = await redis.xrange(`${root}:events:${id}`, "-", "+");
    if (entries.some(([, fields]) => fields[1] === "frame.preview")) {
      throw new BrokenPromise(`previews go with their frames: one of job ${id} is left`);
    }
    const last = entries.at(-1)?.[0];
    if (last !== `${record.seq}-0`)
      throw new BrokenPromise(`an end is a log's last word: that of job ${id} is ${last}`);
  }
}

async function checkCounters(
  redis: Redis,
  { root }: World,
  { view, told }: { view: View; told: Told },
): Promise<void> {
  const counters = await redis.hgetall(`${root}:counters`);
  const compare = (name: string, expected: number) => {
    if (numberOf(counters, name) !== expected) {
      throw new BrokenPromise(
        `counters agree with the logs: ${name} is ${counters[name]}, told were ${expected}`,
      );
    }
  };
  compare("jobs_submitted", Object.keys(view.jobs).length);
  for (const end of ["succeeded", "failed", "canceled", "expired"])
    compare(`jobs_${end}`, told.get(`job.${end}`) ?? 0);
  for (const end of ["succeeded", "failed"]) compare(`frames_${end}`, told.get(`frame.${end}`) ?? 0);
}

/** One key of one tenant stands for one job. */
function checkKeysOfClients({ plan }: World, view: View): void {
  const taken = new Map<string, string>();
  for (const id of Object.keys(view.jobs)) {
    const job = plan.jobs.find(({ name }) => id.startsWith(`${name}x`));
    if (job?.idempotency === undefined) continue;
    const key = `${job.tenant}${job.idempotency.key}`;
    const other = taken.get(key);
    if (other !== undefined)
      throw new BrokenPromise(`a key stands for one job: ${key} stands for ${other} and ${id}`);
    taken.set(key, id);
  }
}
