import type { FrameRecord, JobId } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { FramePage, FrameQuery } from "../farm.js";
import { jobRecordKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { decodeHead, readStoredHead, silentStatuses } from "./job-record.js";
import { readFrames } from "./read-frames.js";

/** Frames whose states are asked for at once, while those of one state are looked for: some 20 kB. */
const STATUSES_AT_ONCE = 1_000;

/**
 * A page of a job's frames, by index; undefined when Redis does not know the job (any more). The head, the page and, for
 * the frames of one state, the states of those in between are all that is read.
 * @throws {FarmError} queue_unavailable
 */
export async function listFrames(redis: Redis, id: JobId, query: FrameQuery): Promise<FramePage | undefined> {
  const { from, limit, status } = query;
  const stored = await readStoredHead(redis, id);
  if (stored === undefined) return undefined;
  const head = decodeHead(stored);
  const count = head.progress.frames;
  const read = (indices: readonly number[]) => readFrames(redis, { head, stored }, indices);
  const page = (frames: readonly FrameRecord[], next: number): FramePage => ({
    tenant: head.tenant,
    frames,
    next: next < count ? next : null,
  });
  if (status === undefined) {
    const next = Math.min(count, from + limit);
    return page(await read(range(from, next)), next);
  }
  const silent = silentStatuses(stored.fields);
  const found: number[] = [];
  let next = from;
  while (next < count && found.length < limit) {
    const indices = range(next, Math.min(count, next + STATUSES_AT_ONCE));
    const states = await readStatuses(redis, id, indices);
    for (const [at, index] of indices.entries()) {
      if (found.length === limit) break;
      if ((states[at] ?? silent(index)) === status) found.push(index);
      next = index + 1;
    }
  }
  const frames = await read(found);
  // A frame may have gone on since its state was read.
  return page(
    frames.filter((frame) => frame.status === status),
    next,
  );
}

function readStatuses(
  redis: Redis,
  id: JobId,
  indices: readonly number[],
): Promise<readonly (string | null)[]> {
  const names = indices.map((index) => `${index}:status`);
  return bounded("read the states", () => redis.hmget(jobRecordKey(id), ...names));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
}
