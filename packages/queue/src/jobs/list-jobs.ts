import { isJobId, type JobHead, type JobId, STATUSES } from "@latentfarm/contract";
import type { JobQuery } from "../farm.js";
import { jobIndexKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { type ReadContext, readEstimatedHead } from "./read-job.js";

/**
 * A page of a tenant's jobs, newest first: ids sort by the time they were made, so that the last id of a page is where the
 * next one goes on, whatever has come or gone between.
 * @throws {FarmError} queue_unavailable
 */
export async function listJobs(
  context: ReadContext,
  query: JobQuery,
): Promise<{ readonly jobs: JobHead[]; readonly next_cursor: string | null }> {
  const { tenant, limit, cursor } = query;
  const from = cursor === undefined ? "+" : `(${cursor}`;
  const statuses = query.status === undefined ? STATUSES : [query.status];
  const pages = await Promise.all(
    statuses.map((status) =>
      bounded("list the jobs", () =>
        context.redis.zrevrangebylex(jobIndexKey(tenant, status), from, "-", "LIMIT", 0, limit + 1),
      ),
    ),
  );
  // A job that moves while it is looked for may be seen in two states.
  const ids = [...new Set(pages.flat())].filter(isJobId).sort().reverse();
  const shown = ids.slice(0, limit);
  const jobs = await Promise.all(shown.map((id) => readEstimatedHead(context, id)));
  return {
    jobs: jobs.filter((job) => job !== undefined),
    next_cursor: ids.length > limit ? lastOf(shown) : null,
  };
}

function lastOf(ids: readonly JobId[]): string | null {
  return ids.at(-1) ?? null;
}
