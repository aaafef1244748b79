import type { FrameRecord, JobHead } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { decodeFrame, type StoredJob } from "../jobs/job-record.js";
import { jobRecordKey } from "../keys.js";
import { bounded } from "../redis/errors.js";

/** What Redis may hold of each frame. */
const FRAME_FIELDS = ["status", "attempt", "result", "error"] as const;

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
  const names = known.flatMap((index) => FRAME_FIELDS.map((field) => `${index}:${field}`));
  const values = await bounded("read the frames", () => redis.hmget(jobRecordKey(head.id), ...names));
  const fields: Record<string, string> = {};
  for (const [at, name] of names.entries()) {
    const value = values[at];
    if (typeof value === "string") fields[name] = value;
  }
  const { next, rest = "queued" } = stored.fields;
  return known.map((index) =>
    decodeFrame(fields, { index, seed: head.params.seed, silent: index < Number(next) ? "queued" : rest }),
  );
}
