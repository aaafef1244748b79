import type { FrameRecord, JobHead } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { decodeFrame, fieldsFrom, frameFields, type StoredJob, silentStatuses } from "../jobs/job-record.js";
import { jobRecordKey } from "../keys.js";
import { bounded } from "../redis/errors.js";

/**
 * Reads some frames of a job whose head is known; numbers past its last frame give none. The rest of a record of 10,000
 * frames stays where it is.
 * @throws {FarmError} queue_unavailable
 */
export async function readFrames(
  redis: Redis,
  { head, stored }: { readonly head: JobHead; readonly stored: StoredJob },
  indices: readonly number[],
): Promise<FrameRecord[]> {
  const known = indices.filter((index) => index < head.progress.frames);
  if (known.length === 0) return [];
  const names = frameFields(known);
  const values = await bounded("read the frames", () => redis.hmget(jobRecordKey(head.id), ...names));
  const fields = fieldsFrom(names, values);
  const silent = silentStatuses(stored.fields);
  return known.map((index) => decodeFrame(fields, { index, seed: head.params.seed, silent: silent(index) }));
}
