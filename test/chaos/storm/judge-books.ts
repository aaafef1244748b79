import { isTerminal, STATUSES, type Status } from "@latentfarm/contract";
import type { StormRecord, Violation } from "./record.js";

/** What is wrong with the lists, counters and quotas of the farm once it is at rest. */
export function judgeBooks(record: StormRecord): Violation[] {
  const listed = new Set<string>(record.jobs.map(({ id }) => id));
  const accepted = new Set(record.stories.flatMap((story) => story.accepted));
  return [
    ...[...accepted]
      .filter((id) => !listed.has(id))
      .map((id) => say("accepted jobs are listed", id, "it is not")),
    ...record.jobs
      .filter(({ id, status }) => !accepted.has(id) && !isTerminal(status))
      .map(({ id, status }) => say("jobs end", id, `its client never heard of it, it is ${status}`)),
    ...judgeOpen(record),
    ...judgeCounters(record),
  ];
}

/** What a tenant has open counts against its quota: a leak would lock it out in the end. */
function judgeOpen({ stats }: StormRecord): Violation[] {
  return stats.flatMap(({ frames_queued, frames_running, backlog_cost, tenant }) => {
    const { queued_cost, concurrent_frames, running_frames, name } = tenant;
    const open = {
      frames_queued,
      frames_running,
      backlog_cost,
      queued_cost,
      concurrent_frames,
      running_frames,
    };
    return Object.entries(open)
      .filter(([, value]) => value !== 0)
      .map(([field, value]) => say("nothing is on the books at rest", name, `${field} is ${value}`));
  });
}

const COUNTED_JOBS = ["succeeded", "failed", "canceled", "expired"] as const satisfies readonly Status[];

/** No job of a storm is retried, so each ends once and each frame ends once. */
function judgeCounters({ jobs, stats: [stats] }: StormRecord): Violation[] {
  if (stats === undefined) return [];
  const { counters } = stats;
  const frames = jobs.flatMap((job) => job.frames);
  const found: Violation[] = [];
  const compare = (name: keyof typeof counters, actual: number): void => {
    if (counters[name] !== actual) {
      found.push(
        say("counters agree with the jobs", name, `${name} is ${counters[name]}, there are ${actual}`),
      );
    }
  };
  compare("jobs_submitted", jobs.length);
  for (const status of COUNTED_JOBS) {
    compare(`jobs_${status}`, jobs.filter((job) => job.status === status).length);
    compare(`frames_${status}`, frames.filter((frame) => frame.status === status).length);
  }
  return found;
}

/** True when nothing is open: then the books can be judged. */
export function isAtRest({ stats, jobs }: Pick<StormRecord, "stats" | "jobs">): boolean {
  const open = STATUSES.filter((status) => !isTerminal(status));
  return (
    stats.every(({ frames_queued, frames_running }) => frames_queued + frames_running === 0) &&
    jobs.every(({ status }) => !open.includes(status))
  );
}

function say(rule: Violation["rule"], subject: string, text: string): Violation {
  return { rule, subject, text };
}
