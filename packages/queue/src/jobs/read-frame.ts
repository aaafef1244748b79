import { invariant, type JobId } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { JobFrame } from "../farm.js";
import { jobParamsKey, jobRecordKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { decodeFrame } from "./job-record.js";

/**
 * One frame of a job: nine fields of the record, where the whole of 10,000 frames is some megabytes; undefined when Redis
 * does not know the job (any more).
 * @throws {FarmError} queue_unavailable
 */
export async function readFrame(redis: Redis, id: JobId, index: number): Promise<JobFrame | undefined> {
  const own = ["status", "attempt", "result", "error"].map((name) => `${index}:${name}`);
  const names = ["tenant", "frames", "next", "rest", ...own];
  const [values, text] = await bounded("read the frame", () =>
    Promise.all([redis.hmget(jobRecordKey(id), ...names), redis.get(jobParamsKey(id))]),
  );
  const [tenant, frames, next, rest] = values;
  if (!tenant || text === null) return undefined;
  invariant(frames && next, "a job record has its frames");
  const count = Number(frames);
  if (index >= count) return { tenant, frames: count, frame: undefined };
  const fields = Object.fromEntries(
    names.flatMap((name, at) => (typeof values[at] === "string" ? [[name, values[at]]] : [])),
  );
  const { seed } = JSON.parse(text);
  const silent = index < Number(next) ? "queued" : (rest ?? "");
  const frame = decodeFrame(fields, { index, seed: String(seed), silent });
  return { tenant, frames: count, frame };
}
